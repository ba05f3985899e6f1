/**
 * Keys from outside into a token. The wrapping key is one of the token's; what it unwrapped is seen here for a moment, since
 * few tokens know AWS's ways of wrapping, and none lets a key through by whose digest it could be known again.
 *
 * An import token is what the wrapping key's id in the token is a digest of, together with the key it is for: there is no
 * wrapping key for any other.
 *
 *   version (1) | wrapping algorithm (1) | expiry (8, big-endian) | random (16)
 */
import { createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { SPECS, USES } from '../../algorithms.ts'
import { DAY, type Instant } from '../../clock.ts'
import { fail, KmsError } from '../../errors.ts'
import type { Key } from '../../keys.ts'
import type { AlgorithmSpec } from '../../model/kms.ts'
import { after, type Importer } from '../backend.ts'
import { oaepDecrypt, type OaepAlgorithm, type OaepHabits } from './asymmetric.ts'
import type { Handle } from './cryptoki.ts'
import type { Keys } from './keys.ts'
import { makeStoredPair, storedAs } from './making.ts'
import { attributesOf } from './material.ts'
import { CKA, CKO } from './numbers.ts'
import { findAll, read, stored } from './objects.ts'
import { TOKEN_SPECS } from './specs.ts'

const VERSION = 1
const TOKEN = 26

/** By their numbers in a token: how the key itself is encrypted, and whether that is a key that wraps the material. */
const WAYS: readonly { readonly name: AlgorithmSpec; readonly oaep: OaepAlgorithm; readonly wraps: boolean }[] = [
  { name: 'RSAES_OAEP_SHA_1', oaep: 'RSAES_OAEP_SHA_1', wraps: false },
  { name: 'RSAES_OAEP_SHA_256', oaep: 'RSAES_OAEP_SHA_256', wraps: false },
  { name: 'RSA_AES_KEY_WRAP_SHA_1', oaep: 'RSAES_OAEP_SHA_1', wraps: true },
  { name: 'RSA_AES_KEY_WRAP_SHA_256', oaep: 'RSAES_OAEP_SHA_256', wraps: true },
]

export function tokenImporter(keys: Keys, { unpadding, refusals }: OaepHabits): Importer {
  const { token } = keys
  const { cryptoki } = token

  /**
   * Takes wrapping keys of the key with this ARN out of the token, those that were good until a time that is over; those of
   * others are not ours to judge, whose clocks may say another time.
   */
  function sweep(session: Handle, arn: string, isOver: (until: Instant) => boolean): void {
    for (const handle of findAll(token, session, [{ type: CKA.UNWRAP, value: true }, ...stored(CKO.PRIVATE_KEY)])) {
      const [label, id] = read(token, session, handle, CKA.LABEL, CKA.ID)
      const until = Date.parse(label!.toString().split(labelOf(arn))[1] ?? '')
      if (Number.isNaN(until) || !isOver(until)) continue
      const publics = findAll(token, session, stored(CKO.PUBLIC_KEY, id))
      for (const each of [handle, ...publics]) cryptoki.C_DestroyObject(session, each)
    }
  }

  return {
    withdraw: (arn) => token.use((session) => sweep(session, arn, () => true)),

    parameters(key, wrapping, algorithm, expiry) {
      const number = WAYS.findIndex(({ name }) => name === algorithm)
      const way = WAYS[number]
      const spec = TOKEN_SPECS[wrapping]
      if (!way || !spec || !unpadding[way.oaep]) {
        fail('UnsupportedOperationException', `the token of the key has no ${algorithm} under ${wrapping}`)
      }
      const parcel = Buffer.concat([Buffer.of(VERSION, number), Buffer.alloc(8), randomBytes(16)])
      parcel.writeBigUInt64BE(BigInt(expiry), 2)
      const kept = idOf(parcel, key)
      const place = storedAs(kept, `${labelOf(key.arn)}${new Date(expiry).toISOString()}`)
      // The last day of what goes was over a day before.
      token.use((session) => sweep(session, key.arn, (until) => until < expiry - 2 * DAY))
      const unwraps = [{ type: CKA.UNWRAP, value: true }]
      return after(makeStoredPair(token, spec, USES.ENCRYPT_DECRYPT, place, unwraps), (publicKey) => {
        return { token: parcel, publicKey, kept }
      })
    },

    async import(key, parcel, wrapped, now) {
      const way = parcel.length === TOKEN && parcel[0] === VERSION ? WAYS[parcel[1]!] : undefined
      if (!way) fail('InvalidImportTokenException')
      const material = await token.useAside(async (session) => {
        const [handle] = findAll(token, session, stored(CKO.PRIVATE_KEY, idOf(parcel, key)))
        if (!handle) fail('InvalidImportTokenException')
        if (Number(Buffer.from(parcel).readBigUInt64BE(2)) <= now) fail('ExpiredImportTokenException')
        const [modulus] = read(token, session, handle, CKA.MODULUS)
        const block = Buffer.from(wrapped.subarray(0, modulus!.length))
        const rest = wrapped.subarray(modulus!.length)
        if (block.length < modulus!.length || way.wraps !== rest.length > 0) fail('InvalidCiphertextException')
        const bytes = await oaepDecrypt(
          ...([cryptoki, session, handle, way.oaep, unpadding[way.oaep]!] as const),
          ...([block, refusals] as const),
        )
        return way.wraps ? unwrapped(bytes, rest) : bytes
      })
      try {
        const name = SPECS[key.spec].hsm
        const { own, open, publicKey } = attributesOf(name, material)
        return {
          token: keys.store(name, USES[key.usage], own, open),
          publicKey,
          id: nameOf(key, publicKey ?? material),
        }
      } finally {
        material.fill(0)
      }
    },
  }
}

/** The id of the wrapping key that a token is for, which nobody can bring about for another. */
function idOf(parcel: Uint8Array, key: Key): Buffer {
  return createHash('sha256').update(parcel).update(key.arn).digest()
}

/** What is in front of the date in a wrapping key's label. */
function labelOf(arn: string): string {
  return `import for ${arn} until `
}

/** As the HSM names a key that came in: related keys of a multi-Region key have the id in common. */
function nameOf(key: Key, what: Buffer): string {
  return createHash('sha256').update(`${key.id}\0`).update(what).digest('hex')
}

/** RFC 5649 under an AES-256 key, which is wiped. */
function unwrapped(key: Buffer, wrapped: Uint8Array): Buffer {
  try {
    const decipher = createDecipheriv('id-aes256-wrap-pad', key, Buffer.from('a65959a6', 'hex'))
    return Buffer.concat([decipher.update(wrapped), decipher.final()])
  } catch {
    throw new KmsError('InvalidCiphertextException')
  } finally {
    key.fill(0)
  }
}
