import { expect, test } from 'vitest'
import { compileExpression } from '../../../native-free-io/threads/expressions.ts'
import { below, type Prng, prng } from '../../../src/base/prng.ts'
import { nameExpression } from '../../../src/coordinator/name-expression.ts'
import type { CompiledExpression } from '../../../src/ports/expressions.ts'

function compiled(text: string): CompiledExpression {
  const found = nameExpression(text, compileExpression)
  if ('error' in found) throw new Error(`${text}: ${found.error}`)
  return found
}

function errorOf(text: string): string | undefined {
  const found = nameExpression(text, compileExpression)
  return 'error' in found ? found.error : undefined
}

const matches = (expression: string, ...names: string[]): boolean[] => names.map((name) => compiled(expression).matches(name))

test('name expression: the whole name must match', () => {
  expect(matches('a|b+', 'a', 'bbb', 'ab', '')).toEqual([true, true, false, false])
  expect(matches('', '', 'a')).toEqual([true, false])
  expect(matches('orders-.*', 'orders-eu', 'my-orders-eu')).toEqual([true, false])
  expect(matches('^a$', 'a')).toEqual([true])
})

test('name expression: the syntax of RE2 is supported', () => {
  const yes: readonly (readonly [string, string])[] = [
    ['[[:alpha:]_]+[^a-c]', 'ab_z'],
    ['(?i)ORDERS', 'orders'],
    ['(?i:a)b', 'Ab'],
    ['(?P<name>a)(?:b)(?<other>c)', 'abc'],
    ['\\d{2,3}', '123'],
    ['a{2}', 'aa'],
    ['\\Qa.b\\E+', 'a.bb'],
    ['\\pL\\p{Nd}\\PL', 'a1-'],
    ['a{,2}', 'a{,2}'],
    ['\\x61\\141\\x{61}', 'aaa'],
    ['[]a]+', ']a'],
    ['a\\b-\\Bb?', 'a-'],
    ['[\\d-]+', '1-2'],
    ['a*?b+?c??', 'aab'],
  ]
  for (const [expression, name] of yes) expect(matches(expression, name), expression).toEqual([true])
})

test('name expression: syntax that RE2 does not support is rejected, and so is an expression above the limits', () => {
  const wrong = [
    '[',
    '(',
    ')',
    '*',
    'a**',
    'a|*',
    '(a)\\1',
    '(?=a)',
    '(?!a)',
    '(?<=a)',
    '\\',
    'a{1001}',
    '[b-a]',
    '[[:nonsense:]]',
    '\\p{Nonsense}',
    '\\Z',
  ]
  for (const expression of wrong) expect(errorOf(expression), expression).not.toBe(undefined)
  expect(errorOf('((a{1000}){1000}){1000}')).toBe('too large')
  expect(errorOf('((){1000}){1000}')).toBe('too large')
  expect(errorOf('('.repeat(5000))).toBe('too large')
  expect(errorOf('('.repeat(1100) + ')'.repeat(1100))).toMatch(/nests too deeply/)
})

test('name expression: the time of a match is linear where a backtracking engine takes exponential time', () => {
  expect(matches('(a*)*b', 'a'.repeat(249))).toEqual([false])
  expect(matches('(a|aa)+$', `${'a'.repeat(248)}!`)).toEqual([false])
})

function expressionOf(random: Prng, depth: number): string {
  if (depth === 0) return ['a', 'b', '.', '[ab]', '[^b]', '-', '\\w'][below(random, 7)]!
  const part = (): string => expressionOf(random, depth - 1)
  switch (below(random, 5)) {
    case 0:
      return `(${part()}|${part()})`
    case 1:
      return `(${part()})${['*', '+', '?', '{1,3}', '{2}', '{0,}'][below(random, 6)]}`
    default:
      return part() + part()
  }
}

test('name expression: syntax of RE2 and of JavaScript has the same meaning', () => {
  for (let seed = 0; seed < 500; seed++) {
    const random = prng(seed)
    const text = expressionOf(random, 3)
    const expression = compiled(text)
    const theirs = new RegExp(`^(?:${text})$`)
    for (let i = 0; i < 30; i++) {
      const name = Array.from({ length: below(random, 9) }, () => 'ab-'[below(random, 3)]).join('')
      expect(expression.matches(name), `seed ${seed}: ${text} of ${name}`).toBe(theirs.test(name))
    }
  }
})

test('name expression: an expression that costs much time to compile is rejected', () => {
  const rejected = {
    'a long expression': 'a'.repeat(10_001),
    'counts side by side': 'a{1000}'.repeat(6),
    'a count of a long part': `(${'[a-z]'.repeat(100)}){100}`,
    'a count behind quotes': `\\Q${'('.repeat(100)}\\E(?:${'b'.repeat(100)}){60}`,
    'a count of classes with brackets': `(?:${'[](]'.repeat(100)}){60}`,
    'wide ranges without case': `(?i)${'[\\x{100}-\\x{10ffff}]'.repeat(11)}`,
    'many classes': '\\pL|'.repeat(201),
    'classes without case': `(?i)[${'\\pL'.repeat(21)}]`,
    'characters without case': `(?si)${'[ā-\u{10ffff}]'.repeat(11)}`,
  }
  for (const [name, expression] of Object.entries(rejected)) expect(errorOf(expression), name).toMatch(/^(too large|longer than)/)
  const accepted = [
    'a{1000}',
    '(?:ab){1000}',
    '(?i)\\pL{3,5}',
    '[^()]{1000}',
    '\\Q{1000}{1000}\\E',
    'a{,1000}'.repeat(50),
    `[${'\\pL'.repeat(150)}]`,
  ]
  for (const expression of accepted) expect(errorOf(expression), expression).toBe(undefined)
})

test('name expression: the estimate of the size is not much below the size', () => {
  let checked = 0
  for (let seed = 0; seed < 300; seed++) {
    const text = `(${expressionOf(prng(seed), 5)}){3}`
    const found = compileExpression(text)
    if ('error' in found || found.size < 20) continue
    checked++
    expect(errorOf(`(${text}){${Math.ceil(10_000 / found.size) + 1}}`), text).toBe('too large')
  }
  expect(checked).toBeGreaterThan(50)
})
