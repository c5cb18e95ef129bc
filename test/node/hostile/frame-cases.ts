import { Writer } from '../../support/bytes.ts'
import { api, createTopics, fetchRequest, framed, metadata, produce, requestFrame } from '../../support/requests.ts'
import { type Case, closes, creates, describes, fetches, negotiates, produces, survives } from './cases.ts'

const of = (...bytes: number[]): Buffer => Buffer.from(bytes)
const int32 = (value: number): Buffer => new Writer().int32(value).finish()
const request = (key: number, version: number, body: (out: Writer) => Writer, clientId: string | null = 'hostile'): Buffer =>
  framed(body(new Writer().int16(key).int16(version).int32(7).string(clientId)))

const frameBytesMax = 104_857_600

/** Frames with an invalid length. */
const lengths: readonly Case[] = [
  closes('a length of -1', int32(-1)),
  closes('the lowest length there is', int32(-(2 ** 31))),
  closes('a length one above socket.request.max.bytes', int32(frameBytesMax + 1)),
  closes('an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')),
  closes('a TLS hello on a plaintext port', of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03)),
  closes('an empty frame', int32(0)),
  ...[1, 2, 4, 7].map((length) => closes(`a frame of ${length} bytes`, Buffer.concat([int32(length), Buffer.alloc(length)]))),
]

const softwareName = (name: string) => (out: Writer) => out.noTags().compactString(name).compactString('1').noTags()
const manyTags = (count: number): Buffer => {
  const tags = new Writer().uvarint(count)
  for (let tag = 0; tag < count; tag += 1) tags.uvarint(tag).uvarint(0)
  return tags.finish()
}

/** Headers: API key, version and client id. */
const headers: readonly Case[] = [
  closes(
    'an API key that does not exist',
    request(9999, 0, (out) => out),
  ),
  closes(
    'a negative API key',
    request(-1, 0, (out) => out),
  ),
  closes(
    'an API key that Kafka has removed',
    request(4, 0, (out) => out),
  ),
  closes(
    'Metadata in a version to come',
    request(3, 99, (out) => out.noTags()),
  ),
  closes(
    'Metadata in a negative version',
    request(3, -1, (out) => out),
  ),
  closes(
    'Fetch in a version that is gone',
    request(1, 3, (out) => out),
  ),
  closes(
    'Produce in a version that is advertised and gone',
    request(0, 2, (out) => out),
  ),
  negotiates(
    'ApiVersions in a version to come',
    35,
    request(18, 99, (out) => out.noTags()),
  ),
  negotiates('ApiVersions without a software name', 42, request(18, 3, softwareName(''))),
  negotiates('ApiVersions with a software name of blanks and slashes', 42, request(18, 3, softwareName('a b/c'))),
  negotiates(
    'ApiVersions without a client id',
    0,
    request(18, 0, (out) => out, null),
  ),
  negotiates(
    'ApiVersions with a client id of 32,767 bytes',
    0,
    request(18, 0, (out) => out, 'x'.repeat(32_767)),
  ),
  negotiates(
    'ApiVersions with a client id that is not UTF-8',
    0,
    framed(
      new Writer()
        .int16(18)
        .int16(0)
        .int32(7)
        .int16(4)
        .raw(of(0xff, 0xfe, 0xc0, 0x00)),
    ),
  ),
  closes(
    'a client id longer than the frame',
    framed(
      new Writer()
        .int16(18)
        .int16(0)
        .int32(7)
        .int16(100)
        .raw(of(1, 2, 3)),
    ),
  ),
  survives('a client id of length -2', framed(new Writer().int16(18).int16(0).int32(7).int16(-2))),
  negotiates(
    'an unknown tag',
    0,
    request(18, 3, (out) =>
      out
        .uvarint(1)
        .uvarint(77)
        .uvarint(3)
        .raw(of(1, 2, 3))
        .compactString('c')
        .compactString('1')
        .noTags(),
    ),
  ),
  survives(
    'the same tag twice',
    request(18, 3, (out) => out.uvarint(2).uvarint(5).uvarint(0).uvarint(5).uvarint(0).compactString('c').compactString('1').noTags()),
  ),
  survives(
    'tags out of order',
    request(18, 3, (out) => out.uvarint(2).uvarint(5).uvarint(0).uvarint(4).uvarint(0).compactString('c').compactString('1').noTags()),
  ),
  closes(
    'a count of tags in six bytes',
    request(18, 3, (out) => out.raw(of(0xff, 0xff, 0xff, 0xff, 0xff, 0x01))),
  ),
  closes(
    'twenty million tags that are not there',
    request(18, 3, (out) => out.uvarint(20_000_000).raw(Buffer.alloc(16))),
  ),
  survives(
    'a hundred thousand tags that are there',
    request(18, 3, (out) => out.raw(manyTags(100_000)).compactString('c').compactString('1').noTags()),
  ),
  closes(
    'a tag longer than the frame',
    request(18, 3, (out) =>
      out
        .uvarint(1)
        .uvarint(0)
        .uvarint(1 << 20)
        .raw(of(0)),
    ),
  ),
]

