/** Parameters of mechanisms, laid out as the standard has them, and what hashes are called where. */
import { structure, word, WORD, type Pointer } from './cryptoki/memory.ts'
import { CKD, CKG, CKM, CKZ } from './cryptoki/numbers.ts'

/** Bytes that are none, at an address that is one: NULL is another question. */
export const EMPTY = Buffer.alloc(WORD).subarray(0, 0)

/** Hashes, as Node and Wycheproof call them. */
export const HASHES = {
  sha1: { length: 20, digest: CKM.SHA_1, mgf: CKG.MGF1_SHA1, kdf: CKD.SHA1_KDF, hmac: CKM.SHA_1_HMAC },
  sha224: { length: 28, digest: CKM.SHA224, mgf: CKG.MGF1_SHA224, kdf: CKD.SHA224_KDF, hmac: CKM.SHA224_HMAC },
  sha256: { length: 32, digest: CKM.SHA256, mgf: CKG.MGF1_SHA256, kdf: CKD.SHA256_KDF, hmac: CKM.SHA256_HMAC },
  sha384: { length: 48, digest: CKM.SHA384, mgf: CKG.MGF1_SHA384, kdf: CKD.SHA384_KDF, hmac: CKM.SHA384_HMAC },
  sha512: { length: 64, digest: CKM.SHA512, mgf: CKG.MGF1_SHA512, kdf: CKD.SHA512_KDF, hmac: CKM.SHA512_HMAC },
  'sha3-256': {
    length: 32,
    digest: CKM.SHA3_256,
    mgf: CKG.MGF1_SHA3_256,
    kdf: CKD.SHA3_256_KDF,
    hmac: CKM.SHA3_256_HMAC,
  },
  'sha3-384': {
    length: 48,
    digest: CKM.SHA3_384,
    mgf: CKG.MGF1_SHA3_384,
    kdf: CKD.SHA3_384_KDF,
    hmac: CKM.SHA3_384_HMAC,
  },
  'sha3-512': {
    length: 64,
    digest: CKM.SHA3_512,
    mgf: CKG.MGF1_SHA3_512,
    kdf: CKD.SHA3_512_KDF,
    hmac: CKM.SHA3_512_HMAC,
  },
} as const
export type HashName = keyof typeof HASHES

/** CK_GCM_PARAMS. */
export function gcm(iv: Buffer, aad: Buffer = EMPTY, tagBits = 128): Buffer {
  return structure(given(iv), iv.length, iv.length * 8, given(aad), aad.length, tagBits)
}

/** CK_AES_CTR_PARAMS: the block is in the structure itself. */
export function ctr(block: Buffer, bits = 128): Buffer {
  return Buffer.concat([word(bits), block])
}

/** CK_RSA_PKCS_OAEP_PARAMS. */
export function oaep(hash: HashName, mgf: HashName = hash, label: Buffer = EMPTY): Buffer {
  return structure(HASHES[hash].digest, HASHES[mgf].mgf, CKZ.DATA_SPECIFIED, given(label), label.length)
}

/** CK_RSA_PKCS_PSS_PARAMS. */
export function pss(hash: HashName, mgf: HashName = hash, salt: number = HASHES[hash].length): Buffer {
  return structure(HASHES[hash].digest, HASHES[mgf].mgf, salt)
}

/** CK_ECDH1_DERIVE_PARAMS. */
export function ecdh(point: Buffer, kdf: number = CKD.NULL, shared: Buffer = EMPTY): Buffer {
  return structure(kdf, shared.length, given(shared), point.length, point)
}

/** CK_HKDF_PARAMS, with the salt as bytes; both steps unless told otherwise. */
export function hkdf(hash: HashName, salt: Buffer, info: Buffer, extract = true, expand = true): Buffer {
  const [SALT_NULL, SALT_DATA] = [1, 2]
  const steps = (extract ? 1 : 0) | (expand ? 0x100 : 0)
  const source = salt.length === 0 ? SALT_NULL : SALT_DATA
  return structure(steps, HASHES[hash].digest, source, given(salt), salt.length, 0, given(info), info.length)
}

/** CK_SP800_108_KDF_PARAMS in counter mode: a counter of 32 bits, big-endian, before bytes that are as they are. */
export function counterKdf(prf: number, fixed: Buffer): Buffer {
  const [ITERATION_VARIABLE, BYTE_ARRAY] = [1, 4]
  const format = structure(0, 32)
  const data = structure(ITERATION_VARIABLE, format, format.length, BYTE_ARRAY, fixed, fixed.length)
  return structure(prf, 2, data, 0, null)
}

/** CK_SIGN_ADDITIONAL_CONTEXT. */
export function signContext(context: Buffer, deterministic: boolean): Buffer {
  return structure(deterministic ? 2 : 0, given(context), context.length)
}

/** CK_EDDSA_PARAMS. */
export function eddsa(prehashed: boolean, context: Buffer = EMPTY): Buffer {
  return structure(prehashed ? 1 : 0, context.length, given(context))
}

function given(bytes: Buffer): Pointer {
  return bytes.length === 0 ? null : bytes
}
