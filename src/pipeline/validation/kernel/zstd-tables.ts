import { scratchBytes } from './fse.ts'
import { job } from './job.ts'

/** Constants of a job stay from one batch to the next. States reach no further than 64 KiB. */
const constantsAt: usize = 60 * 1024

/** Where the tables of the Zstandard decoder lie in a job, as byte offsets from its address. */
export namespace table {
  /** 2^11 or 2^12 words of 16 bits: symbol << 8 | bits. */
  export const huffman: usize = job.tables
  /** States, see `fse.ts`, of literal lengths, offsets and match lengths as a block describes them; of Huffman weights. */
  export const lengths: usize = huffman + 8192
  export const offsets: usize = lengths + 4096
  export const matches: usize = offsets + 2048
  export const weightStates: usize = matches + 4096
  export const weights: usize = weightStates + 512
  /** See `fse.ts`. */
  export const scratch: usize = weights + 272
  /** Sequences that have been read and not run. */
  export const list: usize = scratch + scratchBytes
  /** Constants: states as the format predefines them, and what the codes of a sequence mean: templates of states. */
  export const usualLengths: usize = job.tables + constantsAt
  export const usualOffsets: usize = usualLengths + 512
  export const usualMatches: usize = usualOffsets + 256
  export const lengthCodes: usize = usualMatches + 512
  export const offsetCodes: usize = lengthCodes + 36 * 8
  export const matchCodes: usize = offsetCodes + 32 * 8
}

export namespace codes {
  export const lengthMax: u32 = 35
  export const offsetMax: u32 = 31
  export const matchMax: u32 = 52
  export const lengthLogMax: u32 = 9
  export const offsetLogMax: u32 = 8
  export const matchLogMax: u32 = 9
}
