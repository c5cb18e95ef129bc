import { expect, test } from 'vitest'
import { below, type Prng, prng } from '../../../../src/base/prng.ts'
import { expressionProblem, TopicExpression } from '../../../../src/group/consumer/expression.ts'

const matches = (expression: string, ...names: string[]): boolean[] => names.map((name) => new TopicExpression(expression).matches(name))

test('all of a name has to match', () => {
  expect(matches('a|b+', 'a', 'bbb', 'ab', '')).toEqual([true, true, false, false])
  expect(matches('', '', 'a')).toEqual([true, false])
  expect(matches('orders-.*', 'orders-eu', 'my-orders-eu')).toEqual([true, false])
  expect(matches('^a$', 'a')).toEqual([true])
})

test('the syntax of RE2 is known', () => {
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

test('expressions that RE2 does not support are rejected, and so are those that would take a coordinator too long', () => {
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
  for (const expression of wrong) expect(expressionProblem(expression), expression).not.toBe(undefined)
  expect(expressionProblem('((a{1000}){1000}){1000}')).toBe('too large')
  expect(expressionProblem('((){1000}){1000}')).toBe('too large')
  expect(expressionProblem('('.repeat(5000))).toMatch(/nested/)
})

test('an expression that would keep others busy for ever is matched step by step', () => {
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

test('syntax that both support has the same meaning as in JavaScript', () => {
  for (let seed = 0; seed < 500; seed++) {
    const random = prng(seed)
    const text = expressionOf(random, 3)
    const expression = new TopicExpression(text)
    const theirs = new RegExp(`^(?:${text})$`)
    for (let i = 0; i < 30; i++) {
      const name = Array.from({ length: below(random, 9) }, () => 'ab-'[below(random, 3)]).join('')
      expect(expression.matches(name), `seed ${seed}: ${text} of ${name}`).toBe(theirs.test(name))
    }
  }
})
