/** Several threads at once, each with its session: right results, no strange errors, and a module that is still there. */
import { createCipheriv, createHash } from 'node:crypto'
import { Finding, type Check, type Severity } from '../check.ts'
import { mechanism, nameOf, template, word, wordIn, type Mechanism, type Template } from '../cryptoki/memory.ts'
import { CKF, CKO, CKR } from '../cryptoki/numbers.ts'
import type { FunctionName } from '../cryptoki/functions.ts'
import type { Device, Given, ReturnValue } from '../device.ts'
import { aesKey, CURVES, ecPair, importedOrSkip, secretKey, SESSION, type Use } from '../keys.ts'
import { gcm } from '../parameters.ts'
import { initialize } from '../token.ts'

const CLAUSE = 'PKCS#11 3.1, 5.4.1 C_Initialize: access from several threads'
const THREADS = 8

type Rest = Pick<Check, 'needs' | 'writes' | 'patience'> & { readonly clause?: string }

const row = (
  id: string,
  severity: Severity,
  title: string,
  run: (device: Device) => Promise<void>,
  rest: Rest = {},
): Check => ({ id: `threads.${id}`, title, clause: CLAUSE, severity, patience: 60, ...rest, run })

/** One operation of two calls, off the main thread. */
async function aside(
  device: Device,
  kind: 'Encrypt' | 'Decrypt' | 'Sign' | 'Digest',
  session: number,
  how: Mechanism,
  key: number | undefined,
  data: Buffer,
): Promise<Given> {
  const call = (
    name: FunctionName,
    ...args: Parameters<Device['call']> extends [FunctionName, ...infer A] ? A : never
  ) => device.module.callAside(name, ...args)
  const begun = await call(`C_${kind}Init`, session, mechanism(how), ...(kind === 'Digest' ? [] : [key!]))
  if (begun !== CKR.OK) return { rv: begun, bytes: Buffer.alloc(0) }
  const [out, length] = [Buffer.alloc(data.length + 512), word(data.length + 512)]
  const rv = await call(`C_${kind}`, session, data, data.length, out, length)
  return { rv, bytes: rv === CKR.OK ? out.subarray(0, wordIn(length)) : Buffer.alloc(0) }
}

/** The same work in as many threads, each with a session of its own. */
async function inThreads(
  device: Device,
  count: number,
  work: (session: number, thread: number) => Promise<void>,
): Promise<void> {
  const sessions = Array.from({ length: count }, () => device.session())
  const all = await Promise.allSettled(sessions.map((session, thread) => work(session, thread)))
  const failed = all.find((each) => each.status === 'rejected')
  if (failed) throw failed.reason
}

async function times(count: number, act: (round: number) => Promise<void>): Promise<void> {
  for (let round = 0; round < count; round++) await act(round)
}

const KEY = Buffer.alloc(32, 0x6b)

function knownKey(device: Device, ...uses: readonly Use[]): number {
  return importedOrSkip(device, device.session(), secretKey('AES', KEY, ...uses), 'an AES key')
}

function right(device: Device, { rv, bytes }: Given, wanted: Buffer): void {
  device.expect(rv, 'OK')
  device.require(bytes.equals(wanted), 'the result of one thread', 'another result')
}

function ivOf(thread: number, round: number): Buffer {
  const iv = Buffer.alloc(12, thread + 1)
  iv.writeUInt32BE(round, 8)
  return iv
}

