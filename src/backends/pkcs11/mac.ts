/** Message authentication codes of a token, on the spot; it makes them, and comparing is ours. */
import { timingSafeEqual } from 'node:crypto'
import { fail } from '../../errors.ts'
import type { MacAlgorithmSpec } from '../../model/kms.ts'
import type { Mac } from '../backend.ts'
import type { Cryptoki, Handle } from './cryptoki.ts'
import type { Keys } from './keys.ts'
import { CKM } from './numbers.ts'
import { located } from './sessions.ts'

export const MACS: Readonly<Record<MacAlgorithmSpec, { readonly mechanism: number; readonly length: number }>> = {
  HMAC_SHA_224: { mechanism: CKM.SHA224_HMAC, length: 28 },
  HMAC_SHA_256: { mechanism: CKM.SHA256_HMAC, length: 32 },
  HMAC_SHA_384: { mechanism: CKM.SHA384_HMAC, length: 48 },
  HMAC_SHA_512: { mechanism: CKM.SHA512_HMAC, length: 64 },
}

export function tokenMac(keys: Keys, can: (algorithm: MacAlgorithmSpec) => boolean): Mac {
  const generate: Mac['generate'] = (material, algorithm, message) => {
    if (!can(algorithm)) fail('UnsupportedOperationException', `the token of the key has no ${algorithm}`)
    return keys.use(material, (session, { handle }) => macOf(keys.token.cryptoki, session, algorithm, handle, message))
  }
  return {
    generate,
    verify(material, algorithm, message, mac) {
      const right = generate(material, algorithm, message) as Uint8Array
      return mac.length === right.length && timingSafeEqual(mac, right)
    },
  }
}

export function macOf(
  cryptoki: Cryptoki,
  session: Handle,
  algorithm: MacAlgorithmSpec,
  key: Handle,
  message: Uint8Array,
): Buffer {
  const { mechanism, length } = MACS[algorithm]
  cryptoki.C_SignInit(session, { mechanism }, key)
  return cryptoki.C_Sign(session, located(Buffer.from(message)), Buffer.alloc(length))
}
