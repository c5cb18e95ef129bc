import { MalformedMessage } from '../primitives.ts'

/** Compressed bytes that their codec cannot open, or that decode to more than they may. */
export const damaged = (codec: string, what: string): MalformedMessage => new MalformedMessage(`${codec}: ${what}`)
