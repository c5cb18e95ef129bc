import { expect, test } from 'vitest'
import { openCopyingTransport } from '../../../../native-free-io/net/copying-transport.ts'
import type { OpenTransport } from '../../../../native-free-io/net/transport.ts'
import { transportFault } from '../../../../native-free-io/net/transport-check.ts'
import { openZeroCopyTransport } from '../../../../native-free-io/net/zero-copy-transport.ts'

test.each<[string, OpenTransport]>([
  ['zero-copy', openZeroCopyTransport],
  ['copying', openCopyingTransport],
])('transport check: finds no fault in the %s transport', async (_, open) => {
  expect(await transportFault(open)).toBeUndefined()
})

/** Node with a change in one of the undocumented parts. */
const changed =
  (change: (handle: { useUserBuffer: unknown }) => void): OpenTransport =>
  (accepted, receiver) => {
    const { _handle: handle } = accepted as typeof accepted & { _handle: { useUserBuffer: unknown } }
    change(handle)
    return openZeroCopyTransport(accepted, receiver)
  }

test.each<[string, OpenTransport, RegExp]>([
  ['lacks reads into a given buffer', changed((handle) => Object.assign(handle, { useUserBuffer: undefined })), /useUserBuffer/],
  ['ignores the given buffer', changed((handle) => Object.assign(handle, { useUserBuffer: () => {} })), /'first' did not arrive/],
  [
    'hides the handle of an accepted socket',
    (accepted, receiver) => openZeroCopyTransport(Object.create(accepted, { _handle: { value: undefined } }), receiver),
    /no handle/,
  ],
  [
    'copies into a former buffer',
    (accepted, receiver) => {
      const first = receiver.window()
      const window = (): Buffer => {
        receiver.window()
        return first
      }
      return openCopyingTransport(accepted, { ...receiver, window })
    },
    /'first' did not arrive/,
  ],
])('transport check: finds a version of Node that %s', async (_, open, fault) => {
  expect(await transportFault(open)).toMatch(fault)
})
