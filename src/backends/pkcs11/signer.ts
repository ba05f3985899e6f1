/** Signatures of a token: it is given digests, since few tokens hash the same things, and signs them aside where that takes long. */
import { createHash } from 'node:crypto'
import { fail } from '../../errors.ts'
import type { MessageType, SigningAlgorithmSpec } from '../../model/kms.ts'
import type { Signer } from '../backend.ts'
import type { Cryptoki, Handle, Mechanism } from './cryptoki.ts'
import { derSignature, rawSignature } from './der.ts'
import { ckrOf } from './faults.ts'
import { forgetErrors, holding, located } from './sessions.ts'
import type { Keys } from './keys.ts'
import { CKG, CKM, PARAMS } from './numbers.ts'
import type { Family, Spec } from './specs.ts'

export interface Scheme {
  readonly mechanism: Mechanism
  readonly family: Family
  /** What the message is hashed with beforehand; '' when the token takes it as it is. */
  readonly hash: string
  /** In front of the digest: PKCS #1's DigestInfo. */
  readonly prefix?: Buffer
}

const HASHES = {
  sha256: { length: 32, ckm: CKM.SHA256, mgf: CKG.MGF1_SHA256, info: '3031300d060960864801650304020105000420' },
  sha384: { length: 48, ckm: CKM.SHA384, mgf: CKG.MGF1_SHA384, info: '3041300d060960864801650304020205000430' },
  sha512: { length: 64, ckm: CKM.SHA512, mgf: CKG.MGF1_SHA512, info: '3051300d060960864801650304020305000440' },
} as const

type Hash = keyof typeof HASHES

const pkcs1 = (hash: Hash): Scheme => ({
  ...{ family: 'rsa', hash },
  mechanism: { mechanism: CKM.RSA_PKCS },
  prefix: Buffer.from(HASHES[hash].info, 'hex'),
})
const pss = (hash: Hash): Scheme => {
  const { ckm, mgf, length } = HASHES[hash]
  const parameter = { type: PARAMS.RSA_PSS, hashAlg: ckm, mgf, saltLen: length }
  return { family: 'rsa', hash, mechanism: { mechanism: CKM.RSA_PKCS_PSS, parameter } }
}
const ecdsa = (hash: Hash): Scheme => ({ family: 'ec', hash, mechanism: { mechanism: CKM.ECDSA } })

/** Ed25519ph needs parameters that the driver cannot pass, and SM2 no token has. */
export const SCHEMES: Readonly<Partial<Record<SigningAlgorithmSpec, Scheme>>> = {
  RSASSA_PKCS1_V1_5_SHA_256: pkcs1('sha256'),
  RSASSA_PKCS1_V1_5_SHA_384: pkcs1('sha384'),
  RSASSA_PKCS1_V1_5_SHA_512: pkcs1('sha512'),
  RSASSA_PSS_SHA_256: pss('sha256'),
  RSASSA_PSS_SHA_384: pss('sha384'),
  RSASSA_PSS_SHA_512: pss('sha512'),
  ECDSA_SHA_256: ecdsa('sha256'),
  ECDSA_SHA_384: ecdsa('sha384'),
  ECDSA_SHA_512: ecdsa('sha512'),
  ED25519_SHA_512: { family: 'edwards', hash: '', mechanism: { mechanism: CKM.EDDSA } },
  ML_DSA_SHAKE_256: { family: 'lattice', hash: '', mechanism: { mechanism: CKM.ML_DSA } },
}

/** What takes the token long. */
const SLOW: ReadonlySet<Family> = new Set(['rsa', 'lattice'])

export function tokenSigner(keys: Keys, can: (algorithm: SigningAlgorithmSpec) => boolean): Signer {
  const { cryptoki } = keys.token

  function schemeOf(algorithm: SigningAlgorithmSpec, type: MessageType): Scheme {
    const scheme = SCHEMES[algorithm]
    if (!scheme || !can(algorithm)) fail('UnsupportedOperationException', `the token of the key has no ${algorithm}`)
    // PKCS#11 has no mechanism that goes on from there.
    if (type === 'EXTERNAL_MU') fail('UnsupportedOperationException', 'the token of the key takes no EXTERNAL_MU')
    return scheme
  }

  return {
    sign(material, algorithm, type, message) {
      const scheme = schemeOf(algorithm, type)
      const input = inputOf(scheme, type, message)
      return SLOW.has(scheme.family)
        ? keys.useAside(material, (session, { handle, spec }) =>
            signAside(cryptoki, session, scheme, handle, spec, input),
          )
        : keys.use(material, (session, { handle, spec }) => sign(cryptoki, session, scheme, handle, spec, input))
    },
    verify(material, algorithm, type, message, signature) {
      const scheme = schemeOf(algorithm, type)
      const input = inputOf(scheme, type, message)
      return keys.use(material, (session, { pair, spec }) =>
        verify(cryptoki, session, scheme, pair!.handle, spec, input, signature),
      )
    },
  }
}

/** What the token is given to sign. */
export function inputOf({ hash, prefix }: Scheme, type: MessageType, message: Uint8Array): Buffer {
  const digest = hash !== '' && type === 'RAW' ? createHash(hash).update(message).digest() : Buffer.from(message)
  return prefix ? Buffer.concat([prefix, digest]) : digest
}

export function sign(
  cryptoki: Cryptoki,
  session: Handle,
  { mechanism, family }: Scheme,
  key: Handle,
  spec: Spec,
  input: Buffer,
): Buffer {
  cryptoki.C_SignInit(session, mechanism, key)
  const signature = cryptoki.C_Sign(session, located(input), Buffer.alloc(lengthOf(spec)))
  return family === 'ec' ? derSignature(signature) : signature
}

export async function signAside(
  cryptoki: Cryptoki,
  session: Handle,
  { mechanism }: Scheme,
  key: Handle,
  spec: Spec,
  input: Buffer,
): Promise<Buffer> {
  cryptoki.C_SignInit(session, mechanism, key)
  const out = Buffer.alloc(lengthOf(spec))
  return holding(cryptoki.C_SignAsync(session, input, out), input, out)
}

export function verify(
  cryptoki: Cryptoki,
  session: Handle,
  { mechanism, family }: Scheme,
  publicKey: Handle,
  spec: Spec,
  input: Buffer,
  signature: Uint8Array,
): boolean {
  const raw = family === 'ec' ? rawSignature(signature, spec.size) : Buffer.from(signature)
  if (raw?.length !== lengthOf(spec)) return false
  cryptoki.C_VerifyInit(session, mechanism, publicKey)
  try {
    return cryptoki.C_Verify(session, located(input), raw)
  } catch (error) {
    if (!MISMATCH.has(ckrOf(error))) throw error
    forgetErrors()
    return false
  }
}

const MISMATCH = new Set(['CKR_SIGNATURE_INVALID', 'CKR_SIGNATURE_LEN_RANGE'])

/** Bytes of a signature, as the token writes it. */
function lengthOf({ family, size, lattice }: Spec): number {
  if (lattice) return lattice.signature
  return family === 'rsa' ? size / 8 : 2 * size
}
