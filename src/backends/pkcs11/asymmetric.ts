/**
 * RSA-OAEP of a token. Encrypting takes the public key alone, and is done here; decrypting is the token's, all of it or, where
 * it lacks the hash, the RSA part.
 */
import { constants, publicEncrypt } from 'node:crypto'
import { fail, KmsError } from '../../errors.ts'
import type { AsymmetricAlgorithm, AsymmetricCipher } from '../backend.ts'
import type { Cryptoki, Handle, Mechanism } from './cryptoki.ts'
import { invalid } from './faults.ts'
import type { Keys } from './keys.ts'
import { CKG, CKM, CKZ_DATA_SPECIFIED, PARAMS } from './numbers.ts'
import { oaepDecoded } from './oaep.ts'
import { holding } from './sessions.ts'

/** Who takes the padding off; undefined where nobody can decrypt. */
export type Unpadding = 'token' | 'host' | undefined

const oaep = (hash: 'sha1' | 'sha256', hashAlg: number, mgf: number) => ({
  hash,
  mechanism: {
    mechanism: CKM.RSA_PKCS_OAEP,
    parameter: { type: PARAMS.RSA_OAEP, hashAlg, mgf, source: CKZ_DATA_SPECIFIED },
  } as Mechanism,
})

export const OAEP = {
  RSAES_OAEP_SHA_1: oaep('sha1', CKM.SHA_1, CKG.MGF1_SHA1),
  RSAES_OAEP_SHA_256: oaep('sha256', CKM.SHA256, CKG.MGF1_SHA256),
} as const

export type OaepAlgorithm = keyof typeof OAEP

/** How the token does RSA-OAEP. */
export interface OaepHabits {
  readonly unpadding: Readonly<Record<OaepAlgorithm, Unpadding>>
  /** What it answers to a ciphertext that is none, when it decrypts; a token that fails altogether says so in Init. */
  readonly refusals: ReadonlySet<string>
}

export function tokenAsymmetric(keys: Keys, habits: OaepHabits): AsymmetricCipher {
  return {
    encrypt(material, algorithm, plaintext) {
      const { hash } = OAEP[oaepOf(algorithm)]
      return keys.use(material, (_session, { pair }) => {
        const padding = constants.RSA_PKCS1_OAEP_PADDING
        return publicEncrypt({ key: pair!.publicKey(), padding, oaepHash: hash }, plaintext)
      })
    },
    decrypt(material, algorithm, ciphertext) {
      const scheme = oaepOf(algorithm)
      const unpadding =
        habits.unpadding[scheme] ?? fail('UnsupportedOperationException', `the token of the key has no ${algorithm}`)
      return keys.useAside(material, (session, { handle, spec }) => {
        if (ciphertext.length !== spec.size / 8) throw new KmsError('InvalidCiphertextException')
        return oaepDecrypt(
          ...([keys.token.cryptoki, session, handle, scheme, unpadding] as const),
          ...([Buffer.from(ciphertext), habits.refusals] as const),
        )
      })
    },
  }
}

export async function oaepDecrypt(
  cryptoki: Cryptoki,
  session: Handle,
  key: Handle,
  algorithm: OaepAlgorithm,
  unpadding: 'token' | 'host',
  ciphertext: Buffer,
  refusals: ReadonlySet<string>,
): Promise<Buffer> {
  const { mechanism, hash } = OAEP[algorithm]
  cryptoki.C_DecryptInit(session, unpadding === 'token' ? mechanism : { mechanism: CKM.RSA_X_509 }, key)
  const out = Buffer.alloc(ciphertext.length)
  try {
    const decrypted = await holding(cryptoki.C_DecryptAsync(session, ciphertext, out), ciphertext, out)
    if (unpadding === 'token') return decrypted
    // Some tokens leave zeros off in front: what is raw is as long as the modulus.
    out.copyWithin(out.length - decrypted.length, 0, decrypted.length)
    out.fill(0, 0, out.length - decrypted.length)
    return oaepDecoded(out, hash)
  } catch (error) {
    throw invalid(error, refusals)
  }
}

/** What tokens are known to answer to a ciphertext that is none. */
export const OAEP_REFUSALS: ReadonlySet<string> = new Set([
  'CKR_ENCRYPTED_DATA_INVALID',
  'CKR_ENCRYPTED_DATA_LEN_RANGE',
  'CKR_DATA_INVALID',
  'CKR_DATA_LEN_RANGE',
  'CKR_GENERAL_ERROR',
  'CKR_FUNCTION_FAILED',
])

function oaepOf(algorithm: AsymmetricAlgorithm): OaepAlgorithm {
  if (algorithm === 'SM2PKE') fail('UnsupportedOperationException', 'the token of the key has no SM2PKE')
  return algorithm
}
