import { expect, test } from 'vitest'
import { below, prng } from '../../../../src/base/prng.ts'
import { Unpacker } from '../../../../src/pipeline/validation/unpacker.ts'
import { packSnappy } from '../../../../src/wire/compression/snappy.ts'
import { MalformedMessage } from '../../../../src/wire/primitives.ts'
import { type CodecName, codecNames } from '../../../../src/wire/record-batch.ts'
import { gzipBomb, lz4Bomb, snappyBomb, zstdBomb } from '../../../support/bombs.ts'
import { untraced } from '../../../support/untraced.ts'
import { decodingModule, KernelBench, validationModule } from '../../../support/validation-kernel.ts'
import { xxhash32 } from '../../../support/xxhash32.ts'
import { damagedStream, kafkaStreams } from './damaged-streams.ts'
import { batchOf, countOf } from './samples.ts'

const text = Buffer.from(Array.from({ length: 400 }, (_, i) => `${i % 37}:${(i * 7919) % 1000};`).join(''))
const bytesMax = 1 << 20
const unpacker = new Unpacker(await decodingModule())

/** Written by the reference programs `zstd` and `lz4`. */
const samples = [
  {
    codec: 'zstd',
    how: 'level 19',
    packed:
      'KLUv/QRozSQAOqVQEgmwO2FZNkVKcjQhASIBIQFwpp52nr5k6UPo6KV1+4Ewe7Iw9EXi403Gxl/JxQPLxPPKw7fMwsecg5dw+SFNno4Gvqq+24' +
      'TtF+I6dEwnkOc1sjyoHBcx99MzT4aXmeJG9MRPaolDhCNOihvviRmPGkNchnz9RNl6orn6OjP1Vufpbyw9CB09W7cvhNmHhaEXEh8/MjaeSi6+' +
      'oEy8WXn4I7PwMOfgGS5f0uTjaOCl6vtM2E4hrhfHdLvx/IosByrHKea+PfNhuJgpPkRPnKSWeDUccQNx42dixqHGEOeQr2+UrQ+aq5czUz91np' +
      '7G0lfQ0Rvr9nc1e7Aw9CTx8ZWx8VFy8QJl4sfKwxOZhS85B291+QOaPBwNPKu+d8L2CHFdOKbPjedUZHlNOW5h7o9nHgwBPIB5eJpZ+NI5+BCX' +
      'l9LkB2rgyep7UdhuIq5fx3Qgec4jy1vleIy5lzjzQ8PpTPEqeuI2tcQvwhGHihsnjBmvjSEeRL5epGz91Fw9wZn6svP0Rpb+hI4eom5Phtn3wt' +
      'BHiY+XGRs/QS6eWCa+rjy8lVn4m3PwIC7P0uQLNfBh9V0obB8R16ljegF5bkaWH5XjMOaeceZLw+NMcSl64jO1xCnCES+KG7cTM341hjgQ+XpK' +
      '2frWXH3AmXqx8/RDlp6Ejr5atzcIsz8LQw8lPp4zNr5BLj5YJl6uPPyUWXiac/AVLm+kyd/RwIPVd1LYXhHXo2O6AHk+RpYTleMl5t565s9wOF' +
      'OcRU+8U0s8IhxxobjxOTHjVGOI15CvtyhbfzRXDwGW08rxkrkPOfNSwwdoipPREy+qJW4SjvhV3DhwzDhvDPEW+fqYsvUS5uqHZ+rpztNXWXob' +
      'OvqLuj00zJ4ghr4mPj5obLwIufhpmXgC8/BlZuGNzsGfuDwETZ6sge/V96iwXUZcnxjTieR5HVluVY7fmHuQM88aXqApHkZPXKiW+Eg44lRx4w' +
      'Vjxs3GED8iXw9Ttp5hrr48Ux93nl7K0s/Q0VPU7Yth9nZh6K/ExwONjaeQi2/LxAeYhxczCz90Dp7E5as0eYMa+LP6DhW2c8T1xpgeJM/lyPKp' +
      'cpzG3FeceaPhd6Y4GD1xUi3xSjjiUXHjAmPGx8YQJyJfX1K23mqu/uBMPdx5epal79DRR9TthWH2c2HoqcTH14yNtyAXfyxTp5GvL5WtDzFXLz' +
      '1TP56ezNIX0dGb1O2vYfZAMfQ88fGtsfEx5OIlysQPzcPTmYWvOgdv4/IXNHloDTwhfK+F7UHiusiYPiXPCcrysnLcyNyfnHkIw0ma4j164lG1' +
      'xGXCEZ8QN04cM143hrgV+fqbsvUg5urZM/X19GGWXoiOfqRuTw2zLxBDbyY+/mhsPAy5eEaZ+NI8fJxZeKlz8DMuT0GTL9bA29X3q7AdSFynjO' +
      'kteR5QlouV40PmnuTMVw03oCl+Rk8cqpY4Jxzxhrjx4JhxuTHEp8jX05StrzBXbzxTf3eeHszSk+joK3X7aJi9gBj6MfHxRGPjS8jFW8vEH5iH' +
      'hzMLzzoH33H5CJq8sAZ+rr5The014rrFmH4kzwEqAPVCwGE=',
  },
  {
    codec: 'zstd',
    how: 'level 1 without a checksum',
    packed:
      'KLUv/QBIzSQAOqVQEgmwO2FZNkVKcjQhASIBIQFwpp52nr5k6UPo6KV1+4Ewe7Iw9EXi403Gxl/JxQPLxPPKw7fMwsecg5dw+SFNno4Gvqq+24' +
      'TtF+I6dEwnkOc1sjyoHBcx99MzT4aXmeJG9MRPaolDhCNOihvviRmPGkNchnz9RNl6orn6OjP1Vufpbyw9CB09W7cvhNmHhaEXEh8/MjaeSi6+' +
      'oEy8WXn4I7PwMOfgGS5f0uTjaOCl6vtM2E4hrhfHdLvx/IosByrHKea+PfNhuJgpPkRPnKSWeDUccQNx42dixqHGEOeQr2+UrQ+aq5czUz91np' +
      '7G0lfQ0Rvr9nc1e7Aw9CTx8ZWx8VFy8QJl4sfKwxOZhS85B291+QOaPBwNPKu+d8L2CHFdOKbPjedUZHlNOW5h7o9nHgwBPIB5eJpZ+NI5+BCX' +
      'l9LkB2rgyep7UdhuIq5fx3Qgec4jy1vleIy5lzjzQ8PpTPEqeuI2tcQvwhGHihsnjBmvjSEeRL5epGz91Fw9wZn6svP0Rpb+hI4eom5Phtn3wt' +
      'BHiY+XGRs/QS6eWCa+rjy8lVn4m3PwIC7P0uQLNfBh9V0obB8R16ljegF5bkaWH5XjMOaeceZLw+NMcSl64jO1xCnCES+KG7cTM341hjgQ+XpK' +
      '2frWXH3AmXqx8/RDlp6Ejr5atzcIsz8LQw8lPp4zNr5BLj5YJl6uPPyUWXiac/AVLm+kyd/RwIPVd1LYXhHXo2O6AHk+RpYTleMl5t565s9wOF' +
      'OcRU+8U0s8IhxxobjxOTHjVGOI15CvtyhbfzRXDwGW08rxkrkPOfNSwwdoipPREy+qJW4SjvhV3DhwzDhvDPEW+fqYsvUS5uqHZ+rpztNXWXob' +
      'OvqLuj00zJ4ghr4mPj5obLwIufhpmXgC8/BlZuGNzsGfuDwETZ6sge/V96iwXUZcnxjTieR5HVluVY7fmHuQM88aXqApHkZPXKiW+Eg44lRx4w' +
      'Vjxs3GED8iXw9Ttp5hrr48Ux93nl7K0s/Q0VPU7Yth9nZh6K/ExwONjaeQi2/LxAeYhxczCz90Dp7E5as0eYMa+LP6DhW2c8T1xpgeJM/lyPKp' +
      'cpzG3FeceaPhd6Y4GD1xUi3xSjjiUXHjAmPGx8YQJyJfX1K23mqu/uBMPdx5epal79DRR9TthWH2c2HoqcTH14yNtyAXfyxTp5GvL5WtDzFXLz' +
      '1TP56ezNIX0dGb1O2vYfZAMfQ88fGtsfEx5OIlysQPzcPTmYWvOgdv4/IXNHloDTwhfK+F7UHiusiYPiXPCcrysnLcyNyfnHkIw0ma4j164lG1' +
      'xGXCEZ8QN04cM143hrgV+fqbsvUg5urZM/X19GGWXoiOfqRuTw2zLxBDbyY+/mhsPAy5eEaZ+NI8fJxZeKlz8DMuT0GTL9bA29X3q7AdSFynjO' +
      'kteR5QlouV40PmnuTMVw03oCl+Rk8cqpY4Jxzxhrjx4JhxuTHEp8jX05StrzBXbzxTf3eeHszSk+joK3X7aJi9gBj6MfHxRGPjS8jFW8vEH5iH' +
      'hzMLzzoH33H5CJq8sAZ+rr5The014rrFmH4kzwEqAA==',
  },
  {
    codec: 'lz4',
    how: 'level 9',
    packed:
      'BCJNGGRApxQHAADw6DA6MDsxOjkxOTsyOjgzODszOjc1Nzs0OjY3Njs1OjU5NTs2OjUxNDs3OjQzMzs4OjM1Mjs5OjI3MTsxMDoxOTA7MTE6MT' +
      'A5OzEyOjI4OzEzOjk0NzsxNDo4NjY7MTU6Nzg1OzE2OjcwNDsxNzo2MjM7MTg6NTQyOzE5OjQ2MTsyMDozODA7MjE6Mjk5OzIyOjIxODsyMzox' +
      'Mzc7MjQ6NTY7MjU6OTc1OzI2Ojg5NDsyNzo4MTM7Mjg6NzMyOzI5OjY1MTszMDo1NzA7MzE6NDg5OzMyOjQwODszMzozMjc7MzQ6MjQ2OzM1Oj' +
      'E2NTszNjo4NDswOjP0ACAyMvQAIDQx9AAhNjD0ABE59AAROPQAETf0ABE29AARNfQAEjT0ABEz9AAgMTL0ACEzMfQAIjUw9AASOfQAEjj0ABI3' +
      '9AASNvQAEjX0ABI09AAQM/QAMTMwMvQAITIx9AAhNDD0ABI59AASOPQAEjf0ABI29AASNfQAEjT0ABEz9AAhOTL0ACExMfQAIjMw9AASOfQAET' +
      'j0AFE3OzA6NvQAETX0ABE09AAQM/QAgDgyOzU6NjAx9AAhMjD0ABE59AAROPQAEjf0ABI29AARNfQAEjT0ABEz9AAhNzL0ACE5MfQAIjEw9AAS' +
      'OfQAEjj0ABI39AASNvQAEjX0ABI09AAQM/QAITYy9AAgODH0ADI5MDD0ABI59AASOPQAEjf0ABI29AASNfQAEjT0ABEz9AAhNTL0ACA3MfQAYT' +
      'kwOzA6OfQAETj0ABE39AARNvQAETX0ABE09AAQM/QAIDQy9AAgNjH0ACI4MPQAEjn0ABE49AASN/QAEjb0ABI19AASNPQAETP0ACEzMvQAITUx' +
      '9AAiNzD0ABI59AASOPQAEjf0ABE29AASNfQAEjT0ABEz9AAhMjL0ACE0MfQAIjYw9AASOfQAEjj0ABI39AASNvQAEjX0ABE09ABAMzswOpkCQD' +
      'o5MzH1ACE1MPUAETn1ABE49QARN/UAETb1ABE19QARNPUAEDP1ADEyMDL1ACAyMfUAIjQw9QASOfUAEjj1ABI39QASNvUAEjX1ABI09QARM/UA' +
      'ITky9QAhMTH1ACIzMPUAETn1ABI49QASN/UAEjb1ABI19QASNPUAETP1ACA4MvUAMTUwMfUAIjIw9QASOfUAEjj1ABE39QAQNvUAETX1ABE09Q' +
      'AQM/UAIDcy9QAgOTH1ACExMPUAETn1ABE49QARN/UAEjb1ABI19QARNPUAETP1ACE2MvUAIDgx9QAyODAw9QASOfUAEjj1ABI39QASNvUAEjX1' +
      'ABI09QARM/UAIDUy9QAhNzH1ACI5MPUAEjn1ABI49QASN/UAEjb1ABI19QASNPUAETP1ACE0MvUAITYx9QAhODD1ABA59QAROPUAETf1ABE29Q' +
      'ARNfUAETT1ABAz9QAgMzL1ACA1MfUAITcw9QASOfUAEjj1ABE39QASNvUAEjX1ABI09QARM/UAITIy9QAhNDH1ACI2MPUAEjn1ABI49QASN/UA' +
      'Ejb1ABE19QASNPUAETP1ACExMvUAITMx9QAiNTD1ABI59QASOPUAEjf1ABI29QASNfUAEjT1ABAz9QBgMTAyOzA6nAJBOjk0MPYAETn2ABE49g' +
      'ARN/YAETb2ABE19gARNPYAEDP2ACE5MvYAITEx9gAhMzD2ABI59gASOPYAEjf2ABI29gASNfYAEjT2ABEz9gAgODL2ADE0MDH2ACIyMPYAEjn2' +
      'ABE49gASN/YAEjb2ABI19gASNPYAETP2ACE3MvYAITkx9gAiMTD2ABI59gASOPYAEjf2ABI29gAQNfYAETT2ABAz9gAgNjL2AIE4MTs0OjcwMP' +
      'YAETn2ABE49gARN/YAETb2ABI19gASNPYAEDP2ACE1MvYAITcx9gAiOTD2ABI59gASOPYAEjf2ABI29gASNfYAEjT2ABEz9gAhNDL2AADDB0I0' +
      'Ojgw9gASOfYAEjj2ABI39gASNvYAEjX2ABI09gARM/YAITMy9gAhNTH2ACI3MPYAEjn2ABA49gARN/YAETb2ABE19gARNPYAEDP2ACAyMvYAID' +
      'Qx9gAhNjD2ABE59gASOPYAEjf2ABE29gASNfYAEjT2ABEz9gAhMTL2ACEzMfYAIjUw9gASOfYAEjj2ABI39gASNvYAEjX2ABE09gAQM/YAETL0' +
      'ACEyMfQAIjQw9AASOfQAEjj0ABI39AASNvQAEjX0ABI09AARM/QAITky9AAgMTGcCAGRCSE0OfQAAZEJITg39AARNvQAAZEJETSRCRE2kQkQOJ' +
      'EJITMwkQkiMjKRCREzkQkSNZEJIjc39AASNvQAApEJIjM09AACkQkSN5EJETmRCTI0MTD0AAKRCRI0kQkhNjf0AAGRCRI19AACjwkSNI8JoDYy' +
      'OzI5OjY4MTsAAAAAhhr2/g==',
  },
  {
    codec: 'lz4',
    how: 'level 1',
    packed:
      'BCJNGGRAp0EHAADx/wEwOjA7MTo5MTk7Mjo4Mzg7Mzo3NTc7NDo2NzY7NTo1OTU7Njo1MTQ7Nzo0MzM7ODozNTI7OToyNzE7MTA6MTkwOzExOj' +
      'EwOTsxMjoyODsxMzo5NDc7MTQ6ODY2OzE1Ojc4NTsxNjo3MDQ7MTc6NjIzOzE4OjU0MjsxOTo0NjE7MjA6MzgwOzIxOjI5OTsyMjoyMTg7MjM6' +
      'MTM3OzI0OjU2OzI1Ojk3NTsyNjo4OTQ7Mjc6ODEzOzI4OjczMjsyOTo2NTE7MzA6NTcwOzMxOjQ4OTszMjo0MDg7MzM6MzI3OzM0OjI0NjszNT' +
      'oxNjU7MzY6ODQ7MDozOzE6OTIyOzI6ODQxOzM6NzYwOzQ6Njc59AAROPQAETf0ABE29AARNfQAEjT0ABEz9ACBMTI7MTI6MzH0ACI1MPQAEjn0' +
      'ABI49AASN/QAEjb0ABI19AASNPQAgTM7MjE6MzAy9ACRMjE7MjM6MTQw9AASOfQAEjj0ABI39AASNvQAEjX0ABI09AARM/QAITky9ACSMTE7Mz' +
      'M6MzMw9AASOfQAsDg7MzY6ODc7MDo26AEgMjXoASA0NOgBIDYz6AGAODI7NTo2MDH0ACEyMPQAETn0ABE49AASN/QAEjb0ABE19AASNPQAETP0' +
      'ACE3MvQAITkx9AAiMTD0ABI59AASOPQAEjf0ABI29AASNfQAEjT0ABAz9AAhNjL0ACA4MfQAMjkwMPQAEjn0ABI49AASN/QAEjb0ABI19AASNP' +
      'QAETP0ACE1MvQAIDcx9ABhOTA7MDo59AAROPQAETf0ABE29AARNfQAETT0ABAz9AAgNDL0ACA2MfQAIjgw9AASOfQAETj0ABI39AASNvQAEjX0' +
      'ABI09AARM/QAITMy9AAhNTH0ACI3MPQAEjn0ABI49AASN/QAETb0ABI19AASNPQAETP0AACUAsI4Ojc0MTsyOTo2NjD0ABI59AASOPQAEjf0AB' +
      'I29AASNfQAETT0AEAzOzA6mQJAOjkzMfUAITUw9QAROfUAETj1ABE39QARNvUAETX1ABE09QAQM/UAMTIwMvUAIDIx9QAiNDD1ABI59QASOPUA' +
      'Ejf1ABI29QASNfUAEjT1ABEz9QAhOTL1ACExMfUAIjMw9QAROfUAEjj1ABI39QASNvUAEjX1ABI09QARM/UAIDgy9QAxNTAx9QAiMjD1ABI59Q' +
      'ASOPUAETf1ABA29QARNfUAETT1ABAz9QAgNzL1ACA5MfUAITEw9QAROfUAETj1ABE39QASNvUAEjX1ABE09QARM/UAITYy9QAgODH1ADI4MDD1' +
      'ABI59QASOPUAEjf1ABI29QASNfUAEjT1ABEz9QAgNTL1ACE3MfUAIjkw9QASOfUAEjj1ABI39QASNvUAEjX1ABI09QARM/UAITQy9QAhNjH1AC' +
      'E4MPUAEDn1ABE49QARN/UAETb1ABE19QARNPUAEDP1ACAzMvUAIDUx9QAhNzD1ABI59QASOPUAETf1ABI29QASNfUAEjT1ABEz9QAhMjL1ACE0' +
      'MfUAIjYw9QASOfUAEjj1ABI39QASNvUAETX1ABI09QARM/UAITEy9QAAlgJSODo3NTD1ABI59QASOPUAEjf1ABI29QASNfUAEjT1ABAz9QBgMT' +
      'AyOzA6nAIgOjksBUE6ODU59gAROPYAETf2ABE29gARNfYAETT2ABAz9gAhOTL2ACExMfYAITMw9gASOfYAEjj2ABI39gASNvYAEjX2ABI09gAR' +
      'M/YAIDgy9gAxNDAx9gAiMjD2ABI59gAROPYAEjf2ABI29gASNfYAEjT2ABEz9gAhNzL2ACE5MfYAIjEw9gASOfYAEjj2ABI39gASNvYAEDX2AB' +
      'E09gAQM/YAIDYy9gCBODE7NDo3MDD2ABE59gAROPYAETf2ABE29gASNfYAEjT2ABAz9gAhNTL2AADCBzA0OjjCBwDhAhI59gASOPYAEjf2ABI2' +
      '9gASNfYAEjT2ABEz9gAhNDL2AADDB0I0Ojgw9gASOfYAEjj2ABI39gASNvYAEjX2ABI09gARM/YAITMy9gAhNTH2AADDB1I1OjE4OfYAEDj2AB' +
      'E39gARNvYAETX2ABE09gAQM/YAIDIy9gAgNDH2ACE2MPYAETn2ABI49gASN/YAETb2ABI19gASNPYAETP2AAArBTA2OjfFBzA3OjbFB1E4OjU2' +
      'OakHIjg49gASN/YAEjb2ABI19gARNPYAEDP2ABEy9AAAwgcwNzo4lgIA4AISOfQAEjj0ABI39AASNvQAEjX0ABI09AARM/QAAMMHgDY6MTExOz' +
      'A6nAIxOjk0kQkRNpEJEDiRCSA3MJEJITYykQkRNJEJETaRCRA4kQkhMzCRCSIyMpEJETORCRI1kQkiNzf0AAGRCTI4MTX0AAKRCSE1M/QAAMUH' +
      'UTk6NDkx9AARMZEJMjMyOfQAApEJITY39AAQNvQAAY8JMjkyNPQAAo8JoDYyOzI5OjY4MTsAAAAAhhr2/g==',
  },
].map((sample) => ({ ...sample, bytes: Buffer.from(sample.packed, 'base64') }))
const [zstdSample, , lz4Sample] = samples as [Sample, Sample, Sample]
type Sample = (typeof samples)[number]

