import { CommanderError } from 'commander'
import { expect, test } from 'vitest'
import { program } from '../../../src/cli/program.ts'
import type { Settings } from '../../../src/config/settings.ts'

const files: Record<string, string> = {
  'good.properties': 'num.partitions=4\nnum.io.threads=8',
  'bad.properties': 'num.partitions=0\nnode.id=x',
}

async function run(line: string) {
  const output: { out: string[]; err: string[]; code: number; started?: Settings; warnings?: readonly string[] } = {
    out: [],
    err: [],
    code: 0,
  }
  const command = program({
    read: (path) => (path in files ? { name: path, content: files[path]! } : { unreadable: `${path}: there is no such file` }),
    print: (text) => output.out.push(text),
    reportError: (text) => output.err.push(text),
    exitCode: (code) => {
      output.code = code
    },
    version: '1.2.3',
    inspect: async ({ settings }) => (settings['num.partitions'] === 13 ? ['num.partitions = 13: the machine has no room'] : []),
    start: async (configs, warnings) => {
      output.started = configs.settings
      output.warnings = warnings
    },
  })
  for (const each of [command, ...command.commands, ...command.commands.flatMap((child) => child.commands)]) each.exitOverride()
  try {
    await command.parseAsync(line.split(' '), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    output.code = error.exitCode
  }
  return output
}

test('program: a node starts with its file under its overrides', async () => {
  const { started, warnings, code } = await run('server start --config good.properties --override node.id=3 -o num.partitions=5')
  expect([started!['node.id'], started!['num.partitions'], code]).toEqual([3, 5, 0])
  expect(warnings).toEqual(['num.io.threads (good.properties line 2) has no effect yet'])
})

test('program: a node starts without any settings', async () => {
  expect((await run('server start')).started!['log.dirs']).toEqual(['./.millrace'])
})

test('program: nothing starts with a wrong setting or without its file', async () => {
  const wrong = await run('server start --config bad.properties')
  expect([wrong.started, wrong.code, wrong.err.length]).toEqual([undefined, 1, 2])
  const absent = await run('server start --config none.properties')
  expect([absent.started, absent.code, absent.err]).toEqual([undefined, 1, ['none.properties: there is no such file']])
})

test('program: config check reports the errors of a file, or that there are none', async () => {
  expect(await run('config check bad.properties')).toMatchObject({
    code: 1,
    out: [],
    err: ['node.id = x (bad.properties line 2): must be a whole number', 'num.partitions = 0 (bad.properties line 1): must be at least 1'],
  })
  expect(await run('config check good.properties')).toMatchObject({
    code: 0,
    out: ['good.properties: no errors'],
    err: ['warning: num.io.threads (good.properties line 2) has no effect yet'],
  })
})

test('program: the version is printed, and an unknown command is an error', async () => {
  expect((await run('version')).out).toEqual(['millrace 1.2.3'])
  expect((await run('serve')).code).toBe(1)
})
