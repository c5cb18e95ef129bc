import { expect, test } from 'vitest'
import { parseProperties } from '../../../src/config/properties.ts'

const pairs = (content: string): unknown[] => parseProperties(content).map(({ key, value, line }) => [key, value, line])

test('properties: comments and blank lines are skipped, and lines count from 1', () => {
  expect(pairs('# a=1\n\n ! b=2\nc=3\r\nd=4')).toEqual([
    ['c', '3', 4],
    ['d', '4', 5],
  ])
})

test('properties: a key ends at the first of equals sign, colon and space', () => {
  expect(pairs('a = b = c\nd:e\nf g h\ni\nj\\ k=l\nlisteners=PLAINTEXT://:9092')).toEqual([
    ['a', 'b = c', 1],
    ['d', 'e', 2],
    ['f', 'g h', 3],
    ['i', '', 4],
    ['j k', 'l', 5],
    ['listeners', 'PLAINTEXT://:9092', 6],
  ])
})

test('properties: a backslash at the end continues a line, two of them do not', () => {
  expect(pairs('a=1,\\\n    2,\\\n    3\nb=c\\\\\nd=e\\')).toEqual([
    ['a', '1,2,3', 1],
    ['b', 'c\\', 4],
    ['d', 'e', 5],
  ])
})

test('properties: escapes are those of Java', () => {
  expect(pairs('a=\\u0041\\tb\\:\nwin=C\\:\\\\x')).toEqual([
    ['a', 'A\tb:', 1],
    ['win', 'C:\\x', 2],
  ])
})
