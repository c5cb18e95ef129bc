import { expect, test } from 'vitest'
import { advertisedAddresses } from '../../../src/config/advertised.ts'
import { dialled } from '../../../src/config/listeners.ts'
import { load } from '../../../src/config/load.ts'

const bound = new Map([
  ['A', 1111],
  ['B', 2222],
])
function advertised(...overrides: string[]): unknown {
  const map = 'listener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT,C:PLAINTEXT'
  const { settings, validationErrors } = load(undefined, [map, ...overrides])
  expect(validationErrors).toEqual([])
  return Object.fromEntries(
    [...advertisedAddresses(settings!, bound, 'machine')].map(([name, { host, port }]) => [name, `${host}:${port}`]),
  )
}

test('advertised: without advertised listeners clients receive the bound addresses', () => {
  expect(advertised('listeners=A://127.0.0.1:5,B://[::1]:6')).toEqual({ A: '127.0.0.1:1111', B: '::1:2222' })
})

test('advertised: a listener on every interface has the name of the machine', () => {
  expect(advertised('listeners=A://:5,B://0.0.0.0:6')).toEqual({ A: 'machine:1111', B: 'machine:2222' })
})

test('advertised: advertised addresses are returned, except for an open port', () => {
  expect(advertised('listeners=A://:0,B://:0', 'advertised.listeners=A://a.example:77,B://b.example:0')).toEqual({
    A: 'a.example:77',
    B: 'b.example:2222',
  })
})

test('advertised: a listener that is not advertised among others is returned as bound, and controllers are left out', () => {
  expect(advertised('listeners=A://:0,B://h:0,C://:9', 'advertised.listeners=A://a:77', 'controller.listener.names=C')).toEqual({
    A: 'a:77',
    B: 'h:2222',
  })
})

test.each([
  ['', '127.0.0.1:9092'],
  ['0.0.0.0', '127.0.0.1:9092'],
  ['::', '[::1]:9092'],
  ['::1', '[::1]:9092'],
  ['10.1.2.3', '10.1.2.3:9092'],
  ['broker.example', 'broker.example:9092'],
])('listeners: one on "%s" is dialled as %s', (host, address) => {
  expect(dialled(host, 9092)).toBe(address)
})
