/** Who does what of a KMS when its keys are in a token: the token itself, this process for it, or nobody. */
import type { Ability } from '../backend.ts'
import type { Abilities } from './probe.ts'
import { TOKEN_SPECS } from './specs.ts'

const SIGNING = [
  'RSASSA_PKCS1_V1_5_SHA_256',
  'RSASSA_PKCS1_V1_5_SHA_384',
  'RSASSA_PKCS1_V1_5_SHA_512',
  'RSASSA_PSS_SHA_256',
  'RSASSA_PSS_SHA_384',
  'RSASSA_PSS_SHA_512',
  'ECDSA_SHA_256',
  'ECDSA_SHA_384',
  'ECDSA_SHA_512',
  'ED25519_SHA_512',
  'ML_DSA_SHAKE_256',
]
const MACS = ['HMAC_SHA_224', 'HMAC_SHA_256', 'HMAC_SHA_384', 'HMAC_SHA_512']

const EMULATED: readonly Ability[] = [
  { what: 'Encrypt under RSA', support: 'emulated', how: 'with the public key, in this process' },
  { what: 'GenerateDataKey', support: 'emulated', how: 'the random bytes pass through this process' },
  { what: 'GenerateDataKeyPair', support: 'emulated', how: 'the pair is made in this process' },
  { what: 'ReEncrypt', support: 'emulated', how: 'the plaintext passes through this process' },
  { what: 'Recipient', support: 'emulated', how: 'plaintexts are put into envelopes by the HSM in this process' },
]

const DRIVER = 'the driver has no words for it'

const IMPOSSIBLE: readonly Ability[] = [
  { what: 'ED25519_PH_SHA_512', support: 'impossible', how: DRIVER },
  { what: 'ML_KEM', support: 'impossible', how: DRIVER },
  { what: 'EXTERNAL_MU', support: 'impossible', how: 'PKCS#11 has no mechanism that signs it' },
  { what: 'SM2', support: 'impossible', how: DRIVER },
  { what: 'Encapsulate', support: 'impossible', how: DRIVER },
  { what: 'Decapsulate', support: 'impossible', how: DRIVER },
]

/** Whether a token's own way of unwrapping would be right does not change who does it, and is told to those who choose one. */
const KWP = {
  absent: ', since padded key wrap of the token is wrong or missing',
  '0x210a': '; padded key wrap of the token is right under 0x210A',
  '0x210b': '; padded key wrap of the token is right under 0x210B',
}

export function reportOf({ specs, algorithms, oaep, gcm, kwp }: Abilities): Ability[] {
  const native = (what: string, has: boolean): Ability => ({ what, support: has ? 'native' : 'impossible' })
  return [
    ...Object.keys(TOKEN_SPECS).map((name) => native(name, specs.has(name))),
    gcm.iv === 12
      ? { what: 'SYMMETRIC_DEFAULT', support: 'native', how: 'with IVs of 96 bits: rotate before 2^32 messages' }
      : native('SYMMETRIC_DEFAULT', true),
    ...Object.entries(oaep).map(([what, who]): Ability =>
      who === 'host'
        ? { what, support: 'emulated', how: 'the padding is taken off in this process' }
        : native(what, who === 'token'),
    ),
    ...[...SIGNING, ...MACS].map((what) => native(what, algorithms.has(what))),
    ...Object.entries(TOKEN_SPECS)
      .filter(([, { family }]) => family === 'ec')
      .map(([name]) => native(`ECDH ${name}`, algorithms.has(`ECDH ${name}`))),
    ...EMULATED,
    { what: 'ImportKeyMaterial', support: 'emulated', how: `the material is unwrapped in this process${KWP[kwp]}` },
    ...IMPOSSIBLE,
  ]
}
