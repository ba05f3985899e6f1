/** Objects that checks try things on: small, labelled as ours, and of the session unless they are said to be stored. */
import type { Template } from './cryptoki/memory.ts'
import { CKK, CKO } from './cryptoki/numbers.ts'
import type { Device } from './device.ts'

/** Some bytes, which are no key. */
export function data(device: Device, token = false, ...more: Template): Template {
  return [
    { type: 'CLASS', value: CKO.DATA },
    { type: 'TOKEN', value: token },
    { type: 'LABEL', value: device.label },
    { type: 'VALUE', value: Buffer.from('of no matter') },
    ...more,
  ]
}

/** The same, made; in the token. */
export function stored(device: Device, session: number, ...more: Template): number {
  const { rv, handle } = device.create(session, data(device, true, ...more))
  device.expect(rv, 'OK')
  return handle
}

/** An AES key that the token cannot be asked for; of the session. */
export function sensitiveKey(device: Device, session: number, extractable: boolean, ...more: Template): number {
  const { rv, handle } = device.generate(session, { type: 'AES_KEY_GEN' }, [
    { type: 'VALUE_LEN', value: 32 },
    { type: 'TOKEN', value: false },
    { type: 'SENSITIVE', value: true },
    { type: 'EXTRACTABLE', value: extractable },
    ...more,
  ])
  device.expect(rv, 'OK')
  return handle
}

/** A template for a secret key without its value. */
export function secret(type: keyof typeof CKK, ...more: Template): Template {
  return [
    { type: 'CLASS', value: CKO.SECRET_KEY },
    { type: 'KEY_TYPE', value: CKK[type] },
    { type: 'TOKEN', value: false },
    ...more,
  ]
}

/** A PIN of the length of the right one, which it is not. */
export function otherPin({ pin }: Device): string {
  return pin.replace(/.$/, (last) => (last === '1' ? '2' : '1'))
}