const cut = (frame: Buffer, bytes: number): Buffer => {
  const shorter = Buffer.from(frame.subarray(0, frame.length - bytes))
  shorter.writeInt32BE(shorter.length - 4)
  return shorter
}
const longer = (frame: Buffer, extra: Buffer): Buffer => {
  const grown = Buffer.concat([frame, extra])
  grown.writeInt32BE(grown.length - 4)
  return grown
}
const describePlain = requestFrame(api.metadata, metadata(['plain']), 1)
const fetchPlain = requestFrame(api.fetch, fetchRequest([{ topic: 'plain', partition: 0, offset: 0n }]), 1)

/** Bodies with inconsistent parts. */
const bodies: readonly Case[] = [
  ...[1, 3, 9].flatMap((bytes) => [
    closes(`Metadata that lacks its last ${bytes} bytes`, cut(describePlain, bytes)),
    closes(`Fetch that lacks its last ${bytes} bytes`, cut(fetchPlain, bytes)),
    closes(
      `Produce that lacks its last ${bytes} bytes`,
      cut(requestFrame(api.produce, produce([{ topic: 'plain', partition: 0, records: Buffer.alloc(80) }]), 1), bytes),
    ),
    closes(
      `CreateTopics that lacks its last ${bytes} bytes`,
      cut(requestFrame(api.createTopics, createTopics([{ name: 'never', partitions: 1 }]), 1), bytes),
    ),
  ]),
  describes('Metadata with bytes behind its end', 0, longer(describePlain, Buffer.alloc(100, 0xee))),
  fetches('Fetch with bytes behind its end', 0, longer(fetchPlain, Buffer.alloc(100, 0xee))),
  closes(
    'an array of 2,147,483,647 topics',
    request(3, 4, (out) =>
      out
        .int32(2 ** 31 - 1)
        .string('plain')
        .bool(false),
    ),
  ),
  survives(
    'an array of -2 topics',
    request(3, 4, (out) => out.int32(-2).bool(false)),
  ),
  closes(
    'an array of -2 topics to create',
    request(19, 4, (out) => out.int32(-2).int32(1000).bool(false)),
  ),
  closes(
    'a compact array of 4,294,967,294 topics',
    request(1, 12, (out) =>
      out
        .noTags()
        .raw(Buffer.alloc(25))
        .raw(of(0xff, 0xff, 0xff, 0xff, 0x0f)),
    ),
  ),
  closes(
    'a topic name longer than what is left',
    request(3, 4, (out) => out.int32(1).int16(30_000).raw(of(65, 66)).bool(false)),
  ),
  closes(
    'a null where a topic name must be',
    request(0, 9, (out) => out.noTags().uvarint(0).int16(-1).int32(1000).uvarint(2).uvarint(0).uvarint(1).noTags().noTags()),
  ),
  closes(
    'records longer than what is left',
    request(0, 9, (out) =>
      out
        .noTags()
        .uvarint(0)
        .int16(-1)
        .int32(1000)
        .uvarint(2)
        .compactString('plain')
        .uvarint(2)
        .int32(0)
        .uvarint(1 << 28),
    ),
  ),
  produces('Produce without a topic', 0, requestFrame(api.produce, produce([]), 1)),
  fetches('Fetch without a topic', 0, requestFrame(api.fetch, fetchRequest([]), 1)),
  describes('Metadata without a topic', 0, requestFrame(api.metadata, metadata([]), 1)),
  creates('CreateTopics without a topic', 0, requestFrame(api.createTopics, createTopics([]), 1)),
]

export const frameCases: readonly Case[] = [...lengths, ...headers, ...bodies]
