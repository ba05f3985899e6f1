/**
 * What a token can do, found out by doing it with keys that do not stay: lists of mechanisms promise more than modules keep.
 * What others can check as well is checked by node:crypto.
 */
import {
  constants,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  verify,
  type KeyObject,
} from 'node:crypto'
import type { MacAlgorithmSpec, SigningAlgorithmSpec } from '../../model/kms.ts'
import { agree, pointIn } from './agreement.ts'
import { OAEP, OAEP_REFUSALS, oaepDecrypt, type OaepAlgorithm, type Unpadding } from './asymmetric.ts'
import { gcmOpen, gcmSeal, LONG_IV, type GcmHabits } from './cipher.ts'
import type { Handle } from './cryptoki.ts'
import { ckrOf, TokenError } from './faults.ts'
import { kwpOf, type Kwp } from './kwp.ts'
import { macOf, MACS } from './mac.ts'
import { copy, isSecret, makePairAside, makeSecret, PASSING } from './making.ts'
import { publicKeyIn } from './objects.ts'
import { inputOf, SCHEMES, sign, signAside, verify as verifies, type Scheme } from './signer.ts'
import { TOKEN_SPECS, type Family, type Spec } from './specs.ts'
import type { Token } from './token.ts'

/** What was found out. */
export interface Abilities {
  readonly gcm: GcmHabits
  /** Whether a stored key can be copied for the session, which is faster to use. */
  readonly copies: boolean
  /** The HSM's names of the specs that it makes. */
  readonly specs: ReadonlySet<string>
  /** Signing and MAC algorithms, and ECDH. */
  readonly algorithms: ReadonlySet<string>
  readonly oaep: Readonly<Record<OaepAlgorithm, Unpadding>>
  /** What the token answers when it decrypts what was never encrypted. */
  readonly oaepRefusals: ReadonlySet<string>
  /** How it wraps keys with padding. */
  readonly kwp: Kwp
}

const DECRYPTS = 1 | 2
const SIGNS = 16 | 32
const AGREES = 128
/** Everything a pair is ever for. */
const PAIR_USES = { rsa: DECRYPTS | SIGNS, ec: SIGNS | AGREES, edwards: SIGNS, lattice: SIGNS } as Readonly<
  Record<Family, number>
>
const OAEPS = Object.keys(OAEP) as OaepAlgorithm[]
const MESSAGE = Buffer.from('strongroom asks')
const NONE: ReadonlySet<string> = new Set()

/** Throws TokenUnfit when the token lacks what no KMS can do without: AES-256-GCM and a generator of random numbers. */
export async function probe(token: Token): Promise<Abilities> {
  const specs = new Set<string>()
  const algorithms = new Set<string>()
  const trouble: unknown[] = []
  const gcm = (await gcmHabits(token, LONG_IV, trouble)) ?? (await gcmHabits(token, 12, trouble))
  if (!gcm) unfit('the token has no AES-256-GCM that works as specified', trouble)
  specs.add('AES_256')
  const random = await works(token, (session) => {
    const [one, two] = [0, 1].map(() => token.cryptoki.C_GenerateRandom(session, Buffer.alloc(32)))
    return !one!.equals(two!)
  })
  if (!random) unfit('the token has no generator of random numbers', [])
  const copies = await works(token, (session) => {
    const key = makeSecret(token, session, TOKEN_SPECS.AES_256!, DECRYPTS, PASSING)
    const twin = copy(token, key)
    const out = Buffer.alloc(MESSAGE.length + 16)
    gcmSeal(token.cryptoki, session, twin, randomBytes(gcm.iv), MESSAGE, MESSAGE, out)
    token.cryptoki.C_DestroyObject(session, twin)
    return true
  })
  for (const [algorithm, { length }] of Object.entries(MACS)) {
    if (!(await macWorks(token, algorithm as MacAlgorithmSpec))) continue
    specs.add(`HMAC_${length * 8}`)
    algorithms.add(algorithm)
  }
  const oaep: Record<OaepAlgorithm, Unpadding> = { RSAES_OAEP_SHA_1: undefined, RSAES_OAEP_SHA_256: undefined }
  const oaepRefusals = new Set(OAEP_REFUSALS)
  for (const [name, spec] of Object.entries(TOKEN_SPECS)) {
    // One size tells of the others, which take seconds each.
    if (isSecret(spec) || (spec.family === 'rsa' && name !== 'RSA_2048')) continue
    const made = await works(token, async (session) => {
      const pair = await pairOf(token, session, spec, PAIR_USES[spec.family])
      for (const algorithm of await signing(token, spec, pair)) algorithms.add(algorithm)
      if (spec.family === 'ec' && (await agrees(token, spec, pair))) algorithms.add(`ECDH ${name}`)
      if (spec.family === 'rsa') {
        for (const algorithm of OAEPS) {
          oaep[algorithm] = await unpadding(token, algorithm, pair)
          for (const ckr of await oaepRefused(token, algorithm, oaep[algorithm], pair)) oaepRefusals.add(ckr)
        }
      }
      return true
    })
    if (made) specs.add(name)
  }
  if (specs.has('RSA_2048')) specs.add('RSA_3072').add('RSA_4096')
  return { gcm, copies, specs, algorithms, oaep, oaepRefusals, kwp: await kwpOf(token) }
}

