import { batchOf } from '../pipeline/validation/samples.ts'

const blockBytes = 128 << 10

/** A Zstandard block header: whether it is the last, its kind (0 raw, 1 repeated byte), its size. */
function block(isLast: boolean, kind: number, size: number, content: Buffer): Buffer {
  const header = Buffer.alloc(3)
  header.writeUIntLE((size << 3) | (kind << 1) | (isLast ? 1 : 0), 0, 3)
  return Buffer.concat([header, content])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value * 2; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 128)
  }
}

/** A right batch of one record, whose value is about `bytes` zeros: 4 bytes for every 128 KiB. Source: RFC 8878. */
export function zstdBomb(bytes: number): Buffer {
  const blocks = Math.floor(bytes / blockBytes)
  const value = varint(blocks * blockBytes)
  const body = Buffer.concat([Buffer.from([0, 0, 0, 1]), value])
  const start = Buffer.concat([varint(body.length + blocks * blockBytes + 1), body])
  return batchOf(
    'zstd',
    Buffer.concat([
      // Magic, no flags, a window of 2 MiB.
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 11 << 3]),
      block(false, 0, start.length, start),
      ...Array.from({ length: blocks }, () => block(false, 1, blockBytes, Buffer.from([0]))),
      block(true, 0, 1, Buffer.from([0])),
    ]),
    1,
  )
}
