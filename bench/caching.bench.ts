/** Envelopes at three times the quota: how many are throttled, without a cache of data keys and with one? */
import { performance } from 'node:perf_hooks'
import { randomBytes } from 'node:crypto'
import {
  buildClient,
  getLocalCryptographicMaterialsCache,
  KMS,
  KmsKeyringNode,
  NodeCachingMaterialsManager,
  NodeDefaultCryptographicMaterialsManager,
} from '@aws-crypto/client-node'
import { Strongroom } from '../src/index.ts'
import { keep, type Figure } from './ladder.ts'

/** Data keys a second; the SDK makes some hundred envelopes a second, which is far below any figure of AWS. */
const QUOTA = 50
const ARRIVING = 3 * QUOTA
const SECONDS = 10
const RECORD = randomBytes(1024)
const CONTEXT = { tenant: 'clinic-7', purpose: 'patient-record' }
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }

/** `ratio`: the part that came through. */
interface Told extends Figure {
  readonly messages: number
  readonly throttled: number
  /** Requests for data keys, those throttled included. */
  readonly asked: number
}

type Materials = NodeDefaultCryptographicMaterialsManager | NodeCachingMaterialsManager
type Managed = (keyring: KmsKeyringNode) => Materials

/** `maxMessagesEncrypted`: of each data key. */
const cached =
  (maxMessagesEncrypted: number): Managed =>
  (keyring) =>
    new NodeCachingMaterialsManager({
      backingMaterials: keyring,
      cache: getLocalCryptographicMaterialsCache(10),
      maxAge: 60_000,
      maxMessagesEncrypted,
    })

const LOADS: Record<string, Managed> = {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the SDK types its keyring as an interface
  'no cache': (keyring) => new NodeDefaultCryptographicMaterialsManager(keyring),
  'a data key for 10 messages': cached(10),
  'a data key for 100 messages': cached(100),
}

/**
 * Records arrive evenly in the room's time, through an SDK that does not try again. The account was idle, so that a second's worth of
 * requests is there from the beginning.
 */
async function load(name: string, managed: Managed): Promise<Told> {
  const start = Date.now()
  let now = start
  const quotas = { quotas: { Symmetric: QUOTA } }
  const room = await Strongroom.open({ memory: true, quotas, now: () => new Date(now) })
  const { KeyMetadata } = await room.createKey({})
  const requestHandler = room.requestHandler()
  const clientProvider = (region: string) => new KMS({ region, credentials, requestHandler, maxAttempts: 1 })
  const materials = managed(new KmsKeyringNode({ generatorKeyId: KeyMetadata!.Arn!, clientProvider }))

  const { encrypt } = buildClient()
  const messages = ARRIVING * SECONDS
  let throttled = 0
  const begun = performance.now()
  for (let i = 0; i < messages; i++) {
    now = start + Math.floor((i * 1000) / ARRIVING)
    const options = { encryptionContext: { ...CONTEXT }, plaintextLength: RECORD.length }
    await encrypt(materials, RECORD, options).catch((problem: unknown) => {
      if (!(problem instanceof Error) || problem.name !== 'ThrottlingException') throw problem
      throttled++
    })
  }
  const ns = Math.round(((performance.now() - begun) * 1e6) / messages)
  let asked = 0
  for await (const { eventName } of room.audit.events()) if (eventName === 'GenerateDataKey') asked++
  await room.close()
  return { name, ns, margin: 0, ratio: (messages - throttled) / messages, messages, throttled, asked }
}

const figures: Told[] = []
for (const [name, managed] of Object.entries(LOADS)) figures.push(await load(name, managed))
console.log(`\n${ARRIVING} envelopes a second for ${SECONDS} s, with a quota of ${QUOTA} requests a second`)
console.table(Object.fromEntries(figures.map(({ name, ...figure }) => [name, figure])))

const [bare, ...caches] = figures
if (bare!.throttled === 0) throw new Error('the load is within the quota, and shows nothing')
for (const { name, throttled } of caches) if (throttled > 0) throw new Error(`${name}: ${throttled} throttled`)
keep('caching', { [`envelopes at three times a quota of ${QUOTA} a second`]: figures })
