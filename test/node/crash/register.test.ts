import { expect, test } from 'vitest'
import { Register } from './register.ts'

const acknowledged = (register: Register<number>, ...values: number[]): Register<number> => {
  for (const value of values) register.attempt(value)()
  return register
}

test('register: what was acknowledged is found, and nothing from before', () => {
  expect(() => acknowledged(new Register('it', 0), 1, 2).found(2)).not.toThrow()
  expect(() => acknowledged(new Register('it', 0), 1, 2).found(1)).toThrow('it is 1; 2 was acknowledged, then requested: nothing')
  expect(() => acknowledged(new Register('it', 0), 1, 2).found(0)).toThrow('it is 0')
})

test('register: an unanswered request may have taken effect or not', () => {
  for (const found of [1, 2, 3]) {
    const register = acknowledged(new Register('it', 0), 1)
    register.attempt(2)
    register.attempt(3)
    expect(() => register.found(found)).not.toThrow()
  }
})

test('register: a response to a later step ends the earlier ones', () => {
  const register = new Register('it', 0)
  register.attempt(1)
  register.attempt(2)()
  expect(() => register.found(1)).toThrow('2 was acknowledged')
})

test('register: what was found once must be found again', () => {
  const register = acknowledged(new Register('it', 0), 1)
  register.attempt(2)
  register.found(2)
  expect(() => register.found(1)).toThrow('it is 1')
})
