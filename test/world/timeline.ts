/** A seeded timeline of all that has a date, played in a room whose clock moves as one likes in between. */
import { KmsError, Strongroom, type Client } from '../../src/index.ts'
import { assumeRole } from '../../src/identities/sessions.ts'
import { SCHEMA } from '../../src/store/sql.ts'
import { recordsOf } from '../helpers/inside.ts'
import { bring } from '../helpers/import.ts'
import { Random } from '../simulation/random.ts'

export const START = Date.UTC(2026, 0, 1)
const DAY = 86_400_000
const HERE = '111122223333'
const USER = `arn:aws:iam::${HERE}:user/ann`
const ROLE = `arn:aws:iam::${HERE}:role/app`
const REGIONS = ['us-east-1', 'eu-west-1', 'ap-south-1'] as const

/** How the time between two acts goes by: it has to be `to` in the end. */
export type Passing = (room: Strongroom, to: number, random: Random) => Promise<unknown>

/** Something done on a day; it may find that it cannot be done any more. */
type Act = (stage: Stage) => Promise<unknown>

interface Stage {
  readonly room: Strongroom
  readonly keys: { readonly id: string; readonly regions: string[]; readonly kind: Kind }[]
  readonly random: Random
}

type Kind = 'plain' | 'external' | 'multi'

/** Plays the timeline of `seed`, and a year and a half after it; what is then left, and what the KMS did by itself. */
export async function played(seed: number, pass: Passing, chance = new Random(seed)) {
  const accounts = [{ id: HERE, users: [{ name: 'ann' }], roles: [{ name: 'app', trustPolicy: TRUST }] }]
  const settleMillis = seed % 2 === 0 ? 0 : 7_200_000
  const room = await Strongroom.open({ memory: true, seed, accounts, settleMillis, now: () => new Date(START) })
  try {
    const stage: Stage = { room, keys: [], random: new Random(seed) }
    const told: string[] = []
    for (const { at, act } of timeline(stage.random)) {
      await pass(room, at, chance)
      told.push(await outcomeOf(act(stage)))
    }
    await pass(room, START + 700 * DAY, chance)
    return { told, left: await everythingIn(room), happened: await happenedIn(room) }
  } finally {
    await room.close()
  }
}

async function outcomeOf(act: Promise<unknown>): Promise<string> {
  try {
    await act
    return 'done'
  } catch (error) {
    if (error instanceof KmsError) return error.code
    throw error
  }
}

const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Principal: { AWS: USER }, Action: 'sts:AssumeRole' },
})

function timeline(random: Random): { at: number; act: Act }[] {
  const acts = [create('plain'), create('external'), create('multi'), ...Array.from({ length: 80 }, () => any(random))]
  let at = START
  return acts.map((act) => ({ act, at: (at += random.below(5 * DAY)) }))
}

const ACTS = {
  create: 5,
  rotate: 6,
  onDemand: 2,
  import: 1,
  grant: 8,
  schedule: 4,
  cancel: 3,
  replicate: 4,
  move: 1,
  session: 2,
  toggle: 3,
}

function any(random: Random): Act {
  const name = random.weighted(ACTS)
  return name === 'create' ? create(random.pick(['plain', 'external', 'multi'])) : MADE[name]
}

function create(kind: Kind): Act {
  return async ({ room, keys }) => {
    const { KeyMetadata } = await room.createKey({
      Origin: kind === 'external' ? 'EXTERNAL' : 'AWS_KMS',
      MultiRegion: kind === 'multi',
    })
    keys.push({ id: KeyMetadata!.KeyId, regions: ['us-east-1'], kind })
  }
}

