/** What a token says of its mechanisms, against what they do. */
import { createHash } from 'node:crypto'
import { Finding, type Check, type Severity } from '../check.ts'
import type { Mechanism, Template } from '../cryptoki/memory.ts'
import { nameOf } from '../cryptoki/memory.ts'
import { CKK, CKM, CKO, CKR, type CKF } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { aesKey, CURVES, ecPair, generatorOf, pointIn, READABLE, rsaPair, SESSION, type Curve } from '../keys.ts'
import { ecdh, gcm, oaep, pss, type HashName } from '../parameters.ts'
import { CIPHERS, DIGESTS, idOf, keysFor, mechanismOf, SIGNERS, type MechanismName, type Trial } from '../trials.ts'

const INFO = 'PKCS#11 3.1, 5.5.6 C_GetMechanismInfo'

interface Use {
  readonly type: MechanismName
  readonly flag: keyof typeof CKF
  readonly severity?: Severity
  /** Uses the mechanism for what the flag says; throws a Finding when it does not work. */
  run(device: Device, session: number): void
}

/** One announced use of one mechanism: it has to work. What is not announced is tried all the same, and remarked. */
const declared = ({ type, flag, severity = 'major', run }: Use): Check => ({
  id: `mechanism.${idOf(type)}.${flag.toLowerCase().replaceAll('_', '-')}`,
  title: `CKM_${type} does what CKF_${flag} announces`,
  clause: INFO,
  severity,
  needs: [type],
  patience: 60,
  run(device) {
    if (device.announces(CKM[type], flag)) {
      run(device, device.session())
      return
    }
    const works = succeeds(() => run(device, device.session()))
    device.skip(works ? `CKF_${flag} is not announced, though it works` : `CKF_${flag} is not announced`)
  },
})

function succeeds(act: () => void): boolean {
  try {
    act()
    return true
  } catch {
    return false
  }
}

const ciphers = (trial: Trial): readonly Use[] => {
  const secret = trial.key !== 'rsa'
  const through = (device: Device, session: number): void => {
    const { publicKey, privateKey } = keysFor(device, session, trial.key, ['DECRYPT'], ['ENCRYPT'])
    const sealed = device.encrypt(session, mechanismOf(trial), publicKey, trial.data)
    device.expect(sealed.rv, 'OK')
    const same = secret && trial.data.equals(sealed.bytes.subarray(0, trial.data.length))
    device.require(!same, 'bytes that hide the plaintext', 'the plaintext')
    const { rv, bytes } = device.decrypt(session, mechanismOf(trial), privateKey, sealed.bytes)
    device.expect(rv, 'OK')
    device.require(bytes.equals(trial.data), 'what was encrypted', `${bytes.length} other bytes`)
  }
  return (['ENCRYPT', 'DECRYPT'] as const).map((flag) => ({ type: trial.type, flag, run: through }))
}

const signs = (trial: Trial): readonly Use[] => {
  const through = (device: Device, session: number): void => {
    const { publicKey, privateKey } = keysFor(device, session, trial.key, ['SIGN'], ['VERIFY'])
    const how = mechanismOf(trial)
    const { rv, bytes } = device.sign(session, how, privateKey, trial.data)
    device.expect(rv, 'OK')
    device.expect(device.verify(session, how, publicKey, trial.data, bytes), 'OK')
    const other = Buffer.from(trial.data)
    other[other.length - 1]! ^= 1
    const accepted = device.verify(session, how, publicKey, other, bytes) === CKR.OK
    device.require(!accepted, 'a signature of other data to be refused', 'it was accepted')
  }
  return (['SIGN', 'VERIFY'] as const).map((flag) => ({ type: trial.type, flag, run: through }))
}

const digests = Object.entries(DIGESTS).map(([type, hash]): Use => ({
  type: type as MechanismName,
  flag: 'DIGEST',
  severity: 'critical',
  run(device, session) {
    for (const length of [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 1000, 4097]) {
      const data = Buffer.alloc(length + 8, length & 0xff).subarray(0, length)
      const { rv, bytes } = device.digest(session, { type: type as MechanismName }, data)
      device.expect(rv, 'OK')
      const right = createHash(hash).update(data).digest()
      device.require(bytes.equals(right), `the ${hash} of ${length} bytes`, 'other bytes')
    }
  },
}))

const AES16: Template = [
  { type: 'CLASS', value: CKO.SECRET_KEY },
  { type: 'KEY_TYPE', value: CKK.AES },
  ...SESSION,
  ...READABLE,
]

const wrapping: readonly (Mechanism & { readonly type: MechanismName; readonly rsa?: boolean })[] = [
  { type: 'AES_KEY_WRAP' },
  { type: 'AES_KEY_WRAP_PAD' },
  { type: 'AES_KEY_WRAP_KWP' },
  { type: 'AES_CBC', parameter: Buffer.alloc(16, 1) },
  { type: 'AES_CBC_PAD', parameter: Buffer.alloc(16, 1) },
  { type: 'AES_GCM', parameter: gcm(Buffer.alloc(12, 1)) },
  { type: 'RSA_PKCS', rsa: true },
  { type: 'RSA_PKCS_OAEP', parameter: oaep('sha1'), rsa: true },
]

