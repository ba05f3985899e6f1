/** ML-DSA and ML-KEM with keys that the token makes. */
import type { Check, Severity } from '../check.ts'
import type { Template } from '../cryptoki/memory.ts'
import { CKK, CKO, CKP, CKR } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { READABLE, SESSION, usable, type Pair, type Use } from '../keys.ts'
import { signContext } from '../parameters.ts'

/** Sizes are of FIPS 204, table 2, and FIPS 203, table 3. */
const SIGNATURES = {
  44: { set: CKP.ML_DSA_44, publicKey: 1312, signature: 2420 },
  65: { set: CKP.ML_DSA_65, publicKey: 1952, signature: 3309 },
  87: { set: CKP.ML_DSA_87, publicKey: 2592, signature: 4627 },
} as const
const CAPSULES = {
  512: { set: CKP.ML_KEM_512, publicKey: 800, capsule: 768 },
  768: { set: CKP.ML_KEM_768, publicKey: 1184, capsule: 1088 },
  1024: { set: CKP.ML_KEM_1024, publicKey: 1568, capsule: 1568 },
} as const

type Generator = 'ML_DSA_KEY_PAIR_GEN' | 'ML_KEM_KEY_PAIR_GEN'

function pairOf(device: Device, session: number, type: Generator, set: number, open: Use, own: Use): Pair {
  const openTemplate: Template = [{ type: 'PARAMETER_SET', value: set }, ...usable([open]), ...SESSION]
  const made = device.generatePair(session, { type }, openTemplate, [...usable([own]), ...SESSION, ...READABLE])
  if (made.rv === CKR.PARAMETER_SET_NOT_SUPPORTED) device.skip('the token does not have this parameter set')
  device.expect(made.rv, 'OK')
  return made
}

const TEXT = Buffer.from('signed by a lattice')

const signing = (
  name: keyof typeof SIGNATURES,
  what: string,
  severity: Severity,
  title: string,
  run: (device: Device, session: number, pair: Pair) => void,
): Check => ({
  id: `ml-dsa.${name}.${what}`,
  title: `ML-DSA-${name}: ${title}`,
  clause: 'PKCS#11 3.2, 6.67 ML-DSA; NIST FIPS 204',
  severity,
  needs: ['ML_DSA_KEY_PAIR_GEN', 'ML_DSA'],
  run(device) {
    const session = device.session()
    run(device, session, pairOf(device, session, 'ML_DSA_KEY_PAIR_GEN', SIGNATURES[name].set, 'VERIFY', 'SIGN'))
  },
})

const ML_DSA = { type: 'ML_DSA' } as const
const under = (context: string): { readonly type: 'ML_DSA'; readonly parameter: Buffer } => ({
  type: 'ML_DSA',
  parameter: signContext(Buffer.from(context), false),
})

const signatures = (name: keyof typeof SIGNATURES): readonly Check[] => [
  signing(name, 'signs', 'critical', 'signs and verifies, and refuses another text', (device, session, pair) => {
    const { rv, bytes } = device.sign(session, ML_DSA, pair.privateKey, TEXT)
    device.expect(rv, 'OK')
    device.expect(device.verify(session, ML_DSA, pair.publicKey, TEXT, bytes), 'OK')
    device.expect(device.verify(session, ML_DSA, pair.publicKey, Buffer.from('another'), bytes), 'SIGNATURE_INVALID')
  }),
  signing(name, 'sizes', 'major', 'public keys and signatures have their sizes', (device, session, pair) => {
    const { length: own } = device.get(session, pair.publicKey, 'VALUE').bytes
    const { length } = device.sign(session, ML_DSA, pair.privateKey, TEXT).bytes
    const { publicKey, signature } = SIGNATURES[name]
    device.require(
      own === publicKey && length === signature,
      `${publicKey} and ${signature} bytes`,
      `${own} and ${length}`,
    )
  }),
  signing(
    name,
    'context',
    'critical',
    'a signature under one context is none under another',
    (device, session, pair) => {
      const { rv, bytes } = device.sign(session, under('one'), pair.privateKey, TEXT)
      device.expect(rv, 'OK')
      device.expect(device.verify(session, under('one'), pair.publicKey, TEXT, bytes), 'OK')
      device.expect(device.verify(session, under('other'), pair.publicKey, TEXT, bytes), 'SIGNATURE_INVALID')
    },
  ),
]

const DERIVED: Template = [
  { type: 'CLASS', value: CKO.SECRET_KEY },
  { type: 'KEY_TYPE', value: CKK.GENERIC_SECRET },
  { type: 'VALUE_LEN', value: 32 },
  ...SESSION,
  ...READABLE,
]

const encapsulating = (
  name: keyof typeof CAPSULES,
  what: string,
  title: string,
  run: (device: Device, session: number, pair: Pair, capsule: Buffer, secret: Buffer) => void,
): Check => ({
  id: `ml-kem.${name}.${what}`,
  title: `ML-KEM-${name}: ${title}`,
  clause: 'PKCS#11 3.2, 5.18.8 C_EncapsulateKey; NIST FIPS 203',
  severity: 'critical',
  needs: ['ML_KEM_KEY_PAIR_GEN', 'ML_KEM'],
  run(device) {
    const session = device.session()
    const pair = pairOf(device, session, 'ML_KEM_KEY_PAIR_GEN', CAPSULES[name].set, 'ENCAPSULATE', 'DECAPSULATE')
    const { rv, bytes, handle } = device.encapsulate(session, { type: 'ML_KEM' }, pair.publicKey, DERIVED)
    device.expect(rv, 'OK')
    run(device, session, pair, bytes, device.get(session, handle, 'VALUE').bytes)
  },
})

function opened(device: Device, session: number, pair: Pair, capsule: Buffer): Buffer {
  const { rv, handle } = device.decapsulate(session, { type: 'ML_KEM' }, pair.privateKey, capsule, DERIVED)
  device.expect(rv, 'OK')
  return device.get(session, handle, 'VALUE').bytes
}

const capsules = (name: keyof typeof CAPSULES): readonly Check[] => [
  encapsulating(name, 'agrees', 'both sides have the same secret', (device, session, pair, capsule, secret) => {
    const same = opened(device, session, pair, capsule).equals(secret)
    device.require(secret.length === 32 && same, 'the same 32 bytes', 'others')
    device.require(capsule.length === CAPSULES[name].capsule, `${CAPSULES[name].capsule} bytes`, `${capsule.length}`)
  }),
  encapsulating(
    name,
    'implicit-rejection',
    'a changed ciphertext gives another secret, always the same',
    (device, session, pair, capsule, secret) => {
      const changed = Buffer.from(capsule)
      changed[7]! ^= 1
      const [one, two] = [0, 1].map(() => opened(device, session, pair, changed))
      device.require(!one!.equals(secret), 'another secret', 'the same')
      device.require(one!.equals(two!), 'the same secret again', 'another one')
    },
  ),
  encapsulating(name, 'fresh', 'each encapsulation gives another secret', (device, session, pair, _capsule, secret) => {
    const { rv, handle } = device.encapsulate(session, { type: 'ML_KEM' }, pair.publicKey, DERIVED)
    device.expect(rv, 'OK')
    device.require(!device.get(session, handle, 'VALUE').bytes.equals(secret), 'another secret', 'the same')
  }),
]

export const LATTICES: readonly Check[] = [
  ...([44, 65, 87] as const).flatMap(signatures),
  ...([512, 768, 1024] as const).flatMap(capsules),
]
