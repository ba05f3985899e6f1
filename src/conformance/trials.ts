/**
 * A right way to use each mechanism that we know: parameters and a key, fresh and of the session, such that it has to work if the
 * token announces it. What checks of mechanisms, parts and room go through.
 */
import { createHash } from 'node:crypto'
import type { Mechanism, Template } from './cryptoki/memory.ts'
import { word } from './cryptoki/memory.ts'
import { CKA, CKK, CKM, CKO } from './cryptoki/numbers.ts'
import type { Device } from './device.ts'
import { aesKey, ecPair, READABLE, rsaPair, SESSION, usable, type Pair, type Use } from './keys.ts'
import { ctr, gcm, oaep, pss, type HashName } from './parameters.ts'

export type MechanismName = keyof typeof CKM
export type KeyKind = 'aes' | 'des3' | 'secret' | 'rsa' | 'ec' | 'edwards'

export interface Trial {
  readonly type: MechanismName
  readonly key: KeyKind
  readonly parameter?: () => Buffer
  /** What is ciphered or signed: as long as the mechanism wants. */
  readonly data: Buffer
  /** Whether it takes its data in parts. */
  readonly parts: boolean
}

const IV = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')
const BLOCKS = Buffer.from(Array.from({ length: 64 }, (_, i) => (i * 73 + 5) & 0xff))
const TEXT = Buffer.from('The quick brown fox jumps over the lazy dog, and then some more of it for a second block.')
const digest = (hash: HashName): Buffer => createHash(hash).update(TEXT).digest()

const cipher = (type: MechanismName, key: KeyKind, data: Buffer, parameter?: () => Buffer): Trial => ({
  ...{ type, key, data, parameter },
  parts: true,
})
const signs = (type: MechanismName, key: KeyKind, parameter?: () => Buffer): Trial => ({
  ...{ type, key, parameter },
  data: TEXT,
  parts: true,
})
const once = (type: MechanismName, key: KeyKind, data: Buffer, parameter?: () => Buffer): Trial => ({
  ...{ type, key, data, parameter },
  parts: false,
})

/** For C_Encrypt and C_Decrypt. */
export const CIPHERS: readonly Trial[] = [
  cipher('AES_ECB', 'aes', BLOCKS),
  cipher('AES_CBC', 'aes', BLOCKS, () => IV),
  cipher('AES_CBC_PAD', 'aes', TEXT, () => IV),
  cipher('AES_CTR', 'aes', TEXT, () => ctr(IV)),
  cipher('AES_GCM', 'aes', TEXT, () => gcm(IV.subarray(0, 12), Buffer.from('about'))),
  cipher('AES_OFB', 'aes', TEXT, () => IV),
  cipher('AES_CFB8', 'aes', TEXT, () => IV),
  cipher('AES_CFB128', 'aes', TEXT, () => IV),
  cipher('AES_CTS', 'aes', TEXT, () => IV),
  cipher('DES3_ECB', 'des3', BLOCKS),
  cipher('DES3_CBC', 'des3', BLOCKS, () => IV.subarray(0, 8)),
  cipher('DES3_CBC_PAD', 'des3', TEXT, () => IV.subarray(0, 8)),
  once('RSA_PKCS', 'rsa', TEXT),
  once('RSA_X_509', 'rsa', Buffer.concat([Buffer.of(0), Buffer.alloc(255, 0x5a)])),
  once('RSA_PKCS_OAEP', 'rsa', TEXT, () => oaep('sha1')),
]

/** For C_Sign and C_Verify. */
export const SIGNERS: readonly Trial[] = [
  once('RSA_PKCS', 'rsa', TEXT),
  once('RSA_X_509', 'rsa', Buffer.concat([Buffer.of(0), Buffer.alloc(255, 0x5a)])),
  once('RSA_PKCS_PSS', 'rsa', digest('sha256'), () => pss('sha256')),
  ...(['sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const).flatMap((hash) => [
    signs(`${hash.toUpperCase()}_RSA_PKCS` as MechanismName, 'rsa'),
    signs(`${hash.toUpperCase()}_RSA_PKCS_PSS` as MechanismName, 'rsa', () => pss(hash)),
    signs(`ECDSA_${hash.toUpperCase()}` as MechanismName, 'ec'),
  ]),
  once('ECDSA', 'ec', digest('sha256')),
  once('EDDSA', 'edwards', TEXT),
  signs('AES_CMAC', 'aes'),
  signs('AES_CMAC_GENERAL', 'aes', () => word(8)),
  signs('DES3_CMAC', 'des3'),
  ...(['SHA_1', 'SHA224', 'SHA256', 'SHA384', 'SHA512', 'SHA3_256', 'SHA3_384', 'SHA3_512'] as const).flatMap(
    (hash) => [signs(`${hash}_HMAC`, 'secret'), signs(`${hash}_HMAC_GENERAL`, 'secret', () => word(16))],
  ),
]

/** For C_Digest, and what Node calls them. */
export const DIGESTS = {
  MD5: 'md5',
  SHA_1: 'sha1',
  SHA224: 'sha224',
  SHA256: 'sha256',
  SHA384: 'sha384',
  SHA512: 'sha512',
  SHA512_224: 'sha512-224',
  SHA512_256: 'sha512-256',
  SHA3_224: 'sha3-224',
  SHA3_256: 'sha3-256',
  SHA3_384: 'sha3-384',
  SHA3_512: 'sha3-512',
} as const satisfies Partial<Record<MechanismName, string>>

export function mechanismOf({ type, parameter }: Trial): Mechanism {
  return { type, parameter: parameter?.() }
}

/** A mechanism as a part of an id: `aes-cbc-pad`. */
export function idOf(type: MechanismName): string {
  return type.toLowerCase().replaceAll('_', '-')
}

/** Keys for a trial: where there is one only, it is both. */
export function keysFor(
  device: Device,
  session: number,
  kind: KeyKind,
  own: readonly Use[],
  open: readonly Use[],
): Pair {
  if (kind === 'rsa') return made(device, rsaPair(device, session, open, own))
  if (kind === 'ec') return made(device, ecPair(device, session, 'secp256r1', open, own))
  if (kind === 'edwards') return made(device, ecPair(device, session, 'edwards25519', open, own))
  const uses = [...own, ...open]
  const key = kind === 'aes' ? aesKey(device, session, uses) : secretFor(device, session, kind, uses)
  return { rv: 0, publicKey: key, privateKey: key }
}

function made(device: Device, pair: Pair): Pair {
  device.expect(pair.rv, 'OK')
  return pair
}

function secretFor(device: Device, session: number, kind: 'des3' | 'secret', uses: readonly Use[]): number {
  const common: Template = [...SESSION, ...READABLE, ...usable(uses)]
  const { rv, handle } =
    kind === 'des3' && device.announces(CKM.DES3_KEY_GEN)
      ? device.generate(session, { type: 'DES3_KEY_GEN' }, common)
      : device.create(session, [
          { type: CKA.CLASS, value: CKO.SECRET_KEY },
          { type: CKA.KEY_TYPE, value: kind === 'des3' ? CKK.DES3 : CKK.GENERIC_SECRET },
          {
            type: CKA.VALUE,
            value:
              kind === 'des3'
                ? Buffer.from('0123456789abcdef23456789abcdef01456789abcdef0123', 'hex')
                : Buffer.alloc(64, 0x3c),
          },
          ...common,
        ])
  device.expect(rv, 'OK')
  return handle
}
