import { expect, test } from 'vitest'
import { type Service, Services } from '../../../src/node/services.ts'

function recorded(names: readonly string[], broken: { start?: string; stop?: string } = {}) {
  const calls: string[] = []
  const failures: string[] = []
  const services = names.map(
    (name): Service => ({
      name,
      async start() {
        await Promise.resolve()
        calls.push(`start ${name}`)
        if (broken.start === name) throw new Error(`${name} cannot start`)
      },
      async stop() {
        await Promise.resolve()
        calls.push(`stop ${name}`)
        if (broken.stop === name) throw new Error(`${name} cannot stop`)
      },
    }),
  )
  return { calls, failures, services: new Services(services, (name, { message }) => failures.push(`${name}: ${message}`)) }
}

test('services: they start in the order of their dependencies, and stop in the reverse order, once', async () => {
  const { calls, services } = recorded(['a', 'b', 'c'])
  await services.start()
  await services.stop()
  await services.stop()
  expect(calls).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a'])
})

test('services: a start that fails stops the services that have begun to start, and reports its error', async () => {
  const { calls, services } = recorded(['a', 'b', 'c'], { start: 'b' })
  await expect(services.start()).rejects.toThrow('b cannot start')
  expect(calls).toEqual(['start a', 'start b', 'stop b', 'stop a'])
})

test('services: a stop that fails is reported, and the others stop', async () => {
  const { calls, failures, services } = recorded(['a', 'b', 'c'], { stop: 'b' })
  await services.start()
  await services.stop()
  expect(calls.slice(3)).toEqual(['stop c', 'stop b', 'stop a'])
  expect(failures).toEqual(['b: b cannot stop'])
})
