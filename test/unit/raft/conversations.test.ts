import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../../support/root.ts'
import { ScriptedCluster, voterOf } from './scripted-cluster.ts'

/**
 * Conversations of replicas: commands, and below a line of dashes what they cause. The name of a file is its claim. `UPDATE=1` records the
 * present lines.
 */
const folder = join(root, 'test', 'unit', 'raft', 'conversations')

/** Words of a command, the first of which is its name. */
type Command = (cluster: ScriptedCluster, ...words: number[]) => void

const commands: Readonly<Record<string, Command>> = {
  timeout: (cluster, id) => cluster.timeout(id!),
  pass: (cluster, id, ms) => cluster.pass(id!, ms!),
  /** An election whose lines are in other conversations. */
  elected: (cluster, id) => {
    cluster.timeout(id!)
    cluster.deliver()
    cluster.take()
  },
  deliver: (cluster) => cluster.deliver(),
  propose: (cluster, id, token, count) => cluster.propose(id!, token!, count!),
  resign: (cluster, id) => cluster.resign(id!),
  checkpoint: (cluster, id) => cluster.checkpoint(id!),
  cut: (cluster, id) => cluster.cut(id!),
  heal: (cluster) => cluster.heal(),
  slow: (cluster, id) => cluster.slow(id!),
  persisted: (cluster, id) => cluster.persisted(id!),
  restart: (cluster, id) => cluster.restart(id!),
  'lose-disk': (cluster, id) => cluster.loseDisk(id!, 'b'),
  'add-voter': (cluster, via, id) => cluster.request(via!, { type: 'addVoter', voter: voterOf(id!, 'a'), ackWhenCommitted: true }),
  'remove-voter': (cluster, via, id) => cluster.request(via!, { type: 'removeVoter', voter: { id: id!, directory: 'a' } }),
}

function run(block: string, before: ScriptedCluster | undefined): { cluster: ScriptedCluster; lines: string[] } {
  let cluster = before
  const lines: string[] = []
  for (const line of block.split('\n')) {
    const [name, ...words] = line.split(' ')
    const numbers = words.filter((word) => /^\d+$/.test(word)).map(Number)
    if (name === 'voters' || name === 'static-voters') {
      const split = words.indexOf('observers')
      const count = split < 0 ? numbers.length : split
      cluster = new ScriptedCluster(numbers.slice(0, count), numbers.slice(count), name === 'static-voters')
    } else if (cluster === undefined) throw new Error(`the first command names the voters, not: ${line}`)
    else if (name === 'states') lines.push(...cluster.states())
    else {
      const command = commands[name!]
      if (command === undefined) throw new Error(`no command ${line}`)
      command(cluster, ...numbers)
    }
    lines.push(...cluster.take())
  }
  return { cluster: cluster!, lines }
}

const isComment = (block: string): boolean => block.startsWith('#')

function converse(text: string): string {
  let cluster: ScriptedCluster | undefined
  const blocks = text.trimEnd().split('\n\n')
  const played = blocks.map((block) => {
    if (isComment(block)) return block
    const [input] = block.split('\n----')
    const result = run(input!, cluster)
    cluster = result.cluster
    return [input, '----', ...result.lines].join('\n')
  })
  return `${played.join('\n\n')}\n`
}

const names = readdirSync(folder).filter((name) => name.endsWith('.txt'))

test.each(names)('raft conversation: %s', (name) => {
  const path = join(folder, name)
  const text = readFileSync(path, 'utf8')
  const played = converse(text)
  if (process.env['UPDATE'] === '1') writeFileSync(path, played)
  else expect(played).toBe(text)
})

test('raft conversations: there are scenarios of each kind, and no line without a command', () => {
  expect(names.length).toBeGreaterThanOrEqual(12)
  expect(() => converse('voters 1 2 3\nno-such 1')).toThrow('no command no-such 1')
  expect(converse('voters 1\n----\nanything')).not.toContain('anything')
})