/** A pair in a session that lasts as long as it is tried out. */
interface Pair {
  readonly key: Handle
  readonly open: Handle
  /** Not of kinds that node:crypto does not know. */
  readonly publicKey: KeyObject
}

function unfit(why: string, trouble: readonly unknown[]): never {
  throw new TokenError('TokenUnfit', why, { cause: trouble[0] })
}

/** Whether `act` comes to a good end in a session of its own; what keeps it from that goes to `trouble`. */
async function works(
  token: Token,
  act: (session: Handle) => boolean | Promise<boolean>,
  trouble: unknown[] = [],
): Promise<boolean> {
  try {
    return await token.apart(act)
  } catch (error) {
    trouble.push(error)
    return false
  }
}

/** How the token does AES-GCM with IVs of this length; undefined when it does not, or not right. */
async function gcmHabits(token: Token, length: number, trouble: unknown[]): Promise<GcmHabits | undefined> {
  const { cryptoki } = token
  const refusals = new Set(['CKR_ENCRYPTED_DATA_INVALID', 'CKR_ENCRYPTED_DATA_LEN_RANGE', 'CKR_AEAD_DECRYPT_FAILED'])
  const iv = randomBytes(length)
  const sound = await works(
    token,
    async (session) => {
      const key = makeSecret(token, session, TOKEN_SPECS.AES_256!, DECRYPTS, PASSING)
      const out = Buffer.alloc(MESSAGE.length + 16)
      gcmSeal(cryptoki, session, key, iv, MESSAGE, MESSAGE, out)
      if (!gcmOpen(cryptoki, session, key, iv, MESSAGE, out, NONE).equals(MESSAGE)) return false
      // An IV that is cut off would be one IV for many messages.
      const again = Buffer.alloc(out.length)
      const other = Buffer.from(iv)
      other[length - 1]! ^= 1
      gcmSeal(cryptoki, session, key, other, MESSAGE, MESSAGE, again)
      if (again.equals(out)) return false
      const refused = await Promise.all(
        [
          { body: out, aad: Buffer.from('another context') },
          { body: flipped(out, 0), aad: MESSAGE },
          { body: flipped(out, out.length - 1), aad: MESSAGE },
          { body: out.subarray(0, 12), aad: MESSAGE },
        ].map(({ body, aad }) => refusal(token, key, iv, aad, body)),
      )
      for (const ckr of refused) if (ckr !== undefined) refusals.add(ckr)
      return refused.every((ckr) => ckr !== undefined)
    },
    trouble,
  )
  return sound ? { iv: length, refusals } : undefined
}

/** What the token answers to a ciphertext that is none; undefined when it takes it. The key is of a session that lasts. */
async function refusal(token: Token, key: Handle, iv: Buffer, aad: Buffer, body: Buffer): Promise<string | undefined> {
  try {
    await token.apart((session) => gcmOpen(token.cryptoki, session, key, iv, aad, body, NONE))
    return undefined
  } catch (error) {
    return ckrOf(error)
  }
}

