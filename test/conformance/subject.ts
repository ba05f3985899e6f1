/** A key of some kind in some state, and whatever the operations want besides to be asked of it. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { ExecutionContext } from 'ava'
import type { Client, Strongroom } from '../../src/index.ts'
import { NEVER } from '../../src/clock.ts'
import { withFields } from '../../src/keys.ts'
import type { CreateKeyRequest } from '../../src/model/kms.ts'
import { edits } from '../../src/store/cache.ts'
import { putGrant } from '../../src/store/grants.ts'
import { parcel } from '../helpers/import.ts'
import { recordsOf } from '../helpers/inside.ts'
import { bytes, scene } from '../helpers/scene.ts'
import { CLUSTERS, cluster, make } from '../helpers/stores.ts'
import type { Kind, State } from './states.ts'

const ACCOUNT = '000000000000'
const [VIRGINIA, IRELAND] = ['us-east-1', 'eu-west-1']
const ROOT = `arn:aws:iam::${ACCOUNT}:root`

export const Message = bytes('hello')
export const ALIAS = 'alias/subject'

export interface Subject {
  /** Where the key is. */
  readonly room: Client
  readonly id: string
  readonly arn: string
  /** Another key, symmetric and enabled, in the same Region. */
  readonly other: string
  readonly grant: string
  /** What became of `Message` under the key: a ciphertext, a code, a signature, a secret encapsulated. */
  readonly made: Uint8Array
  /** What an import wants, once more, of the material the key had. */
  readonly parcel: { readonly ImportToken: Uint8Array; readonly EncryptedKeyMaterial: Uint8Array }
  /** The Region of the related key. */
  readonly elsewhere: string
}

/** Makes the key, does with it what has to be done while it is enabled, and brings it into its state. */
export async function subject(t: ExecutionContext, kind: Kind, state: State): Promise<Subject> {
  const { room, pass } = await scene(t, { settleMillis: 60_000, clusters: CLUSTERS })
  const away = state === 'Creating' || state === 'Updating'
  const there = away ? room.as({ region: IRELAND }) : room
  const bits = kind === 'signing' || kind === 'agreeing' ? privateKey() : randomBytes(32)

  const external = kind === 'imported' || state === 'PendingImport'
  const id = await create(room, { ...MADE[kind], MultiRegion: state !== 'Unavailable' }, external ? bits : undefined)
  const made = await USES[kind](room, id)
  if (RELATED.includes(state)) await room.replicateKey({ KeyId: id, ReplicaRegion: IRELAND })
  if (state !== 'Creating') pass(1)

  // Each Region has its own import, which one that is still being made cannot have.
  const importable = external && state !== 'Creating'
  if (importable && away) await there.importKeyMaterial(await parcel(there, id, bits))
  const again = importable ? await parcel(there, id, bits) : NOTHING
  const other = await create(there, {})
  await there.createAlias({ AliasName: ALIAS, TargetKeyId: id })
  const region = away ? IRELAND : VIRGINIA
  const grant = await granted(room, region, id)
  await ENTER[state]?.(room, id)
  return {
    ...{ room: there, id, other, grant, made, parcel: again },
    arn: `arn:aws:kms:${region}:${ACCOUNT}:key/${id}`,
    elsewhere: away ? VIRGINIA : IRELAND,
  }
}

/** The last step into each state. */
const ENTER: Partial<Record<State, (room: Strongroom, KeyId: string) => Promise<unknown>>> = {
  Disabled: (room, KeyId) => room.disableKey({ KeyId }),
  PendingDeletion: (room, KeyId) => room.scheduleKeyDeletion({ KeyId }),
  PendingReplicaDeletion: (room, KeyId) => room.scheduleKeyDeletion({ KeyId }),
  PendingImport: (room, KeyId) => room.deleteImportedKeyMaterial({ KeyId }),
  Updating: (room, KeyId) => room.updatePrimaryRegion({ KeyId, PrimaryRegion: IRELAND }),
  /** The key was used before: it is moved into a custom key store, which is not connected. */
  async Unavailable(room, KeyId) {
    const customKeyStoreId = await make(room, cluster('disconnected'))
    const records = recordsOf(room)
    const key = (await records.key(VIRGINIA, ACCOUNT, KeyId))!
    await records.commit([edits.putKey(withFields(key, { customKeyStoreId, origin: 'AWS_CLOUDHSM' }))])
  },
}

/** States that a key is in together with a related key. */
const RELATED: readonly State[] = [
  ...(['Enabled', 'Disabled', 'PendingReplicaDeletion'] as const),
  ...(['PendingImport', 'Creating', 'Updating'] as const),
]

const MADE: Readonly<Record<Kind, CreateKeyRequest>> = {
  symmetric: {},
  imported: {},
  hmac: { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
  signing: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
  agreeing: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' },
  encapsulating: { KeySpec: 'ML_KEM_512', KeyUsage: 'ENCAPSULATE_DECAPSULATE' },
}

type Use = (room: Client, KeyId: string) => Promise<Uint8Array>
const encrypt: Use = async (room, KeyId) => (await room.encrypt({ KeyId, Plaintext: Message })).CiphertextBlob!

const USES: Readonly<Record<Kind, Use>> = {
  symmetric: encrypt,
  imported: encrypt,
  hmac: async (room, KeyId) => (await room.generateMac({ KeyId, Message, MacAlgorithm: 'HMAC_SHA_256' })).Mac!,
  signing: async (room, KeyId) => (await room.sign({ KeyId, Message, SigningAlgorithm: 'ECDSA_SHA_256' })).Signature!,
  agreeing: async (room, KeyId) => (await room.getPublicKey({ KeyId })).PublicKey!,
  encapsulating: async (room, KeyId) =>
    (await room.encapsulate({ KeyId, EncapsulationAlgorithm: 'ML_KEM' })).SharedSecretCiphertextBlob!,
}

/** A key, made here or with these bits from outside. */
async function create(room: Client, request: CreateKeyRequest, bits?: Uint8Array): Promise<string> {
  const Origin = bits ? 'EXTERNAL' : 'AWS_KMS'
  const { KeyId } = (await room.createKey({ ...request, Origin })).KeyMetadata!
  if (bits) await room.importKeyMaterial(await parcel(room, KeyId, bits))
  return KeyId
}

function privateKey(): Buffer {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'der' })
}

const NOTHING = { ImportToken: Uint8Array.of(1), EncryptedKeyMaterial: Uint8Array.of(1) }

/** A grant made behind the doors, since a replica that is being created has none yet. */
async function granted(room: Strongroom, region: string, keyId: string): Promise<string> {
  const id = 'a'.repeat(64)
  const named = { region, account: ACCOUNT, keyId, id, request: id, name: '', issuer: ACCOUNT }
  const given = { grantee: ROOT, retiring: ROOT, operations: ['Decrypt'] as const, constraints: undefined }
  await recordsOf(room).commit([putGrant({ ...named, ...given, created: 0, expires: NEVER, version: 0 })])
  return id
}
