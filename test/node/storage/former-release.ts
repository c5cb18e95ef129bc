import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Packr } from 'msgpackr/pack'
import { decodeProducers } from '../../../native-free-io/disk/producers-codec.ts'
import { encodeFrames, mark, readFrames, signature } from '../../../src/metadata/frames.ts'
import { decodeRecord, encodeRecord } from '../../../src/metadata/records.ts'
import { formerWalPrefix, walPrefix } from '../../../src/wal/s3/wal-object.ts'
import { blockBytes } from '../../../src/wal/wal-record.ts'
import { encodeSuperblock, readSuperblocks } from '../../../src/wal/wal-superblock.ts'
import { crc32c } from '../../support/crc32c.ts'
import type { Bucket } from '../../support/s3/blobs.ts'

/** Moves the WAL of the stopped node 1 to the keys of the release before lanes. */
export function makeFormerWal({ objects }: Bucket, clusterId: string): void {
  const prefix = formerWalPrefix(clusterId, 1)
  for (const [key, object] of [...objects]) {
    if (!key.startsWith(prefix)) continue
    objects.delete(key)
    objects.set(key.replace(walPrefix(clusterId, 1, 0), prefix), object)
  }
}

const later = ['nodeFounded', 'walMarked', 'lanesChanged', 'recordsLost', 'recordsCounted']

/** Converts the folder of a stopped node to the format of the release before founding ids. */
export function makeFormer(data: string): void {
  const meta = readFileSync(join(data, 'meta.properties'), 'utf8').split('\n').slice(0, 3)
  const [clusterId, foundingId] = ['cluster.id', 'founding.id'].map(
    (key) => new RegExp(`^${key}=(.*)$`, 'm').exec(readFileSync(join(data, 'meta.properties'), 'utf8'))![1]!,
  )
  writeFileSync(join(data, 'meta.properties'), `${meta.join('\n')}\n`)
  const metadata = join(data, 'metadata.log')
  const records = readFrames(readFileSync(metadata)).records.filter((bytes) => !later.includes(decodeRecord(bytes).type))
  writeFileSync(metadata, Buffer.concat([signature, ...encodeFrames(records.map((bytes) => encodeRecord(decodeRecord(bytes)))), mark]))
  forgetIdentity(join(data, 'wal', 'lane-0.wal'))
  const snapshot = join(data, 'producers.snapshot')
  if (existsSync(snapshot)) {
    const packed = new Packr({ useRecords: false }).pack(decodeProducers(readFileSync(snapshot))!.lanes[0]!.partitions)
    const crc = Buffer.alloc(4)
    crc.writeUInt32LE(crc32c(packed))
    writeFileSync(snapshot, Buffer.concat([crc, packed]))
  }
  const cluster = join(data, 'objects', clusterId!)
  rmSync(join(cluster, 'node.properties'))
  const own = join(cluster, 'objects', foundingId!)
  if (!existsSync(own)) return
  for (const name of readdirSync(own)) renameSync(join(own, name), join(cluster, 'objects', name))
  rmSync(own, { recursive: true })
}

function forgetIdentity(path: string): void {
  const fd = openSync(path, 'r+')
  const head = Buffer.alloc(2 * blockBytes)
  readSync(fd, head, 0, head.length, 0)
  const found = readSuperblocks(head)
  if (found.type !== 'whole') throw new Error(`${path} has no superblock`)
  const { superblock } = found
  for (const sequence of [superblock.sequence - 1, superblock.sequence]) {
    const block = Buffer.alloc(blockBytes)
    encodeSuperblock(block, { ...superblock, sequence, identity: undefined })
    writeSync(fd, block, 0, blockBytes, (sequence % 2) * blockBytes)
  }
  closeSync(fd)
}