const unpack = ({ codec }: Sample, bytes: Uint8Array, most = bytesMax): Buffer => unpacker.unpack(codec as CodecName, bytes, most)

test.each(samples)('unpacker: $codec of $how decodes to what was packed', (sample) => {
  expect(unpack(sample, sample.bytes).equals(text)).toBe(true)
})

test.each(samples)('unpacker: $codec of $how is rejected when it is cut off or gives more than it may', (sample) => {
  const { bytes } = sample
  for (let end = 1; end < bytes.length; end++) expect(() => unpack(sample, bytes.subarray(0, end))).toThrow(MalformedMessage)
  expect(() => unpack(sample, bytes, text.length - 1)).toThrow(`more than ${text.length - 1} bytes come out`)
})

test.each(samples)('unpacker: $codec of $how is decoded or rejected, for every kind of damage', (sample) => {
  const { bytes } = sample
  const p = prng(5)
  for (let i = 0; i < 2000; i++) {
    const damaged = Buffer.from(bytes)
    damaged[below(p, damaged.length)] = below(p, 256)
    try {
      expect(unpack(sample, damaged).length).toBeLessThanOrEqual(bytesMax)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw new Error(`seed 5, round ${i}`, { cause: error })
    }
  }
})

test('unpacker: a second zstd frame is decoded, a skippable one is skipped; what follows an lz4 frame is ignored, as in Kafka', () => {
  const skippable = Buffer.from('502a4d1803000000aabbcc', 'hex')
  const two = Buffer.concat([skippable, zstdSample.bytes, zstdSample.bytes])
  expect(unpack(zstdSample, two).equals(Buffer.concat([text, text]))).toBe(true)
  expect(unpack(lz4Sample, Buffer.concat([lz4Sample.bytes, lz4Sample.bytes])).equals(text)).toBe(true)
})

