/** A regular expression with the syntax of RE2. */
export interface CompiledExpression {
  /** Instructions: time and memory of a match are at most proportional to it. */
  readonly size: number
  /** Whether the whole text matches, in time proportional to its length. */
  matches(text: string): boolean
}

/** Compiles regular expressions. Returns the error of one that is not valid. */
export type CompileExpression = (text: string) => CompiledExpression | { readonly error: string }
