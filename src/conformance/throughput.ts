/** How fast a token is: a row of the table at a time, each call or pair of calls measured, in one thread and in several. */
import { randomBytes } from 'node:crypto'
import { attempt } from './abilities.ts'
import type { FunctionName } from './cryptoki/functions.ts'
import { mechanism, template, word, type Mechanism, type Template } from './cryptoki/memory.ts'
import { CKR } from './cryptoki/numbers.ts'
import type { Argument } from './cryptoki/module.ts'
import type { Device } from './device.ts'
import { CURVES, generatorOf, SESSION, usable, type Curve, type Use } from './keys.ts'
import { gcm, pss } from './parameters.ts'
import type { Throughput } from './report.ts'

/** Calls in their order, in one session. */
type Calls = readonly (readonly [FunctionName, ...Argument[]])[]

interface Row {
  readonly mechanism: string
  readonly subject: string
  /** Whether there is a key that may be stored. */
  readonly keyed: boolean
  /** What is done once, which says what is measured in a session. */
  prepare(device: Device, session: number, more: Template): (session: number) => Calls
}

export interface Measuring {
  /** The row's number. */
  readonly throughput: number
  readonly seconds: number
  readonly writes: boolean
}

const THREADS = 4

/** The row with session keys and, where it may, stored ones; in one thread and in several. What fails is left out. */
export async function measure(
  device: Device,
  { throughput, seconds, writes }: Measuring,
): Promise<readonly Throughput[]> {
  const row = ROWS[throughput]!
  const found: Throughput[] = []
  for (const key of row.keyed && writes ? (['session', 'token'] as const) : (['session'] as const)) {
    const stored: Template = [
      { type: 'TOKEN', value: true },
      { type: 'LABEL', value: device.label },
    ]
    for (const threads of [1, THREADS]) {
      const sessions = Array.from({ length: threads }, () => device.session())
      const calls = attempt(() => row.prepare(device, sessions[0]!, key === 'token' ? stored : []))
      const took = calls && (await timed(device, sessions.map(calls), seconds))
      const { mechanism, subject } = row
      if (took) found.push({ mechanism, subject, key, threads, ...percentiles(took.each, took.all) })
    }
  }
  return found
}

/** Milliseconds of each round, and of all; nothing when a call is refused. */
async function timed(
  { module }: Device,
  lanes: readonly Calls[],
  seconds: number,
): Promise<{ readonly each: readonly number[]; readonly all: number } | undefined> {
  const each: number[] = []
  const began = performance.now()
  const until = began + seconds * 1000
  const isAside = lanes.length > 1
  const runs = await Promise.all(
    lanes.map(async (calls) => {
      do {
        const start = performance.now()
        for (const [name, ...args] of calls) {
          const rv = isAside ? await module.callAside(name, ...args) : module.call(name, ...args)
          if (rv !== CKR.OK) return false
        }
        each.push(performance.now() - start)
      } while (performance.now() < until)
      return true
    }),
  )
  return runs.every(Boolean) ? { each, all: performance.now() - began } : undefined
}

function percentiles(each: readonly number[], all: number) {
  const sorted = [...each].sort((one, other) => one - other)
  const at = (part: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]! * 1e4) / 10
  return {
    operationsPerSecond: Math.round((each.length / all) * 1e4) / 10,
    ...{ p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) },
  }
}

/** Init, and the function itself on so many bytes, with room for what comes. */
function pairOf(what: 'Encrypt' | 'Sign', how: Mechanism, key: number, data: Buffer) {
  return (session: number): Calls => {
    const [out, length] = [Buffer.alloc(data.length + 1024), word(data.length + 1024)]
    return [
      [`C_${what}Init`, session, mechanism(how), key],
      [`C_${what}`, session, data, data.length, out, length],
    ]
  }
}