test('unpacker: an lz4 frame with linked blocks is rejected, as in validation and in Kafka', () => {
  const linked = Buffer.from(lz4Sample.bytes)
  linked[4]! &= ~0x20
  linked[6] = (xxhash32(linked.subarray(4, 6)) >>> 8) & 0xff
  expect(() => unpack(lz4Sample, linked)).toThrow(MalformedMessage)
})

test('unpacker: bare snappy and consecutive snappy frames are decoded', () => {
  const bare = Buffer.from([5, 4 << 2, ...Buffer.from('hello')])
  expect(unpacker.unpack('snappy', bare, bytesMax).toString()).toBe('hello')
  const framed = packSnappy(text)
  expect(unpacker.unpack('snappy', Buffer.concat([framed, framed]), bytesMax).equals(Buffer.concat([text, text]))).toBe(true)
  expect(unpacker.unpack('snappy', Buffer.from([6, 0, 0x61, 0x05, 1]), bytesMax).toString()).toBe('aaaaaa')
  expect(() => unpacker.unpack('snappy', Buffer.from([6, 0, 0x61, 0x05, 2]), bytesMax)).toThrow(MalformedMessage)
})

const headerBytes = 61
const bombs = { zstd: zstdBomb, gzip: gzipBomb, lz4: lz4Bomb, snappy: snappyBomb } as const

