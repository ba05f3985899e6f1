/** Operations that go in steps - begun, one shot or parts, ended - each with a key and a mechanism that is near every token. */
import type { FunctionName } from './cryptoki/functions.ts'
import { mechanism, word, wordIn, type Mechanism, type Pointer } from './cryptoki/memory.ts'
import type { CKM } from './cryptoki/numbers.ts'
import { CKR } from './cryptoki/numbers.ts'
import type { Device, Given } from './device.ts'
import { aesKey, importedOrSkip, secretKey } from './keys.ts'

export interface Operation {
  readonly name: 'encrypt' | 'pad' | 'decrypt' | 'digest' | 'sign' | 'verify'
  /** The functions, and whether a part gives bytes, and what the parts are checked against is given at the end. */
  readonly init: FunctionName
  readonly once: FunctionName
  readonly update: FunctionName
  readonly final: FunctionName
  readonly how: Mechanism
  readonly needs: readonly (keyof typeof CKM)[]
  readonly isStream: boolean
  /** Bytes that come of 32 bytes. */
  readonly gives: number
  /** A key of the session; 0 where there is none. */
  key(device: Device, session: number): number
}

const aes = (device: Device, session: number): number => aesKey(device, session, ['ENCRYPT', 'DECRYPT'])
const hmac = (device: Device, session: number): number =>
  importedOrSkip(device, session, secretKey('GENERIC_SECRET', Buffer.alloc(32, 7), 'SIGN', 'VERIFY'), 'an HMAC key')

const named = (verb: string): Pick<Operation, 'init' | 'once' | 'update' | 'final'> => ({
  init: `C_${verb}Init` as FunctionName,
  once: `C_${verb}` as FunctionName,
  update: `C_${verb}Update` as FunctionName,
  final: `C_${verb}Final` as FunctionName,
})
const AES = { isStream: true, key: aes } as const
const MAC = { isStream: false, how: { type: 'SHA256_HMAC' }, needs: ['SHA256_HMAC'], key: hmac } as const

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'encrypt',
    ...named('Encrypt'),
    ...AES,
    how: { type: 'AES_ECB' },
    needs: ['AES_KEY_GEN', 'AES_ECB'],
    gives: 32,
  },
  {
    ...{ name: 'pad', ...named('Encrypt'), ...AES, gives: 48 },
    ...{ how: { type: 'AES_CBC_PAD', parameter: Buffer.alloc(16) }, needs: ['AES_KEY_GEN', 'AES_CBC_PAD'] },
  },
  {
    name: 'decrypt',
    ...named('Decrypt'),
    ...AES,
    how: { type: 'AES_ECB' },
    needs: ['AES_KEY_GEN', 'AES_ECB'],
    gives: 32,
  },
  {
    name: 'digest',
    ...named('Digest'),
    isStream: false,
    how: { type: 'SHA256' },
    needs: ['SHA256'],
    gives: 32,
    key: () => 0,
  },
  { name: 'sign', ...named('Sign'), ...MAC, gives: 32 },
  { name: 'verify', ...named('Verify'), ...MAC, gives: 0 },
]

/** The return value of its Init. */
export function begin(device: Device, session: number, { name, init, how }: Operation, key: number): number {
  return name === 'digest'
    ? device.call(init, session, mechanism(how))
    : device.call(init, session, mechanism(how), key)
}

/** In one shot; `out` NULL asks for the length. For a verification `out` is the signature. */
export function once(
  device: Device,
  session: number,
  { name, once: shot }: Operation,
  data: Buffer,
  out: Pointer,
  room = out?.length ?? 0,
): Given {
  if (name === 'verify') return { rv: device.call(shot, session, data, data.length, out, room), bytes: Buffer.alloc(0) }
  const length = word(room)
  return given(device.call(shot, session, data, data.length, out, length), out, length)
}

export function update(device: Device, session: number, { isStream, update: part }: Operation, data: Buffer): number {
  return isStream
    ? device.call(part, session, data, data.length, Buffer.alloc(data.length + 64), word(data.length + 64))
    : device.call(part, session, data, data.length)
}

export function final(
  device: Device,
  session: number,
  { name, final: end }: Operation,
  out: Pointer,
  room = out?.length ?? 0,
): Given {
  if (name === 'verify') return { rv: device.call(end, session, out, room), bytes: Buffer.alloc(0) }
  const length = word(room)
  return given(device.call(end, session, out, length), out, length)
}

/** Says so unless the session takes up the same work again: an operation that failed is over. */
export function usable(device: Device, session: number, operation: Operation, key: number): void {
  device.expect(begin(device, session, operation, key), 'OK')
}

/** With what was asked for as the length of `bytes`, where nothing was written. */
function given(rv: number, out: Pointer, length: Buffer): Given {
  const count = Math.max(0, wordIn(length))
  if (out === null || rv !== CKR.OK)
    return { rv, bytes: Buffer.alloc(rv === CKR.OK || rv === CKR.BUFFER_TOO_SMALL ? Math.min(count, 65_536) : 0) }
  return { rv, bytes: out.subarray(0, count) }
}
