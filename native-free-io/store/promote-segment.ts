import { type FileHandle, open } from 'node:fs/promises'
import { encodeSegmentIndex } from '../../src/objects/segment-index.ts'
import type { ObjectStore, StoreFault } from '../../src/ports/object-store.ts'
import type { ObjectContents } from '../../src/ports/stored-objects.ts'
import { crashPoint } from '../process/crash-point.ts'
import type { PromoteTask } from '../threads/object-tasks.ts'
import { fileFault } from './file-faults.ts'
import { mountFault } from './mount-fault.ts'

/**
 * Turns the file of a segment into an object: index and footer are appended, and the file gets the name of the object as a second one. No
 * byte of the segment is read or written. `nowMs` is the wall clock.
 *
 * After a fault or a crash the same segment can be promoted again, with the same key or with another.
 */
export async function promoteSegment(
  store: ObjectStore,
  { path, segment, key, marker }: PromoteTask,
  nowMs: number,
): Promise<ObjectContents | StoreFault | 'declined'> {
  if (store.adopt === undefined) return 'declined'
  const unmounted = await mountFault(store, marker)
  if (unmounted !== undefined) return unmounted
  const { index, parts } = encodeSegmentIndex(segment, nowMs)
  const appended = await appendIndex(path, segment.bytes, index).catch((error: unknown) => fileFault(error, 'put', key))
  if (appended !== undefined) return appended
  crashPoint('segment indexed')
  return (await store.adopt(path, key)) ?? { bytes: segment.bytes + index.length, parts }
}

/** The file is durable with the index afterwards, unless it has other names. */
async function appendIndex(path: string, position: number, index: Buffer): Promise<'declined' | undefined> {
  const file = await open(path, 'r+')
  try {
    const { nlink, size } = await file.stat()
    if (nlink > 1) return (await endsWith(file, position, index)) ? undefined : 'declined'
    // A segment may end before its full size: the index of an object is at a fixed position.
    if (size < position) await file.truncate(position)
    await writeAll(file, index, position)
    // An earlier attempt may have left a longer index.
    await file.truncate(position + index.length)
    await file.sync()
    return undefined
  } finally {
    await file.close()
  }
}

/** Whether an earlier attempt has appended the same index. A file with a second name may be an object: it must not change. */
async function endsWith(file: FileHandle, position: number, index: Buffer): Promise<boolean> {
  if ((await file.stat()).size !== position + index.length) return false
  const found = Buffer.alloc(index.length)
  for (let at = 0; at < found.length; ) {
    const { bytesRead } = await file.read(found, at, found.length - at, position + at)
    if (bytesRead === 0) return false
    at += bytesRead
  }
  return found.equals(index)
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten
}
