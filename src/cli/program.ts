import { Command } from 'commander'
import { type ConfigFile, type Loaded, load } from '../config/load.ts'
import { NodeConfigs } from '../config/node-configs.ts'

/** Functions that the commands require from the environment. */
export interface Actions {
  /** The text of a file, or why it cannot be read. */
  readonly read: (path: string) => ConfigFile | { readonly unreadable: string }
  readonly print: (line: string) => void
  readonly reportError: (line: string) => void
  /** Sets the exit code of the process. */
  readonly exitCode: (code: number) => void
  readonly version: string
  /** Errors that a start would detect on this machine, found without starting anything. */
  readonly inspect: (configs: NodeConfigs) => Promise<readonly string[]>
  /** Starts a node. The warnings are written to its log. */
  readonly start: (configs: NodeConfigs, warnings: readonly string[]) => Promise<void>
}

const collect = (item: string, before: readonly string[]): readonly string[] => [...before, item]

/** The `millrace` command line: `await program(actions).parseAsync()`. */
export function program(actions: Actions): Command {
  const millrace = new Command('millrace').description('A Kafka-compatible streaming broker.')
  millrace.version(`millrace ${actions.version}`, '-V, --version', 'print the version')
  millrace.configureOutput({ writeOut: (text) => actions.print(text.trimEnd()), writeErr: (text) => actions.reportError(text.trimEnd()) })
  millrace.showHelpAfterError('(see millrace --help)').helpCommand(false)

  const server = millrace.command('server').description('run a node').helpCommand(false)
  server
    .command('start')
    .description('start a node in the foreground; without a file: 127.0.0.1:9092, data in ./.millrace, everything embedded')
    .option('-c, --config <file>', "settings: Kafka's .properties, or .toml")
    .option('-o, --override <key=value>', 'a setting that overrides the file; may be repeated', collect, [])
    .action(async ({ config, override }: { config?: string; override: readonly string[] }) => {
      const loaded = loadFrom(actions, config, override)
      if (loaded?.settings !== undefined) await actions.start(new NodeConfigs(loaded.settings, loaded.given), loaded.warnings)
    })

  const config = millrace.command('config').description('inspect configuration files').helpCommand(false)
  config
    .command('check')
    .description('report the errors of a configuration file; exit status 1 if there are any')
    .argument('<file>')
    .option('-o, --override <key=value>', 'as for server start', collect, [])
    .action(async (file: string, { override }: { override: readonly string[] }) => {
      const loaded = loadFrom(actions, file, override)
      for (const warning of loaded?.warnings ?? []) actions.reportError(`warning: ${warning}`)
      if (loaded?.settings === undefined) return
      const found = await actions.inspect(new NodeConfigs(loaded.settings, loaded.given))
      for (const error of found) actions.reportError(error)
      if (found.length > 0) actions.exitCode(1)
      else actions.print(`${file}: no errors`)
    })

  millrace
    .command('version')
    .description('print the version')
    .action(() => actions.print(`millrace ${actions.version}`))
  return millrace
}

/** Errors are printed and set the exit status to 1. */
function loadFrom(actions: Actions, path: string | undefined, overrides: readonly string[]): Loaded | undefined {
  const file = path === undefined ? undefined : actions.read(path)
  if (file !== undefined && 'unreadable' in file) {
    actions.reportError(file.unreadable)
    actions.exitCode(1)
    return undefined
  }
  const loaded = load(file, overrides)
  for (const error of loaded.validationErrors) actions.reportError(error)
  if (loaded.validationErrors.length > 0) actions.exitCode(1)
  return loaded
}