const wraps = wrapping.flatMap((how): readonly Use[] => {
  const run = (device: Device, session: number): void => {
    const { publicKey, privateKey } = keysFor(device, session, how.rsa ? 'rsa' : 'aes', ['UNWRAP'], ['WRAP'])
    const inner = aesKey(device, session, [], 16)
    const wrapped = device.wrap(session, how, publicKey, inner)
    device.expect(wrapped.rv, 'OK')
    const back = device.unwrap(session, how, privateKey, wrapped.bytes, AES16)
    device.expect(back.rv, 'OK')
    const [one, other] = [inner, back.handle].map((key) => device.get(session, key, 'VALUE').bytes)
    device.require(one!.equals(other!), 'the key that was wrapped', 'another key')
  }
  return (['WRAP', 'UNWRAP'] as const).map((flag) => ({ type: how.type, flag, run }))
})

const DERIVED: Template = [
  ...AES16.slice(0, 1),
  { type: 'KEY_TYPE', value: CKK.GENERIC_SECRET },
  ...SESSION,
  ...READABLE,
]

const derives: readonly Use[] = [
  {
    type: 'ECDH1_DERIVE',
    flag: 'DERIVE',
    run(device, session) {
      const pairs = [0, 1].map(() => ecPair(device, session, 'secp256r1', [], ['DERIVE']))
      const points = pairs.map(({ publicKey }) => pointIn(device.get(session, publicKey, 'EC_POINT').bytes))
      const secrets = pairs.map(({ privateKey }, i) => {
        const how = { type: 'ECDH1_DERIVE', parameter: ecdh(points[1 - i]!) } as const
        const { rv, handle } = device.derive(session, how, privateKey, [...DERIVED, { type: 'VALUE_LEN', value: 32 }])
        device.expect(rv, 'OK')
        return device.get(session, handle, 'VALUE').bytes
      })
      device.require(secrets[0]!.equals(secrets[1]!), 'the same secret on both sides', 'two secrets')
    },
  },
]

/** Generation at every size that is announced and small enough to wait for, and no further. */
const AES_SIZES: Check = {
  id: 'mechanism.aes-key-gen.sizes',
  title: 'AES keys of 16, 24 and 32 bytes are generated, of the length that was asked for',
  clause: 'PKCS#11 3.1, 6.10.3 AES key generation',
  severity: 'major',
  needs: ['AES_KEY_GEN'],
  run(device) {
    const session = device.session()
    for (const size of [16, 24, 32]) {
      const { length } = device.get(session, aesKey(device, session, [], size), 'VALUE').bytes
      device.require(length === size, `${size} bytes`, `${length}`)
    }
  },
}

const refusesAes = (size: number): Check => ({
  id: `mechanism.aes-key-gen.refuses-${size}`,
  title: `An AES key of ${size} bytes is not generated`,
  clause: 'PKCS#11 3.1, 6.10.3 AES key generation',
  severity: 'minor',
  needs: ['AES_KEY_GEN'],
  run(device) {
    const session = device.session()
    const { rv } = device.generate(session, { type: 'AES_KEY_GEN' }, [{ type: 'VALUE_LEN', value: size }, ...SESSION])
    device.expect(rv, 'KEY_SIZE_RANGE', 'ATTRIBUTE_VALUE_INVALID', 'TEMPLATE_INCONSISTENT')
  },
})

const RSA_SIZES = [1024, 2048, 3072, 4096] as const
const rsaSize = (bits: number): Check => ({
  id: `mechanism.rsa-pkcs-key-pair-gen.${bits}`,
  title: `A pair of ${bits} bits is generated where the sizes announced allow it, and refused where not`,
  clause: 'PKCS#11 3.1, 6.1.4 PKCS #1 RSA key pair generation',
  severity: 'major',
  needs: ['RSA_PKCS_KEY_PAIR_GEN'],
  patience: 120,
  run(device) {
    const { min, max } = device.mechanisms.get(CKM.RSA_PKCS_KEY_PAIR_GEN)!
    const session = device.session()
    const { rv } = rsaPair(device, session, ['VERIFY'], ['SIGN'], bits)
    if (bits >= min && bits <= max) device.expect(rv, 'OK')
    else device.expect(rv, 'KEY_SIZE_RANGE', 'ATTRIBUTE_VALUE_INVALID', 'TEMPLATE_INCONSISTENT')
  },
})