const kib = (bytes: number): string => (bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`)

function secret(device: Device, session: number, bytes: number, use: Use, more: Template): number {
  const type = use === 'ENCRYPT' ? 'AES_KEY_GEN' : 'GENERIC_SECRET_KEY_GEN'
  const { rv, handle } = device.generate(session, { type }, [
    { type: 'VALUE_LEN', value: bytes },
    ...usable([use]),
    ...more,
  ])
  device.expect(rv, 'OK')
  return handle
}

/** What kind of pair: who makes it, and what its public half is told. */
interface Kind {
  readonly generator: ReturnType<typeof generatorOf> | 'RSA_PKCS_KEY_PAIR_GEN'
  readonly open: Template
}
const rsa = (bits: number): Kind => ({
  generator: 'RSA_PKCS_KEY_PAIR_GEN',
  open: [
    { type: 'MODULUS_BITS', value: bits },
    { type: 'PUBLIC_EXPONENT', value: Buffer.of(1, 0, 1) },
  ],
})
const curved = (curve: Curve): Kind => ({
  generator: generatorOf(curve),
  open: [{ type: 'EC_PARAMS', value: Buffer.from(CURVES[curve].oid, 'hex') }],
})

const aesGcm = (bytes: number): Row => ({
  ...{ mechanism: 'CKM_AES_GCM', subject: `AES-256, ${kib(bytes)}`, keyed: true },
  prepare: (device, session, more) =>
    pairOf(
      'Encrypt',
      { type: 'AES_GCM', parameter: gcm(randomBytes(12)) },
      secret(device, session, 32, 'ENCRYPT', more),
      randomBytes(bytes),
    ),
})
const hmac = (bytes: number): Row => ({
  ...{ mechanism: 'CKM_SHA256_HMAC', subject: `256 bits, ${kib(bytes)}`, keyed: true },
  prepare: (device, session, more) =>
    pairOf('Sign', { type: 'SHA256_HMAC' }, secret(device, session, 32, 'SIGN', more), randomBytes(bytes)),
})
const sign = (how: Mechanism, name: string, subject: string, kind: Kind, bytes: number): Row => ({
  ...{ mechanism: name, subject, keyed: true },
  prepare(device, session, more) {
    const [open, own] = [
      [...kind.open, ...usable(['VERIFY']), ...more],
      [...usable(['SIGN']), ...more],
    ]
    const { rv, privateKey } = device.generatePair(session, { type: kind.generator }, open, own)
    device.expect(rv, 'OK')
    return pairOf('Sign', how, privateKey, randomBytes(bytes))
  },
})
const rsaSign = (bits: number, how: Mechanism, name: string): Row => sign(how, name, `RSA-${bits}`, rsa(bits), 32)
const curveSign = (curve: Curve, how: Mechanism, name: string): Row =>
  sign(how, name, curve, curved(curve), Math.min(64, CURVES[curve].size))
const random = (bytes: number): Row => ({
  ...{ mechanism: 'C_GenerateRandom', subject: kib(bytes), keyed: false },
  prepare: () => (session) => [['C_GenerateRandom', session, Buffer.alloc(bytes), bytes]],
})
const pairMade = (subject: string, { generator: type, open }: Kind): Row => ({
  ...{ mechanism: `CKM_${type}`, subject, keyed: false },
  prepare: () => (session) => {
    const [one, other] = [
      [...open, ...usable(['VERIFY']), ...SESSION],
      [...usable(['SIGN']), ...SESSION],
    ]
    const templates = [template(one), one.length, template(other), other.length] as const
    return [['C_GenerateKeyPair', session, mechanism({ type }), ...templates, word(), word()]]
  },
})
const rsaMade = (bits: number): Row => pairMade(`RSA-${bits}`, rsa(bits))
const curveMade = (curve: Curve): Row => pairMade(curve, curved(curve))

export const ROWS: readonly Row[] = [
  ...[32, 1024, 4096].map(aesGcm),
  ...[32, 4096].map(hmac),
  ...[2048, 3072, 4096].map((bits) => rsaSign(bits, { type: 'RSA_PKCS' }, 'CKM_RSA_PKCS')),
  rsaSign(2048, { type: 'RSA_PKCS_PSS', parameter: pss('sha256') }, 'CKM_RSA_PKCS_PSS'),
  ...(['secp256r1', 'secp384r1', 'secp521r1', 'secp256k1'] as const).map((curve) =>
    curveSign(curve, { type: 'ECDSA' }, 'CKM_ECDSA'),
  ),
  curveSign('edwards25519', { type: 'EDDSA' }, 'CKM_EDDSA'),
  ...[32, 1024].map(random),
  {
    ...{ mechanism: 'CKM_AES_KEY_GEN', subject: 'AES-256', keyed: false },
    prepare: () => (session) => {
      const attributes: Template = [{ type: 'VALUE_LEN', value: 32 }, ...usable(['ENCRYPT']), ...SESSION]
      return [
        ['C_GenerateKey', session, mechanism({ type: 'AES_KEY_GEN' }), template(attributes), attributes.length, word()],
      ]
    },
  },
  ...(['secp256r1', 'secp384r1'] as const).map(curveMade),
  ...[2048, 3072].map(rsaMade),
]
