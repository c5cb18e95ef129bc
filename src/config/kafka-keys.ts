import { assert } from '../base/assert.ts'
import { boolean, double, InvalidValue, integer, type Kind, list, listOf, long, oneOf, text } from './kind.ts'

export type KafkaType = 'int' | 'short' | 'long' | 'double' | 'boolean' | 'string' | 'list' | 'class' | 'password'

/**
 * A config of Kafka's. `allowed`:
 *
 * 1..          a number from 1 on        nonempty   a string that is not empty
 * 0..1         both ends included        replicas   `*` or PARTITION:BROKER,...
 * 1..9 or -1   the range, or -1          a|b        one of these names, or a list of them
 * nocase a|b   the same, in either case
 */
export type KafkaKey = readonly [name: string, type: KafkaType, default_: string | null, allowed?: string]

const int32Max = 2 ** 31 - 1

/** The parser for a Kafka config, from its row. */
export function kindOf([name, type, , allowed = '']: KafkaKey): Kind<unknown> {
  switch (type) {
    case 'int':
    case 'short': {
      const most = type === 'int' ? int32Max : 2 ** 15 - 1
      const [low, high, exception] = range(allowed)
      const kind = integer(low === undefined ? -most - 1 : Number(low), high === undefined ? most : Number(high))
      return exception === undefined ? kind : orElse(kind, exception)
    }
    case 'long': {
      const [low, high] = range(allowed)
      return long(low === undefined ? undefined : BigInt(low), high === undefined ? undefined : BigInt(high))
    }
    case 'double': {
      const [low, high] = range(allowed)
      return double(Number(low ?? -Infinity), Number(high ?? Infinity))
    }
    case 'boolean':
      return boolean
    case 'list':
      if (allowed === 'replicas') return throttledReplicas
      if (allowed === 'nonempty') return nonempty(list)
      return allowed === '' ? list : listOf(allowed.split('|'))
    default:
      if (allowed === '') return text
      if (allowed === 'nonempty') return nonempty(text)
      assert(allowed.includes('|'), `${name} has names to choose from`)
      return allowed.startsWith('nocase ') ? oneOf(allowed.slice(7).split('|'), true) : oneOf(allowed.split('|'))
  }
}

function range(allowed: string): readonly [low?: string, high?: string, exception?: string] {
  if (allowed === '') return []
  const [, low, high, exception] = /^(-?[\d.]+?)\.\.(-?[\d.]+)?(?: or (-?\d+))?$/.exec(allowed)!
  return [low!, high, exception] as readonly [string, string, string]
}

function orElse(kind: Kind<number>, exception: string): Kind<number> {
  return {
    accepts: `${kind.accepts}, or ${exception}`,
    read(given) {
      if (given === exception) return Number(exception)
      const value = kind.read(given)
      return value instanceof InvalidValue ? new InvalidValue(`${value.allowed}, or ${exception}`) : value
    },
  }
}

function nonempty<T>(kind: Kind<T>): Kind<T> {
  return {
    accepts: `${kind.accepts}, not empty`,
    read: (given) => (given === '' ? new InvalidValue('must not be empty') : kind.read(given)),
  }
}

const throttledReplicas: Kind<readonly string[]> = {
  accepts: '* or list of PARTITION:BROKER',
  read(given) {
    const items = list.read(given)
    if (items instanceof InvalidValue) return items
    const fits = items.every((item) => /^\d+:\d+$/.test(item)) || given === '*'
    return fits ? items : new InvalidValue('must be * or a list of PARTITION:BROKER')
  },
}