test.each(codecNames.filter((codec) => codec !== 'none'))(
  'unpacker: a %s bomb is rejected at the bound and takes no more memory',
  (codec) => {
    const bomb = bombs[codec](64 << 20).subarray(headerBytes)
    const before = process.memoryUsage().rss
    expect(() => unpacker.unpack(codec, bomb, bytesMax)).toThrow(`more than ${bytesMax} bytes come out`)
    expect(process.memoryUsage().rss - before).toBeLessThan(32 << 20)
    expect(unpacker.unpack(codec, bomb, 66 << 20).length).toBeGreaterThan(64 << 20)
  },
)

test('unpacker: output is in memory of its own', () => {
  const first = unpack(zstdSample, zstdSample.bytes)
  unpacker.unpack('snappy', packSnappy(Buffer.alloc(100_000, 7)), bytesMax)
  expect(first.equals(text)).toBe(true)
})

const firstSeed = Date.now() % 1_000_000

test.each([firstSeed, firstSeed + 500, firstSeed + 1000])(
  'unpacker: of damaged streams it opens what validation accepts, with the same output, and rejects what validation cannot decode (from seed %i)',
  async (seed) => {
    const bench = new KernelBench(await validationModule(), { windowBytes: 9 << 20 })
    const whole = kafkaStreams()
    const seen = { done: 0, damaged: 0 }
    for (let each = seed; each < seed + 500; each++) {
      const { codec, bytes, raw, actions } = damagedStream(prng(each), whole)
      const { result, output } = bench.unpack(batchOf(codec, bytes, countOf(raw)))
      if (result !== 'done' && result !== 'damaged') continue
      const agrees = untraced(() => {
        try {
          return unpacker.unpack(codec, bytes, 4 * bytesMax).equals(output) && result === 'done'
        } catch (error) {
          return error instanceof MalformedMessage && result === 'damaged'
        }
      })
      if (!agrees) expect.fail(`seed ${each}, ${codec}, ${actions.join(', ')}: ${result} in validation only`)
      seen[result]++
    }
    expect(seen.done).toBeGreaterThan(33)
    expect(seen.damaged).toBeGreaterThan(33)
  },
)