const RIGHT: readonly Check[] = [
  row(
    'encrypt.one-key',
    'critical',
    `${THREADS} threads encrypt under one key, each its own text, and each gets its own ciphertext`,
    (device) => {
      const key = knownKey(device, 'ENCRYPT')
      return inThreads(device, THREADS, (session, thread) =>
        times(40, async (round) => {
          const [iv, data] = [ivOf(thread, round), Buffer.alloc(1000 + round, thread)]
          const cipher = createCipheriv('aes-256-gcm', KEY, iv)
          const wanted = Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()])
          right(
            device,
            await aside(device, 'Encrypt', session, { type: 'AES_GCM', parameter: gcm(iv) }, key, data),
            wanted,
          )
        }),
      )
    },
    { needs: ['AES_GCM'] },
  ),
  row(
    'encrypt.own-keys',
    'critical',
    `${THREADS} threads encrypt, each under its own key`,
    (device) =>
      inThreads(device, THREADS, async (session, thread) => {
        const value = Buffer.alloc(32, thread + 1)
        const key = importedOrSkip(device, session, secretKey('AES', value, 'ENCRYPT'), 'an AES key')
        const data = Buffer.alloc(1024, thread)
        const cipher = createCipheriv('aes-256-ecb', value, null).setAutoPadding(false)
        const wanted = Buffer.concat([cipher.update(data), cipher.final()])
        await times(40, async () =>
          right(device, await aside(device, 'Encrypt', session, { type: 'AES_ECB' }, key, data), wanted),
        )
      }),
    { needs: ['AES_ECB'] },
  ),
  row(
    'digest',
    'critical',
    `${THREADS} threads digest`,
    (device) =>
      inThreads(device, THREADS, (session, thread) =>
        times(40, async (round) => {
          const data = Buffer.alloc(5000 + round, thread)
          const wanted = createHash('sha256').update(data).digest()
          right(device, await aside(device, 'Digest', session, { type: 'SHA256' }, undefined, data), wanted)
        }),
      ),
    { needs: ['SHA256'] },
  ),
  row(
    'sign',
    'critical',
    `${THREADS} threads sign with one key, and every signature is good`,
    async (device) => {
      const home = device.session()
      const { rv, publicKey, privateKey } = ecPair(device, home, 'secp256r1', ['VERIFY'], ['SIGN'])
      device.expect(rv, 'OK')
      await inThreads(device, THREADS, (session, thread) =>
        times(10, async (round) => {
          const digest = createHash('sha256').update(`${thread} ${round}`).digest()
          const { rv, bytes } = await aside(device, 'Sign', session, { type: 'ECDSA' }, privateKey, digest)
          device.expect(rv, 'OK')
          device.expect(device.verify(home, { type: 'ECDSA' }, publicKey, digest, bytes), 'OK')
        }),
      )
    },
    { needs: ['ECDSA', 'EC_KEY_PAIR_GEN'] },
  ),
  row('random', 'critical', `${THREADS} threads get random bytes, and never the same`, async (device) => {
    const seen = new Set<string>()
    await inThreads(device, THREADS, (session) =>
      times(40, async () => {
        const bytes = Buffer.alloc(16)
        device.expect(await device.module.callAside('C_GenerateRandom', session, bytes, bytes.length), 'OK')
        seen.add(bytes.toString('hex'))
      }),
    )
    device.require(seen.size === THREADS * 40, `${THREADS * 40} values`, `${seen.size}`)
  }),
  row(
    'generate',
    'critical',
    `${THREADS} threads generate keys, each with a handle of its own`,
    async (device) => {
      const handles = new Set<number>()
      const attributes = template([{ type: 'VALUE_LEN', value: 32 }, ...SESSION])
      await inThreads(device, THREADS, (session) =>
        times(25, async () => {
          const place = word()
          const args = [session, mechanism({ type: 'AES_KEY_GEN' }), attributes, 2, place] as const
          device.expect(await device.module.callAside('C_GenerateKey', ...args), 'OK')
          handles.add(wordIn(place))
        }),
      )
      device.require(handles.size === THREADS * 25, `${THREADS * 25} handles`, `${handles.size}`)
    },
    { needs: ['AES_KEY_GEN'] },
  ),
]

/** Some threads make and destroy objects, others look for one that is always there. */
const searching = (id: string, token: boolean, rounds: number, rest: Rest): Check =>
  row(
    id,
    'major',
    `Threads find what is there while others ${token ? 'store' : 'make'} objects and destroy them`,
    async (device) => {
      const home = device.session()
      const object = (application: string): Template => [
        { type: 'CLASS', value: CKO.DATA },
        { type: 'TOKEN', value: token },
        { type: 'LABEL', value: device.label },
        { type: 'APPLICATION', value: application },
        { type: 'VALUE', value: Buffer.alloc(32) },
      ]
      device.expect(device.create(home, object('there')).rv, 'OK')
      const wanted = [{ type: 'APPLICATION', value: 'there' } as const]
      await inThreads(device, 6, (session, thread) =>
        times(rounds, () => (thread < 2 ? makes(device, session, object('passing')) : finds(device, session, wanted))),
      )
    },
    rest,
  )

