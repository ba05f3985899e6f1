/** Keys do what they were made for, and nothing else. */
import type { Check } from '../check.ts'
import { structure } from '../cryptoki/memory.ts'
import type { CKM } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { aesKey, type Use } from '../keys.ts'
import { secret } from '../samples.ts'
import { row } from '../row.ts'

type Attempt = (device: Device, session: number, key: number) => number

/** What a key may not do that was made for all else. */
const WITHOUT: Readonly<Record<string, readonly [Use, keyof typeof CKM, Attempt]>> = {
  encrypt: ['ENCRYPT', 'AES_CBC', (device, session, key) => device.encrypt(session, CBC, key, Buffer.alloc(16)).rv],
  decrypt: ['DECRYPT', 'AES_CBC', (device, session, key) => device.decrypt(session, CBC, key, Buffer.alloc(16)).rv],
  sign: [
    'SIGN',
    'AES_CMAC',
    (device, session, key) => device.sign(session, { type: 'AES_CMAC' }, key, Buffer.alloc(16)).rv,
  ],
  verify: [
    'VERIFY',
    'AES_CMAC',
    (device, session, key) => device.verify(session, { type: 'AES_CMAC' }, key, Buffer.alloc(16), Buffer.alloc(16)),
  ],
  wrap: [
    'WRAP',
    'AES_KEY_WRAP',
    (device, session, key) =>
      device.wrap(session, { type: 'AES_KEY_WRAP' }, key, aesKey(device, session, ['ENCRYPT'])).rv,
  ],
  unwrap: [
    'UNWRAP',
    'AES_KEY_WRAP',
    (device, session, key) => device.unwrap(session, { type: 'AES_KEY_WRAP' }, key, Buffer.alloc(40), secret('AES')).rv,
  ],
  derive: [
    'DERIVE',
    'AES_ECB_ENCRYPT_DATA',
    (device, session, key) =>
      device.derive(
        session,
        { type: 'AES_ECB_ENCRYPT_DATA', parameter: structure(Buffer.alloc(32), 32) },
        key,
        secret('GENERIC_SECRET'),
      ).rv,
  ],
}

const CBC = { type: 'AES_CBC', parameter: Buffer.alloc(16) } as const
const USES: readonly Use[] = ['ENCRYPT', 'DECRYPT', 'SIGN', 'VERIFY', 'WRAP', 'UNWRAP']
export const USES_KEPT: readonly Check[] = Object.entries(WITHOUT).map(([name, [use, mechanism, attempt]]) =>
  row(
    `attribute.use.${name}`,
    'critical',
    '4.10 Secret key objects',
    `a key that was not made to ${name} does not`,
    (device) => {
      const session = device.session()
      const others = USES.filter((each) => each !== use)
      const key = aesKey(device, session, others, 32, { type: use, value: false })
      const rv = attempt(device, session, key)
      // Of keys that wrap, some say by the handle that it is none for that.
      const other = ['WRAPPING_KEY_HANDLE_INVALID', 'UNWRAPPING_KEY_HANDLE_INVALID'] as const
      device.expect(rv, 'KEY_FUNCTION_NOT_PERMITTED', ...(name.endsWith('wrap') ? other : []))
    },
    { needs: ['AES_KEY_GEN', mechanism] },
  ),
)
