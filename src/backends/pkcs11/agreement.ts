/** ECDH of a token: the peer's key is read here, the bare coordinate comes from the token. */
import { createPublicKey, ECDH } from 'node:crypto'
import { fail } from '../../errors.ts'
import type { Agreement } from '../backend.ts'
import type { Handle } from './cryptoki.ts'
import { elements, padded, parts } from './der.ts'
import type { Keys } from './keys.ts'
import { CKA, CKD_NULL, CKK, CKM, CKO, PARAMS } from './numbers.ts'
import { read } from './objects.ts'
import type { Spec } from './specs.ts'
import type { Token } from './token.ts'

export function tokenAgreement(keys: Keys): Agreement {
  return {
    derive: (material, publicKey) =>
      keys.use(material, (session, { handle, spec }) => {
        if (spec.family !== 'ec') fail('UnsupportedOperationException', 'the token of the key cannot do this')
        return agree(keys.token, session, handle, spec, pointIn(publicKey, spec))
      }),
  }
}

/** The secret leaves the token, as it is to leave the KMS, and what the token kept of it goes. */
export function agree(token: Token, session: Handle, key: Handle, spec: Spec, point: Buffer): Buffer {
  const { cryptoki } = token
  const parameter = { type: PARAMS.EC_DH, kdf: CKD_NULL, publicData: point }
  const secret = cryptoki.C_DeriveKey(session, { mechanism: CKM.ECDH1_DERIVE, parameter }, key, [
    { type: CKA.CLASS, value: CKO.SECRET_KEY },
    { type: CKA.KEY_TYPE, value: CKK.GENERIC_SECRET },
    { type: CKA.TOKEN, value: false },
    { type: CKA.SENSITIVE, value: false },
    { type: CKA.EXTRACTABLE, value: true },
    { type: CKA.VALUE_LEN, value: spec.size },
  ])
  try {
    return padded(read(token, session, secret, CKA.VALUE)[0]!, spec.size)
  } finally {
    cryptoki.C_DestroyObject(session, secret)
  }
}

/** The point of a public key of this curve, uncompressed; node:crypto refuses what is not on it. */
export function pointIn(publicKey: Uint8Array, { curve, name }: Spec): Buffer {
  try {
    createPublicKey({ key: Buffer.from(publicKey), type: 'spki', format: 'der' })
    const [algorithm, key] = parts(publicKey)
    const [, named] = elements(algorithm!.content)
    if (!curve!.subarray(2).equals(named!.content)) fail('ValidationException')
    return ECDH.convertKey(key!.content.subarray(1), name!, undefined, undefined, 'uncompressed') as Buffer
  } catch {
    return fail('ValidationException')
  }
}