async function makes(device: Device, session: number, object: Template): Promise<void> {
  const place = word()
  device.expect(await device.module.callAside('C_CreateObject', session, template(object), object.length, place), 'OK')
  device.expect(await device.module.callAside('C_DestroyObject', session, wordIn(place)), 'OK')
}

async function finds(device: Device, session: number, wanted: Template): Promise<void> {
  const { module } = device
  const [found, count] = [Buffer.alloc(80), word()]
  device.expect(await module.callAside('C_FindObjectsInit', session, template(wanted), wanted.length), 'OK')
  device.expect(await module.callAside('C_FindObjects', session, found, 10, count), 'OK')
  device.expect(await module.callAside('C_FindObjectsFinal', session), 'OK')
  device.require(wordIn(count) === 1, 'the one object that is there', `${wordIn(count)} objects`)
}

/** The same with pairs, which are two objects, and kept where only the user sees them. */
const PAIRS_WHILE_FINDING = row(
  'find-while-storing-pairs',
  'major',
  'Threads find what is there while others store pairs of keys and destroy them',
  async (device) => {
    const wanted: Template = [
      { type: 'LABEL', value: device.label },
      { type: 'APPLICATION', value: 'there' },
    ]
    const there: Template = [{ type: 'CLASS', value: CKO.DATA }, { type: 'TOKEN', value: true }, ...wanted]
    device.expect(device.create(device.session(), [...there, { type: 'VALUE', value: Buffer.alloc(8) }]).rv, 'OK')
    await inThreads(device, 6, (session, thread) =>
      times(thread < 3 ? 25 : 250, () => (thread < 3 ? makesPair(device, session) : finds(device, session, wanted))),
    )
  },
  { needs: ['EC_KEY_PAIR_GEN'], writes: true, patience: 120 },
)

async function makesPair(device: Device, session: number): Promise<void> {
  const mark: Template = [
    { type: 'TOKEN', value: true },
    { type: 'LABEL', value: device.label },
  ]
  const open = template([...mark, { type: 'EC_PARAMS', value: Buffer.from(CURVES.secp256r1.oid, 'hex') }])
  const own = template([...mark, { type: 'SIGN', value: true }])
  const [publicKey, privateKey] = [word(), word()]
  const args = [mechanism({ type: 'EC_KEY_PAIR_GEN' }), open, 3, own, 3, publicKey, privateKey] as const
  device.expect(await device.module.callAside('C_GenerateKeyPair', session, ...args), 'OK')
  for (const key of [publicKey, privateKey])
    device.expect(await device.module.callAside('C_DestroyObject', session, wordIn(key)), 'OK')
}

/** Whatever is pulled away from under who works, these are fair answers. */
const FAIR: readonly ReturnValue[] = [
  ...(['OK', 'SESSION_HANDLE_INVALID', 'SESSION_CLOSED', 'OPERATION_NOT_INITIALIZED', 'OPERATION_ACTIVE'] as const),
  ...(['KEY_HANDLE_INVALID', 'OBJECT_HANDLE_INVALID', 'USER_NOT_LOGGED_IN', 'CRYPTOKI_NOT_INITIALIZED'] as const),
  ...(['FUNCTION_CANCELED', 'DEVICE_REMOVED', 'ARGUMENTS_BAD'] as const),
]

function fair(device: Device, rv: number): void {
  device.require(
    FAIR.some((name) => CKR[name] === rv),
    'an answer that says what is gone',
    nameOf(CKR, 'CKR', rv),
  )
}

