/** The kinds of keys that a token makes for us, a row each: how they are made, and what their public halves look like. */
import { bitString, integer, NULL, oid, pointOf, sequence } from './der.ts'
import { CKA, CKK, CKM } from './numbers.ts'
import type { Template } from './cryptoki.ts'

export type Family = 'aes' | 'hmac' | 'rsa' | 'ec' | 'edwards' | 'lattice'

export interface Spec {
  readonly family: Family
  readonly keyType: number
  /** The mechanism that makes it. */
  readonly mechanism: number
  /** Attributes that say which of its type is to be made: of the key, or of its public half. */
  readonly shape: Template
  /** Bits of an RSA modulus; bytes of a secret, or of a coordinate; the number of a set of parameters. */
  readonly size: number
  /** The parameters of a curve, DER. */
  readonly curve?: Buffer
  /** What node:crypto calls the curve. */
  readonly name?: string
  /** Of what has neither modulus nor curve: how its public key is called, and how long that and a signature are. */
  readonly lattice?: { readonly oid: Buffer; readonly publicKey: number; readonly signature: number }
}

const secret = (family: Family, keyType: number, mechanism: number, size: number): Spec => ({
  ...{ family, keyType, mechanism, size },
  shape: [{ type: CKA.VALUE_LEN, value: size }],
})
const hmac = (size: number) => secret('hmac', CKK.GENERIC_SECRET, CKM.GENERIC_SECRET_KEY_GEN, size)
const rsa = (size: number): Spec => ({
  ...{ family: 'rsa', keyType: CKK.RSA, mechanism: CKM.RSA_PKCS_KEY_PAIR_GEN, size },
  shape: [
    { type: CKA.MODULUS_BITS, value: size },
    { type: CKA.PUBLIC_EXPONENT, value: Buffer.of(1, 0, 1) },
  ],
})
const curve = (family: Family, keyType: number, mechanism: number, size: number, name: string, id: string): Spec => ({
  ...{ family, keyType, mechanism, size, name, curve: oid(id) },
  shape: [{ type: CKA.EC_PARAMS, value: oid(id) }],
})
const ec = (size: number, name: string, id: string) => curve('ec', CKK.EC, CKM.EC_KEY_PAIR_GEN, size, name, id)

const mlDsa = (set: number, id: string, publicKey: number, signature: number): Spec => ({
  ...{ family: 'lattice', keyType: CKK.ML_DSA, mechanism: CKM.ML_DSA_KEY_PAIR_GEN, size: set },
  shape: [{ type: CKA.PARAMETER_SET, value: set }],
  lattice: { oid: oid(id), publicKey, signature },
})

const ED25519 = '2b6570'

/** By the HSM's names of them. What is not here no token is asked for: of ML-KEM the driver does not have the verbs. */
export const TOKEN_SPECS: Readonly<Record<string, Spec>> = {
  AES_256: secret('aes', CKK.AES, CKM.AES_KEY_GEN, 32),
  HMAC_224: hmac(28),
  HMAC_256: hmac(32),
  HMAC_384: hmac(48),
  HMAC_512: hmac(64),
  RSA_2048: rsa(2048),
  RSA_3072: rsa(3072),
  RSA_4096: rsa(4096),
  ECC_P256: ec(32, 'prime256v1', '2a8648ce3d030107'),
  ECC_P384: ec(48, 'secp384r1', '2b81040022'),
  ECC_P521: ec(66, 'secp521r1', '2b81040023'),
  ECC_K256: ec(32, 'secp256k1', '2b8104000a'),
  ED25519: curve('edwards', CKK.EC_EDWARDS, CKM.EC_EDWARDS_KEY_PAIR_GEN, 32, 'ed25519', ED25519),
  ML_DSA_44: mlDsa(1, '608648016503040311', 1312, 2420),
  ML_DSA_65: mlDsa(2, '608648016503040312', 1952, 3309),
  ML_DSA_87: mlDsa(3, '608648016503040313', 2592, 4627),
}

/** What the HSM's bits of usage are called by a token, those of the secret or private key and those of the public one. */
const USES: readonly { readonly bit: number; readonly own: number; readonly open: number | undefined }[] = [
  { bit: 1, own: CKA.ENCRYPT, open: CKA.ENCRYPT },
  { bit: 2, own: CKA.DECRYPT, open: undefined },
  { bit: 16, own: CKA.SIGN, open: undefined },
  { bit: 32, own: CKA.VERIFY, open: CKA.VERIFY },
  { bit: 64, own: CKA.SIGN, open: undefined },
  { bit: 128, own: CKA.DERIVE, open: undefined },
]

/** What a secret or private key may do: all that it may not is said as well. */
export function ownUses(family: Family, uses: number): Template {
  const may = new Set(USES.filter(({ bit }) => uses & bit).map(({ own }) => own))
  const all =
    family === 'aes' || family === 'hmac'
      ? [CKA.ENCRYPT, CKA.DECRYPT, CKA.SIGN, CKA.VERIFY, CKA.DERIVE, CKA.WRAP, CKA.UNWRAP]
      : [CKA.DECRYPT, CKA.SIGN, CKA.DERIVE, CKA.UNWRAP]
  return all.map((type) => ({ type, value: may.has(type) }))
}

export function publicUses(uses: number): Template {
  const may = new Set(USES.filter(({ bit }) => uses & bit).map(({ open }) => open))
  return [CKA.ENCRYPT, CKA.VERIFY].map((type) => ({ type, value: may.has(type) }))
}

const RSA_ENCRYPTION = '2a864886f70d010101'
const EC_PUBLIC_KEY = '2a8648ce3d0201'

/** SubjectPublicKeyInfo, DER, of an RSA key. */
export function rsaPublicKey(modulus: Uint8Array, exponent: Uint8Array): Buffer {
  return sequence(sequence(oid(RSA_ENCRYPTION), NULL), bitString(sequence(integer(modulus), integer(exponent))))
}

/** SubjectPublicKeyInfo, DER, of a point as the token gives it. */
export function curvePublicKey({ family, curve, size }: Spec, point: Uint8Array): Buffer {
  return family === 'edwards'
    ? sequence(sequence(curve!), bitString(pointOf(point, size)))
    : sequence(sequence(oid(EC_PUBLIC_KEY), curve!), bitString(pointOf(point, 1 + 2 * size)))
}

/** SubjectPublicKeyInfo, DER, of an ML-DSA key (RFC 9881): its algorithm has no parameters. */
export function latticePublicKey({ lattice }: Spec, key: Buffer): Buffer {
  if (key.length !== lattice!.publicKey) throw new RangeError('no public key of this kind')
  return sequence(sequence(lattice!.oid), bitString(key))
}

/** What kind of key an object is, by what the token says of it: a key type, and the curve or the size. */
export function specOf(keyType: number, curve: Uint8Array | undefined, size: number): Spec | undefined {
  return Object.values(TOKEN_SPECS).find(
    (spec) =>
      spec.keyType === keyType && (spec.curve ? curve !== undefined && spec.curve.equals(curve) : spec.size === size),
  )
}
