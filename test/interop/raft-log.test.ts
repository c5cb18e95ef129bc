import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Checkpoints } from '../../native-free-io/disk/checkpoints.ts'
import { DiskRoom } from '../../native-free-io/disk/disk-room.ts'
import { noDirectoryId, readQuorumState, writeQuorumState } from '../../native-free-io/disk/quorum-state.ts'
import { RaftLogFile } from '../../native-free-io/disk/raft-log-file.ts'
import { encodeCommand } from '../../src/metadata/batches.ts'
import { checkpointName } from '../../src/metadata/checkpoint.ts'
import { encodeRecord } from '../../src/metadata/records.ts'
import { buildControlBatch, leaderChangeVersion } from '../../src/wire/control-batches.ts'
import { placeBatch } from '../../src/wire/raft-batches.ts'
import { batchHeader } from '../../src/wire/record-batch.ts'
import { javaArguments, kafkaMissing } from '../support/kafka.ts'
import { root } from '../support/root.ts'
import { run } from './client.ts'
import { javaTool } from './java-client.ts'

const limitMs = 60_000
const missing = kafkaMissing()
if (missing) console.warn(`skipped: Raft's files with Kafka's classes, ${missing}`)

const timestamp = 1_700_000_000_000
const directory = 'JsnUlBPkTTGYmEkjpSbhxQ'
const voter = { voterId: 1, voterDirectoryId: directory }
const voters = [
  {
    ...voter,
    endpoints: [{ name: 'CONTROLLER', host: 'localhost', port: 9093 }],
    kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
  },
]
const record = { type: 'brokerRegistered', brokerId: 1, brokerEpoch: 2 } as const

describe.runIf(missing === null)('Raft log: Kafka reads it', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'raft-interop-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('kafka-dump-log shows offsets, epochs, CRCs and control records of a segment', { timeout: limitMs }, async () => {
    const log = join(folder, '__cluster_metadata-0')
    const failed = (error: Error): void => {
      throw error
    }
    const { log: opened } = await RaftLogFile.open({ folder: log, snapshots: [], room: new DiskRoom(() => {}), failed })
    const leader = { voterId: 1, voterDirectoryId: noDirectoryId }
    const leaderChange = { version: leaderChangeVersion, leaderId: 1, voters: [leader], grantingVoters: [leader] }
    const head = buildControlBatch(
      [
        { type: 'leaderChange', value: leaderChange },
        { type: 'kraftVersion', value: { version: 0, kRaftVersion: 1 } },
        { type: 'kraftVoters', value: { version: 0, voters } },
      ],
      timestamp,
    )
    const batches = [placeBatch(head, 0, 4), placeBatch(encodeCommand([record, record], timestamp), 3, 4)]
    batches.push(placeBatch(buildControlBatch([{ type: 'leaderChange', value: leaderChange }], timestamp), 5, 9))
    batches.push(placeBatch(encodeCommand([record], timestamp), 6, 9))
    await opened.append(batches)
    await opened.close()
    const printed = String(await javaTool('DumpLogSegments', ['--print-data-log', '--files', join(log, '00000000000000000000.log')]))
    const found = [
      ...printed.matchAll(
        /^baseOffset: (\d+) lastOffset: (\d+) .* partitionLeaderEpoch: (\d+) isTransactional: false isControl: (\w+) .* crc: (\d+) isvalid: (\w+)/gm,
      ),
    ]
    expect(
      found.map((row) => row.slice(1)),
      printed,
    ).toEqual(
      batches.map(({ baseOffset, endOffset, epoch, bytes }, index) =>
        [baseOffset, endOffset - 1, epoch, index % 2 === 0, bytes.readUInt32BE(batchHeader.crc), true].map(String),
      ),
    )
    expect(printed).toContain('LeaderChange: {"version":0,"leaderId":1,"voters":[{"voterId":1}],"grantingVoters":[{"voterId":1}]}')
    expect(printed).toContain('KRaftVersion {"version":0,"kRaftVersion":1}')
    expect(printed).toContain(
      `KRaftVoters {"version":0,"voters":[{"voterId":1,"voterDirectoryId":"${directory}","endpoints":[{"name":"CONTROLLER"`,
    )
    expect(printed).not.toMatch(/invalid bytes|Exception/)
  })

  test('kafka-dump-log shows the header, the voters and the footer of a checkpoint', { timeout: limitMs }, async () => {
    const { checkpoints } = await Checkpoints.open(folder)
    const id = { offset: 17, epoch: 3 }
    await checkpoints.write(id, { lastContainedLogTimestamp: timestamp, kraftVersion: 1, voters, records: [encodeRecord(record)] })
    const printed = String(await javaTool('DumpLogSegments', ['--print-data-log', '--files', join(folder, checkpointName(id))]))
    expect(printed).toContain('Snapshot end offset: 17, epoch: 3')
    expect(printed).toContain(`SnapshotHeader {"version":0,"lastContainedLogTimestamp":${timestamp}}`)
    expect(printed).toContain('KRaftVersion {"version":0,"kRaftVersion":1}')
    expect(printed).toContain('KRaftVoters {"version":0,"voters":[{"voterId":1')
    expect(printed).toContain('SnapshotFooter {"version":0}')
    expect(printed.match(/isvalid: true/g), printed).toHaveLength(3)
    expect(printed).not.toMatch(/invalid bytes|Exception/)
  })

  test('FileQuorumStateStore reads and writes the same quorum-state', { timeout: limitMs }, async () => {
    const [own, vote, election] = [0, 1, 2].map(() => mkdtempSync(join(folder, 'state-'))) as [string, string, string]
    const voted = { leaderId: -1, leaderEpoch: 7, votedId: 2, votedDirectoryId: directory }
    await writeQuorumState(own, voted)
    const source = join(root, 'test', 'interop', 'QuorumStates.java')
    const printed = String(await run('java', [...javaArguments(source), own, vote, election]))
    expect(printed).toContain(`epoch=7, leaderId=OptionalInt.empty, votedKey=Optional[ReplicaKey(id=2, directoryId=${directory})]`)
    expect(readFileSync(join(vote, 'quorum-state'))).toEqual(readFileSync(join(own, 'quorum-state')))
    expect([await readQuorumState(vote), await readQuorumState(election)]).toEqual([voted, { ...voted, leaderId: 3, leaderEpoch: 8 }])
  })
})
