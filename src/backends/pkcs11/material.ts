/** Key material from outside, as the attributes of an object: secrets as they are, private keys as PKCS#8. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { KmsError } from '../../errors.ts'
import type { Template } from './cryptoki.ts'
import { elements, natural, octetString, parts } from './der.ts'
import { isSecret } from './making.ts'
import { CKA } from './numbers.ts'
import { TOKEN_SPECS, type Spec } from './specs.ts'

/** Material that is taken in. */
export interface Attributes {
  readonly own: Template
  /** Of the public half. */
  readonly open: Template | undefined
  readonly publicKey: Buffer | undefined
}

/** Throws InvalidCiphertextException for what is no key, and ValidationException for a key of another spec. */
export function attributesOf(name: string, material: Buffer): Attributes {
  const spec = TOKEN_SPECS[name]
  if (!spec) throw new KmsError('UnsupportedOperationException', 'the token of the key cannot do this')
  return isSecret(spec) ? secretFrom(spec, material) : pairFrom(spec, material)
}

function secretFrom({ size }: Spec, material: Buffer): Attributes {
  if (material.length !== size) throw new KmsError('InvalidCiphertextException')
  return { own: [{ type: CKA.VALUE, value: material }], open: undefined, publicKey: undefined }
}

function pairFrom(spec: Spec, material: Buffer): Attributes {
  const key = privateKeyFrom(material)
  if (!isOf(spec, key)) {
    throw new KmsError('ValidationException', 'The key material does not fit the key spec of the KMS key.')
  }
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  // Written anew by node:crypto, there is one way to read it.
  const inner = parts(key.export({ type: 'pkcs8', format: 'der' }))[2]!.content
  const bits = parts(publicKey)[1]!.content.subarray(1)
  const { own, open } = spec.family === 'rsa' ? rsaFrom(inner) : curveFrom(spec, inner, bits)
  return { own, open, publicKey }
}

function privateKeyFrom(der: Buffer): KeyObject {
  try {
    return createPrivateKey({ key: der, type: 'pkcs8', format: 'der' })
  } catch {
    throw new KmsError('InvalidCiphertextException')
  }
}

function isOf({ family, size, name }: Spec, { asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  if (family === 'rsa') return asymmetricKeyType === 'rsa' && asymmetricKeyDetails?.modulusLength === size
  if (family === 'edwards') return asymmetricKeyType === 'ed25519'
  return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === name
}

const RSA_ATTRIBUTES = [
  CKA.MODULUS,
  CKA.PUBLIC_EXPONENT,
  CKA.PRIVATE_EXPONENT,
  CKA.PRIME_1,
  CKA.PRIME_2,
  CKA.EXPONENT_1,
  CKA.EXPONENT_2,
  CKA.COEFFICIENT,
]

/** RFC 8017's RSAPrivateKey: a version, and then the numbers in the order of their attributes. */
function rsaFrom(inner: Buffer): { own: Template; open: Template } {
  const [, ...numbers] = parts(inner).map(natural)
  const own = RSA_ATTRIBUTES.map((type, i) => ({ type, value: numbers[i]! }))
  return { own, open: own.slice(0, 2) }
}

/** RFC 5915's ECPrivateKey, or RFC 8410's seed in an OCTET STRING. */
function curveFrom({ family, curve }: Spec, inner: Buffer, point: Buffer): { own: Template; open: Template } {
  const value = family === 'edwards' ? elements(inner)[0]!.content : parts(inner)[1]!.content
  const params = { type: CKA.EC_PARAMS, value: curve! }
  return {
    own: [params, { type: CKA.VALUE, value }],
    open: [params, { type: CKA.EC_POINT, value: octetString(point) }],
  }
}