const MADE: Readonly<Record<Exclude<keyof typeof ACTS, 'create'>, Act>> = {
  rotate(stage) {
    const RotationPeriodInDays = 90 + stage.random.below(120)
    return somewhere(stage, (client, KeyId) => client.enableKeyRotation({ KeyId, RotationPeriodInDays }))
  },
  onDemand: (stage) => somewhere(stage, (client, KeyId) => client.rotateKeyOnDemand({ KeyId })),
  async import({ room, keys, random }) {
    const key = random.pick(keys.filter(({ kind }) => kind === 'external'))
    const [bytes, lasts] = [random.below(3), 1 + random.below(90 * DAY)]
    await bring(room, key.id, Buffer.alloc(32, bytes), {
      ExpirationModel: 'KEY_MATERIAL_EXPIRES',
      ValidTo: new Date(Math.floor((room.clock.now().getTime() + lasts) / 1000) * 1000),
    })
  },
  grant(stage) {
    const expiresIn = 1 + stage.random.below(60 * 86_400)
    const input = { GranteePrincipal: ROLE, Operations: ['Decrypt' as const] }
    return somewhere(stage, (client, KeyId) => client.createGrant({ KeyId, ...input }, { expiresIn }))
  },
  schedule(stage) {
    const PendingWindowInDays = 7 + stage.random.below(24)
    return somewhere(stage, (client, KeyId) => client.scheduleKeyDeletion({ KeyId, PendingWindowInDays }))
  },
  cancel: (stage) => somewhere(stage, (client, KeyId) => client.cancelKeyDeletion({ KeyId })),
  async replicate({ room, keys, random }) {
    const key = random.pick(keys.filter(({ kind }) => kind === 'multi'))
    const ReplicaRegion = random.pick(REGIONS)
    await room.replicateKey({ KeyId: key.id, ReplicaRegion })
    key.regions.push(ReplicaRegion)
  },
  async move({ room, keys, random }) {
    const key = random.pick(keys.filter(({ kind }) => kind === 'multi'))
    await room.updatePrimaryRegion({ KeyId: key.id, PrimaryRegion: random.pick(REGIONS) })
  },
  session({ room, random }) {
    const caller = room.identities.principal(USER)
    const durationSeconds = 900 + random.below(2700)
    return assumeRole(room.identities, { caller, roleArn: ROLE, roleSessionName: 'one', durationSeconds })
  },
  toggle(stage) {
    const off = stage.random.chance(0.4)
    return somewhere(stage, (client, KeyId) => (off ? client.disableKey({ KeyId }) : client.enableKey({ KeyId })))
  },
}

function somewhere({ room, keys, random }: Stage, act: (client: Client, KeyId: string) => Promise<unknown>) {
  const { id, regions } = random.pick(keys)
  return act(room.as({ region: random.pick(regions) }), id)
}

/** Calls that ask and change nothing. */
export async function look(room: Strongroom, random: Random): Promise<void> {
  const region = random.pick(REGIONS)
  const { Keys = [] } = await room.as({ region }).listKeys()
  if (Keys.length === 0) return
  const KeyId = random.pick(Keys).KeyId!
  const client = room.as({ region })
  await client.describeKey({ KeyId })
  await client.listGrants({ KeyId })
  await client.listKeyRotations({ KeyId })
}

/**
 * Every row of the store, but for what is on record, and how far the clock was turned in how many steps. Blobs are left out:
 * each is sealed with chance of its own.
 */
async function everythingIn(room: Strongroom): Promise<Record<string, unknown>> {
  const { store } = recordsOf(room)
  const tables = SCHEMA.tables.filter(({ name }) => !['events', 'trail', 'resources', 'last_usage'].includes(name))
  const found = tables.map(async ({ name, columns }) => {
    const rows = await store.list(name, '', [], null, 10_000)
    return [name, rows.map(({ version, values }) => [version, ...values.filter((_, i) => columns[i]!.type !== 'BLOB')])]
  })
  return Object.fromEntries(await Promise.all(found)) as Record<string, unknown>
}

/** What the KMS did by itself, in the order it went on record. */
async function happenedIn(room: Strongroom): Promise<string[]> {
  await room.audit.settled()
  const events: string[] = []
  for await (const event of room.audit.events({})) {
    const { eventType, eventName, eventTime, resources, serviceEventDetails } = event as unknown as Record<
      string,
      unknown
    >
    if (eventType === 'AwsServiceEvent' || eventName === 'SynchronizeMultiRegionKey') {
      events.push(JSON.stringify({ eventTime, eventName, resources, serviceEventDetails }))
    }
  }
  return events
}
