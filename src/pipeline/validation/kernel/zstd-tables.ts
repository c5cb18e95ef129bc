import { job } from './job.ts'

/** Where the tables of the Zstandard decoder lie in a job, as byte offsets from its address. */
export namespace table {
  /** 2^11 or 2^12 words of 16 bits: symbol << 8 | bits. */
  export const huffman: usize = job.tables
  /** States, see `fse.ts`, of literal lengths, offsets and match lengths: as a block describes them, and as the format predefines them. */
  export const lengths: usize = huffman + 8192
  export const offsets: usize = lengths + 4096
  export const matches: usize = offsets + 2048
  export const usualLengths: usize = matches + 4096
  export const usualOffsets: usize = usualLengths + 512
  export const usualMatches: usize = usualOffsets + 256
  /** States of Huffman weights. */
  export const weightStates: usize = usualMatches + 512
  /** What the codes of a sequence mean: templates of states. */
  export const lengthCodes: usize = weightStates + 512
  export const offsetCodes: usize = lengthCodes + 36 * 8
  export const matchCodes: usize = offsetCodes + 32 * 8
  export const weights: usize = matchCodes + 53 * 8 + 8
  /** Scratch: see `fse.ts`. */
  export const scratch: usize = weights + 272
  /** Sequences that have been read and not run. */
  export const list: usize = scratch + 1544
}

export namespace codes {
  export const lengthMax: u32 = 35
  export const offsetMax: u32 = 31
  export const matchMax: u32 = 52
  export const lengthLogMax: u32 = 9
  export const offsetLogMax: u32 = 8
  export const matchLogMax: u32 = 9
}