const rsaOutside = (which: 'below' | 'above'): Check => ({
  id: `mechanism.rsa-pkcs-key-pair-gen.${which}`,
  title: `A size ${which} the sizes announced is refused`,
  clause: INFO,
  severity: 'minor',
  needs: ['RSA_PKCS_KEY_PAIR_GEN'],
  run(device) {
    const { min, max } = device.mechanisms.get(CKM.RSA_PKCS_KEY_PAIR_GEN)!
    const bits = which === 'below' ? min - 8 : max + 8
    if (bits < 64) device.skip('there is no size below')
    const { rv } = rsaPair(device, device.session(), ['VERIFY'], ['SIGN'], bits)
    device.expect(rv, 'KEY_SIZE_RANGE', 'ATTRIBUTE_VALUE_INVALID', 'TEMPLATE_INCONSISTENT')
  },
})

/** Which curves there are, is as it is: one that is missing has to be refused as such. */
const curve = (name: Curve): Check => ({
  id: `mechanism.curve.${name}`,
  title: `Pairs on ${name} are generated, or refused as a curve that is not there`,
  clause: 'PKCS#11 3.1, 6.3.5 Elliptic curve key pair generation',
  severity: 'minor',
  needs: [generatorOf(name)],
  run(device) {
    const session = device.session()
    const agrees = name.startsWith('curve')
    const { rv } = ecPair(device, session, name, agrees ? [] : ['VERIFY'], agrees ? ['DERIVE'] : ['SIGN'])
    device.expect(rv, 'OK', 'CURVE_NOT_SUPPORTED', 'DOMAIN_PARAMS_INVALID', 'ATTRIBUTE_VALUE_INVALID')
    if (rv !== CKR.OK) device.skip(`the token does not have ${name}`)
  },
})

/** A KMS offers OAEP with SHA-1 and SHA-256; tokens that only know the former are common. */
const oaepWith = (hash: HashName, severity: Severity, mgf: HashName = hash, label = ''): Check => ({
  id: `mechanism.rsa-pkcs-oaep.${hash}${mgf === hash ? '' : `-mgf1-${mgf}`}${label ? '-label' : ''}`,
  title: `OAEP with ${hash}${mgf === hash ? '' : `, MGF1 with ${mgf}`}${label ? ' and a label' : ''} encrypts and decrypts`,
  clause: 'KMS, RSAES_OAEP; PKCS#11 3.1, 6.1.8 PKCS #1 RSA OAEP',
  severity,
  needs: ['RSA_PKCS_OAEP', 'RSA_PKCS_KEY_PAIR_GEN'],
  patience: 60,
  run(device) {
    const trial = CIPHERS.find(({ type }) => type === 'RSA_PKCS_OAEP')!
    const parameter = (): Buffer => oaep(hash, mgf, label ? Buffer.from(label) : undefined)
    ciphers({ ...trial, parameter })[0]!.run(device, device.session())
  },
})

const pssWith = (hash: HashName, salt: number, what: string): Check => ({
  id: `mechanism.rsa-pkcs-pss.${hash}.salt-${what}`,
  title: `PSS with ${hash} and a salt of ${salt} bytes signs and verifies`,
  clause: 'KMS, RSASSA_PSS; PKCS#11 3.1, 6.1.10 PKCS #1 RSA PSS',
  severity: 'major',
  needs: ['RSA_PKCS_PSS', 'RSA_PKCS_KEY_PAIR_GEN'],
  patience: 60,
  run(device) {
    const trial = SIGNERS.find(({ type }) => type === 'RSA_PKCS_PSS')!
    const data = createHash(hash).update('signed').digest()
    signs({ ...trial, data, parameter: () => pss(hash, hash, salt) })[0]!.run(device, device.session())
  },
})

const SIZES_IN_ORDER: Check = {
  id: 'mechanism.info.sizes',
  title: 'No mechanism announces a minimum above its maximum',
  clause: INFO,
  severity: 'note',
  run(device) {
    for (const [type, { min, max }] of device.mechanisms)
      if (min > max)
        throw new Finding('a minimum not above the maximum', `${nameOf(CKM, 'CKM', type)}: ${min} to ${max}`)
  },
}

export const MECHANISMS: readonly Check[] = [
  ...[...CIPHERS.flatMap(ciphers), ...SIGNERS.flatMap(signs), ...digests, ...wraps, ...derives].map(declared),
  AES_SIZES,
  ...[8, 15, 17, 33, 64].map(refusesAes),
  ...RSA_SIZES.map(rsaSize),
  rsaOutside('below'),
  rsaOutside('above'),
  ...(Object.keys(CURVES) as Curve[]).map(curve),
  oaepWith('sha1', 'major'),
  oaepWith('sha256', 'major'),
  oaepWith('sha384', 'minor'),
  oaepWith('sha512', 'minor'),
  oaepWith('sha256', 'minor', 'sha1'),
  oaepWith('sha1', 'minor', 'sha1', 'a label'),
  ...(['sha256', 'sha384', 'sha512'] as const).flatMap((hash) => [
    pssWith(hash, { sha256: 32, sha384: 48, sha512: 64 }[hash], 'hash'),
    pssWith(hash, 0, 'none'),
  ]),
  SIZES_IN_ORDER,
]