/** Threads that work until something happens, and what they may be told then. */
const pulled = (
  id: string,
  severity: Severity,
  title: string,
  pull: (device: Device, sessions: readonly number[], key: number) => Promise<void>,
  rest: Rest = {},
): Check =>
  row(
    id,
    severity,
    title,
    async (device) => {
      const home = device.session()
      const key = aesKey(device, home, ['ENCRYPT', 'DECRYPT'])
      const sessions = Array.from({ length: 4 }, () => device.session())
      const how = { type: 'AES_GCM', parameter: gcm(Buffer.alloc(12, 1)) } as const
      const work = sessions.map((session) =>
        times(60, async () => fair(device, (await aside(device, 'Encrypt', session, how, key, Buffer.alloc(4096))).rv)),
      )
      const all = await Promise.allSettled([...work, pull(device, sessions, key)])
      const failed = all.find((each) => each.status === 'rejected')
      if (failed) throw failed.reason
    },
    { needs: ['AES_GCM', 'AES_KEY_GEN'], ...rest },
  )

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const PULLED: readonly Check[] = [
  pulled('close', 'major', 'Sessions are closed while others work in them', async (device, sessions) => {
    for (const session of sessions) {
      await turns(20)
      fair(device, await device.module.callAside('C_CloseSession', session))
    }
  }),
  pulled('close-all', 'major', 'All sessions are closed while others work in them', async (device) => {
    await turns(40)
    fair(device, await device.module.callAside('C_CloseAllSessions', device.slot))
  }),
  pulled('destroy', 'major', 'A key is destroyed while others use it', async (device, sessions, key) => {
    await turns(40)
    fair(device, await device.module.callAside('C_DestroyObject', sessions[0]!, key))
  }),
  pulled(
    'logout',
    'major',
    'The user logs out and in again while others work',
    async (device, sessions) => {
      await times(5, async () => {
        await turns(10)
        fair(device, await device.module.callAside('C_Logout', sessions[0]!))
        const rv = device.login(sessions[0]!)
        if (rv !== CKR.USER_ALREADY_LOGGED_IN) fair(device, rv)
      })
    },
    // Some tokens lock up for good in it; 240 small encryptions are done long before.
    { patience: 20 },
  ),
  // The standard leaves open what happens; a module that brings down its program is worth a remark.
  pulled('finalize', 'note', 'C_Finalize while others work', async (device) => {
    await turns(40)
    const rv = await device.module.callAside('C_Finalize', null)
    device.expect(rv, 'OK', 'FUNCTION_FAILED', 'OPERATION_ACTIVE')
    await turns(200)
    device.expect(initialize(device.module), 'OK', 'CRYPTOKI_ALREADY_INITIALIZED')
  }),
]

const STORM = row('open-close', 'major', `${THREADS} threads open sessions and close them`, async (device) => {
  device.session()
  const flags = CKF.SERIAL_SESSION | CKF.RW_SESSION
  await inThreads(device, THREADS, () =>
    times(40, async () => {
      const place = word()
      device.expect(await device.module.callAside('C_OpenSession', device.slot, flags, null, null, place), 'OK')
      device.expect(await device.module.callAside('C_CloseSession', wordIn(place)), 'OK')
    }),
  )
})

const SHARED = row(
  'shared-session',
  'minor',
  'Two threads in one session get right results, or are told that an operation is active, or none',
  async (device) => {
    const session = device.session()
    const wanted = createHash('sha256').update(Buffer.alloc(100)).digest()
    const work = (): Promise<void> =>
      times(40, async () => {
        const { rv, bytes } = await aside(device, 'Digest', session, { type: 'SHA256' }, undefined, Buffer.alloc(100))
        device.expect(rv, 'OK', 'OPERATION_ACTIVE', 'OPERATION_NOT_INITIALIZED')
        if (rv === CKR.OK && !bytes.equals(wanted)) throw new Finding('the digest', 'another one')
      })
    await Promise.all([work(), work()])
  },
  { needs: ['SHA256'] },
)

export const THREADED: readonly Check[] = [
  ...RIGHT,
  searching('find-while-making', false, 30, {}),
  searching('find-while-storing', true, 40, { writes: true, patience: 120 }),
  PAIRS_WHILE_FINDING,
  ...PULLED,
  STORM,
  SHARED,
]
