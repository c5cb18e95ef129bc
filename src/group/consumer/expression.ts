import { assert } from '../../base/assert.ts'
import { type CharacterSet, word } from './expression-classes.ts'
import { type Expression, ExpressionProblem, parseExpression } from './expression-syntax.ts'

/** Maximum number of steps of an expression. Larger ones are rejected: they would cost the coordinator too much time per topic. */
const stepsMax = 5000
const partsMax = 50_000

type Step =
  | { readonly type: 'one'; readonly of: CharacterSet }
  | { readonly type: 'place'; readonly where: 'start' | 'end' | 'boundary' | 'inside' }
  /** Continues at both targets. */
  | { readonly type: 'fork'; a: number; b: number }
  | { readonly type: 'jump'; to: number }

/**
 * A regular expression over topic names. All alternatives are followed in parallel, so that the matching time is proportional to the
 * length of the name for every expression.
 */
export class TopicExpression {
  readonly #steps: readonly Step[]
  /** When each step was last reached: the number of the character, counted over all names. */
  readonly #reached: Float64Array
  #now = 0

  /** Throws ExpressionProblem. */
  constructor(text: string) {
    this.#steps = unfold(parseExpression(text))
    this.#reached = new Float64Array(this.#steps.length + 1)
  }

  /** Whether the whole name matches. */
  matches(name: string): boolean {
    let states = this.#follow([0], name, 0)
    for (let at = 0; at < name.length && states.length > 0; at++) {
      const code = name.charCodeAt(at)
      const next: number[] = []
      for (const state of states) {
        const step = this.#steps[state]
        if (step?.type === 'one' && step.of[code] === true) next.push(state + 1)
      }
      states = this.#follow(next, name, at + 1)
    }
    return states.includes(this.#steps.length)
  }

  /** Positions that are reached without another character. */
  #follow(from: readonly number[], name: string, at: number): number[] {
    this.#now++
    const waiting = [...from].reverse()
    const found: number[] = []
    for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
      if (this.#reached[state] === this.#now) continue
      this.#reached[state] = this.#now
      const step = this.#steps[state]
      if (step === undefined || step.type === 'one') found.push(state)
      else if (step.type === 'jump') waiting.push(step.to)
      else if (step.type === 'fork') waiting.push(step.b, step.a)
      else if (isAt(step.where, name, at)) waiting.push(state + 1)
    }
    return found
  }
}

function isAt(where: 'start' | 'end' | 'boundary' | 'inside', name: string, at: number): boolean {
  if (where === 'start') return at === 0
  if (where === 'end') return at === name.length
  const isBoundary = isWord(name, at - 1) !== isWord(name, at)
  return isBoundary === (where === 'boundary')
}

const isWord = (name: string, at: number): boolean => word[name.charCodeAt(at)] === true

function unfold(expression: Expression): Step[] {
  const steps: Step[] = []
  const push = (step: Step): number => {
    if (steps.length >= stepsMax) throw new ExpressionProblem('too large')
    return steps.push(step) - 1
  }
  const fork = (index: number): { a: number; b: number } => {
    const step = steps[index]!
    assert(step.type === 'fork', 'only forks are joined later')
    return step
  }
  let written = 0
  const write = (part: Expression): void => {
    // An empty expression equals all its repetitions, however many.
    if (++written > partsMax) throw new ExpressionProblem('too large')
    switch (part.type) {
      case 'one':
      case 'place':
        push(part)
        return
      case 'sequence':
        for (const each of part.parts) write(each)
        return
      case 'choice':
        choose(part.parts)
        return
      case 'repeat':
        repeat(part.part, part.least, part.most)
    }
  }
  const choose = (parts: readonly Expression[]): void => {
    const ends: number[] = []
    parts.forEach((part, index) => {
      if (index === parts.length - 1) write(part)
      else {
        const at = push({ type: 'fork', a: steps.length + 1, b: 0 })
        write(part)
        ends.push(push({ type: 'jump', to: 0 }))
        fork(at).b = steps.length
      }
    })
    for (const end of ends) steps[end] = { type: 'jump', to: steps.length }
  }
  const repeat = (part: Expression, least: number, most: number): void => {
    for (let i = 0; i < least; i++) write(part)
    if (most === Number.POSITIVE_INFINITY) {
      const at = push({ type: 'fork', a: steps.length + 1, b: 0 })
      write(part)
      push({ type: 'jump', to: at })
      fork(at).b = steps.length
      return
    }
    const skips: number[] = []
    for (let i = least; i < most; i++) {
      skips.push(push({ type: 'fork', a: steps.length + 1, b: 0 }))
      write(part)
    }
    for (const at of skips) fork(at).b = steps.length
  }
  write(expression)
  return steps
}

/** The error in an expression; undefined when it is valid. */
export function expressionProblem(text: string): string | undefined {
  try {
    new TopicExpression(text)
    return undefined
  } catch (error) {
    if (error instanceof ExpressionProblem) return error.message
    throw error
  }
}