function macWorks(token: Token, algorithm: MacAlgorithmSpec): Promise<boolean> {
  return works(token, (session) => {
    const { length } = MACS[algorithm]
    const key = makeSecret(token, session, TOKEN_SPECS[`HMAC_${length * 8}`]!, 64, PASSING)
    const [one, two] = [0, 1].map(() => macOf(token.cryptoki, session, algorithm, key, MESSAGE))
    return one!.length === length && one!.equals(two!)
  })
}

/** The algorithms whose signatures by this pair are right. */
async function signing(token: Token, spec: Spec, pair: Pair): Promise<SigningAlgorithmSpec[]> {
  const found: SigningAlgorithmSpec[] = []
  for (const algorithm of Object.keys(SCHEMES) as SigningAlgorithmSpec[]) {
    const scheme = SCHEMES[algorithm]!
    if (scheme.family !== spec.family || (spec.family === 'ec' && hashOf(spec) !== scheme.hash)) continue
    const right = await works(token, async (session) => {
      const by = spec.family === 'rsa' ? signAside : sign
      const signature = await by(token.cryptoki, session, scheme, pair.key, spec, inputOf(scheme, 'RAW', MESSAGE))
      if (spec.lattice) return tellsApart(token, session, scheme, pair.open, spec, signature)
      const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      const how = algorithm.includes('PSS') ? { key: pair.publicKey, ...pss } : pair.publicKey
      return verify(scheme.hash === '' ? null : scheme.hash, MESSAGE, how, signature)
    })
    if (right) found.push(algorithm)
  }
  return found
}

/** Whether the token takes a signature of its own, and not for another message: nobody else here can tell. */
function tellsApart(
  { cryptoki }: Token,
  session: Handle,
  scheme: Scheme,
  by: Handle,
  spec: Spec,
  signature: Buffer,
): boolean {
  const says = (message: Buffer) => verifies(cryptoki, session, scheme, by, spec, message, signature)
  return says(MESSAGE) && !says(flipped(MESSAGE, 0))
}

/** AWS has one hash a curve. */
function hashOf({ size }: Spec): string {
  return size === 66 ? 'sha512' : size === 48 ? 'sha384' : 'sha256'
}

function agrees(token: Token, spec: Spec, { key, publicKey }: Pair): Promise<boolean> {
  return works(token, (session) => {
    const peer = generateKeyPairSync('ec', { namedCurve: spec.name! })
    const point = pointIn(peer.publicKey.export({ type: 'spki', format: 'der' }), spec)
    return agree(token, session, key, spec, point).equals(diffieHellman({ privateKey: peer.privateKey, publicKey }))
  })
}

/** Who has to take OAEP's padding off. */
async function unpadding(token: Token, algorithm: OaepAlgorithm, { key, publicKey }: Pair): Promise<Unpadding> {
  const how = { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: OAEP[algorithm].hash }
  for (const who of ['token', 'host'] as const) {
    const right = await works(token, async (session) => {
      const ciphertext = publicEncrypt(how, MESSAGE)
      return (await oaepDecrypt(token.cryptoki, session, key, algorithm, who, ciphertext, NONE)).equals(MESSAGE)
    })
    if (right) return who
  }
  return undefined
}

/** What the token answers to what is too large for its modulus, or nothing that was encrypted. */
async function oaepRefused(token: Token, algorithm: OaepAlgorithm, who: Unpadding, { key }: Pair): Promise<string[]> {
  const found: string[] = []
  for (const byte of who === undefined ? [] : [0, 1, 0xff]) {
    const trouble: unknown[] = []
    await works(
      token,
      async (session) => {
        await oaepDecrypt(token.cryptoki, session, key, algorithm, who!, Buffer.alloc(256, byte), NONE)
        return true
      },
      trouble,
    )
    found.push(...trouble.map(ckrOf).filter((ckr) => ckr !== ''))
  }
  return found
}

async function pairOf(token: Token, session: Handle, spec: Spec, uses: number): Promise<Pair> {
  const made = await makePairAside(token, session, spec, uses)
  const key = publicKeyIn(token, session, spec, made.publicKey)
  return {
    ...{ key: made.privateKey, open: made.publicKey },
    get publicKey() {
      return createPublicKey({ key, type: 'spki', format: 'der' })
    },
  }
}

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[at]! ^= 1
  return changed
}
