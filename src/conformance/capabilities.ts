/** What a KMS can do with keys in this token, found out by doing it; what others can check is checked by node:crypto. */
import { createPublicKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { SPECS } from '../algorithms.ts'
import { attributesOf } from '../backends/pkcs11/material.ts'
import { curvePublicKey, rsaPublicKey, TOKEN_SPECS, type Spec } from '../backends/pkcs11/specs.ts'
import type { KeySpec } from '../model/kms.ts'
import {
  agreesWith,
  attempt,
  decryptsFor,
  encapsulates,
  encrypts,
  macs,
  signsFor,
  unwraps,
  type Subject,
} from './abilities.ts'
import { CKO, CKP, CKR } from './cryptoki/numbers.ts'
import type { Template } from './cryptoki/memory.ts'
import type { Device } from './device.ts'
import { ecPair, imported, rsaPair, SESSION, usable, type Curve, type Pair } from './keys.ts'
import type { Capability } from './report.ts'

type Support = Pick<Capability, 'support' | 'how'>

const NATIVE: Support = { support: 'native' }
const impossible = (how?: string): Support => ({ support: 'impossible', how })
const emulated = (how: string): Support => ({ support: 'emulated', how })

/** CreateKey, ImportKeyMaterial and each algorithm of a key spec. */
export function capabilitiesOf(device: Device, spec: KeySpec): readonly Capability[] {
  const { algorithms, hsm, importable } = SPECS[spec]
  const wanted = [...new Set<string>(Object.values(algorithms).flat())]
  const tell = (algorithm: string, support: Support): Capability => ({ spec, algorithm, ...support })
  const session = device.session()
  const subject = attempt(() => made(device, session, hsm))
  const rest = wanted.map((algorithm) =>
    tell(algorithm, subject ? able(subject, algorithm) : impossible('no such key')),
  )
  return [
    tell('CreateKey', subject ? NATIVE : impossible(why(hsm))),
    tell('ImportKeyMaterial', importable ? importing(device, session, hsm) : impossible('AWS does not import it')),
    ...(spec === 'SYMMETRIC_DEFAULT'
      ? [tell('GenerateDataKey', emulated('its random bytes pass through the host'))]
      : []),
    ...rest,
  ]
}

function why(hsm: string): string {
  return hsm === 'SM2' ? 'PKCS#11 has no SM2' : 'the token makes no such key'
}

function able(subject: Subject, algorithm: string): Support {
  const [family] = algorithm.split('_')
  const found = attempt(() => TRIALS[family!]?.(subject, algorithm))
  return found ?? impossible()
}

/** By the first word of an algorithm. */
const TRIALS: Readonly<Record<string, (subject: Subject, algorithm: string) => Support | undefined>> = {
  SYMMETRIC: (subject) =>
    encrypts(subject, 16) ? NATIVE : encrypts(subject, 12) ? { ...NATIVE, how: 'with IVs of 96 bits' } : undefined,
  RSAES: (subject, algorithm) =>
    decryptsFor(subject, algorithm, 'token')
      ? NATIVE
      : decryptsFor(subject, algorithm, 'host')
        ? emulated('the padding is taken off in the host')
        : undefined,
  RSASSA: (subject, algorithm) => (signsFor(subject, algorithm) ? NATIVE : undefined),
  ECDSA: (subject, algorithm) => (signsFor(subject, algorithm) ? NATIVE : undefined),
  ED25519: (subject, algorithm) =>
    algorithm.includes('_PH_')
      ? impossible('a token hashes the message itself, and a KMS has only the digest')
      : signsFor(subject, algorithm)
        ? NATIVE
        : undefined,
  ML: (subject, algorithm) =>
    (algorithm === 'ML_KEM' ? encapsulates(subject) : signsFor(subject, algorithm)) ? NATIVE : undefined,
  HMAC: (subject, algorithm) => (macs(subject, algorithm) ? NATIVE : undefined),
  ECDH: (subject) => (agreesWith(subject) ? NATIVE : undefined),
}

const CURVES: Readonly<Record<string, Curve>> = {
  ECC_P256: 'secp256r1',
  ECC_P384: 'secp384r1',
  ECC_P521: 'secp521r1',
  ECC_K256: 'secp256k1',
  ED25519: 'edwards25519',
}

/** A key by the HSM's name of its spec; throws when the token makes none. */
function made(device: Device, session: number, hsm: string): Subject {
  const [family, size = ''] = hsm.split(/_(?=[^_]+$)/) as [string, string?]
  const spec = TOKEN_SPECS[hsm]
  if (family === 'AES' || family === 'HMAC')
    return { device, session, key: secretMade(device, session, family, Number(size)) }
  const pair = pairMade(device, session, family, size, hsm)
  device.expect(pair.rv, 'OK')
  const { publicKey: open, privateKey: key } = pair
  return { device, session, key, open, spec, ...(spec && { publicKey: publicKeyOf(device, session, spec, open) }) }
}

function secretMade(device: Device, session: number, family: 'AES' | 'HMAC', bits: number): number {
  const type = family === 'AES' ? 'AES_KEY_GEN' : 'GENERIC_SECRET_KEY_GEN'
  const uses = usable(family === 'AES' ? ['ENCRYPT', 'DECRYPT'] : ['SIGN', 'VERIFY'])
  const more = [
    { type: 'VALUE_LEN', value: bits / 8 },
    { type: 'SENSITIVE', value: false },
  ] as const
  const { rv, handle } = device.generate(session, { type }, [
    ...SESSION,
    ...uses,
    ...more,
    { type: 'EXTRACTABLE', value: true },
  ])
  device.expect(rv, 'OK')
  return handle
}

function pairMade(device: Device, session: number, family: string, size: string, hsm: string): Pair {
  if (family === 'RSA') return rsaPair(device, session, ['ENCRYPT', 'VERIFY'], ['DECRYPT', 'SIGN'], Number(size))
  const curve = CURVES[hsm]
  if (curve) return ecPair(device, session, curve, ['VERIFY'], curve === 'edwards25519' ? ['SIGN'] : ['SIGN', 'DERIVE'])
  const set = CKP[hsm as keyof typeof CKP]
  if (set === undefined) return { rv: CKR.MECHANISM_INVALID, publicKey: 0, privateKey: 0 }
  const isDsa = family === 'ML_DSA'
  return device.generatePair(
    session,
    { type: isDsa ? 'ML_DSA_KEY_PAIR_GEN' : 'ML_KEM_KEY_PAIR_GEN' },
    [{ type: 'PARAMETER_SET', value: set }, ...SESSION, ...usable(isDsa ? ['VERIFY'] : ['ENCAPSULATE'])],
    [...SESSION, ...usable(isDsa ? ['SIGN'] : ['DECAPSULATE'])],
  )
}

function publicKeyOf(device: Device, session: number, spec: Spec, handle: number): KeyObject {
  const get = (type: 'MODULUS' | 'PUBLIC_EXPONENT' | 'EC_POINT'): Buffer => device.get(session, handle, type).bytes
  const key = spec.curve ? curvePublicKey(spec, get('EC_POINT')) : rsaPublicKey(get('MODULUS'), get('PUBLIC_EXPONENT'))
  return createPublicKey({ key, format: 'der', type: 'spki' })
}

/** Whether material comes in wrapped, and the host never sees it, or at least as it is. */
function importing(device: Device, session: number, hsm: string): Support {
  const spec = TOKEN_SPECS[hsm]
  if (!spec) return impossible(why(hsm))
  const isSecret = !spec.curve && spec.family !== 'rsa'
  if (isSecret) {
    const hash = attempt(() => unwraps(device, session, spec))
    if (hash) return { ...NATIVE, how: `unwrapped in the token, from OAEP with ${hash}` }
  }
  const kind: Template = [
    { type: 'CLASS', value: isSecret ? CKO.SECRET_KEY : CKO.PRIVATE_KEY },
    { type: 'KEY_TYPE', value: spec.keyType },
  ]
  const own = attributesOf(hsm, materialOf(spec)).own as Template
  const taken = attempt(() => imported(device, session, [...kind, ...SESSION, ...own]))
  return taken === undefined ? impossible('the token takes no keys') : emulated('the host unwraps the material')
}

function materialOf({ family, size, name }: Spec): Buffer {
  if (family === 'aes' || family === 'hmac') return randomBytes(size)
  const { privateKey } =
    family === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: size })
      : family === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: name! })
        : generateKeyPairSync('ed25519')
  return privateKey.export({ type: 'pkcs8', format: 'der' })
}
