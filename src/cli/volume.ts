/** `strongroom volume`: volumes and snapshots of a running server, asked of its EC2 as any client would. */
import { flagHelp, readFlags, UsageError, type Flags, type Given } from './flags.ts'
import { spelled } from './line.ts'
import { askQuery, itemsOf, type Answered, type Remote } from './remote.ts'

/** What it needs of the world; requests are sent with the credentials of the environment. */
export interface VolumeWorld extends Pick<Remote, 'env' | 'now' | 'fetch'> {
  out(text: string): unknown
}

const SERVICE = { service: 'ec2', version: '2016-11-15' }

const WHERE = {
  'endpoint-url': {
    values: ['URL'],
    help: 'of this server (AWS_ENDPOINT_URL_EC2, AWS_ENDPOINT_URL, http://localhost:4599)',
  },
  region: { values: ['NAME'], help: 'in this Region (AWS_REGION, AWS_DEFAULT_REGION, us-east-1)' },
  json: { values: [], help: 'print all of the answer, as JSON' },
} as const satisfies Flags

const KEYS = {
  encrypted: { values: [], help: 'encrypt it, under the default key if no other is given' },
  key: { values: ['ID'], help: 'encrypt it under this KMS key' },
} as const satisfies Flags

const VOLUME = { volume: { values: ['ID'], help: 'this volume' } } as const satisfies Flags
const SNAPSHOT = { snapshot: { values: ['ID'], help: 'this snapshot' } } as const satisfies Flags

type Answer = Readonly<Record<string, Answered>>
type Parameters = Readonly<Record<string, string | number | boolean | undefined>>

interface Verb<F extends Flags = Flags> {
  readonly summary: string
  readonly flags: F
  /** Flags that have to be there. */
  readonly needs: readonly (keyof F & string)[]
  action(given: Given<F>): string
  parameters(given: Given<F>, region: string): Parameters
  /** The answer in lines, for people and scripts. */
  told(answer: Answer, given: Given<F>): string
}

function verb<const F extends Flags>(made: Verb<F>): Verb {
  return made as unknown as Verb
}

const encryption = ({ encrypted, key }: Given<typeof KEYS>): Parameters => ({
  Encrypted: encrypted !== undefined || key !== undefined ? true : undefined,
  KmsKeyId: key?.[0],
})

const VERBS: Readonly<Record<string, Verb>> = {
  create: verb({
    summary: 'make a volume, empty or of a snapshot; prints its id',
    flags: {
      size: { values: ['GIB'], help: 'so large' },
      snapshot: { values: ['ID'], help: 'with what is in this snapshot' },
      ...KEYS,
      zone: { values: ['NAME'], help: 'in this zone of the Region (a)' },
    },
    needs: [],
    action: () => 'CreateVolume',
    parameters: ({ size, snapshot, zone, ...given }, region) => ({
      Size: size?.[0],
      SnapshotId: snapshot?.[0],
      AvailabilityZone: zoneOf(region, zone?.[0]),
      ...encryption(given),
    }),
    told: ({ volumeId }) => text(volumeId),
  }),
  attach: verb({
    summary: 'serve a volume over NBD, as if to an instance; prints where',
    flags: {
      ...VOLUME,
      instance: { values: ['ID'], help: 'to this instance, which need not be (i-00000000)' },
      device: { values: ['NAME'], help: 'as this device of it (/dev/sdf)' },
    },
    needs: ['volume'],
    action: () => 'AttachVolume',
    parameters: ({ volume, instance, device }) => ({
      VolumeId: volume?.[0],
      InstanceId: instance?.[0] ?? 'i-00000000',
      Device: device?.[0] ?? '/dev/sdf',
    }),
    told: ({ nbdUri }) => text(nbdUri),
  }),
  detach: verb({
    summary: 'serve it no longer',
    flags: VOLUME,
    needs: ['volume'],
    action: () => 'DetachVolume',
    parameters: ({ volume }) => ({ VolumeId: volume?.[0] }),
    told: ({ volumeId }) => text(volumeId),
  }),
  snapshot: verb({
    summary: 'keep what is in a volume now; prints the id of the snapshot',
    flags: { ...VOLUME, description: { values: ['TEXT'], help: 'to say what it is' } },
    needs: ['volume'],
    action: () => 'CreateSnapshot',
    parameters: ({ volume, description }) => ({ VolumeId: volume?.[0], Description: description?.[0] }),
    told: ({ snapshotId }) => text(snapshotId),
  }),
  copy: verb({
    summary: 'copy a snapshot into this Region, under a key of it; prints the id of the copy',
    flags: { ...SNAPSHOT, from: { values: ['REGION'], help: 'out of this Region (the same)' }, ...KEYS },
    needs: ['snapshot'],
    action: () => 'CopySnapshot',
    parameters: ({ snapshot, from, ...given }, region) => ({
      SourceSnapshotId: snapshot?.[0],
      SourceRegion: from?.[0] ?? region,
      ...encryption(given),
    }),
    told: ({ snapshotId }) => text(snapshotId),
  }),
  list: verb({
    summary: 'a line for each volume: id, GiB, state, key, and where it is served',
    flags: { snapshots: { values: [], help: 'for each snapshot: id, GiB, state, key, volume' } },
    needs: [],
    action: ({ snapshots }) => (snapshots ? 'DescribeSnapshots' : 'DescribeVolumes'),
    parameters: () => ({}),
    told: (answer) =>
      [
        ...itemsOf(answer.volumeSet, 'item').map(volumeLine),
        ...itemsOf(answer.snapshotSet, 'item').map(snapshotLine),
      ].join('\n'),
  }),
  delete: verb({
    summary: 'delete a volume, or a snapshot',
    flags: { ...VOLUME, ...SNAPSHOT },
    needs: [],
    action: ({ volume, snapshot }) => {
      if ((volume === undefined) === (snapshot === undefined)) {
        throw new UsageError('`--volume` or `--snapshot` is needed, and not both')
      }
      return volume ? 'DeleteVolume' : 'DeleteSnapshot'
    },
    parameters: ({ volume, snapshot }) => ({ VolumeId: volume?.[0], SnapshotId: snapshot?.[0] }),
    told: (_, { volume, snapshot }) => (volume ?? snapshot)?.[0] ?? '',
  }),
}

export const VOLUME_HELP = `usage: strongroom volume ${Object.keys(VERBS).join('|')} [flags]

${Object.entries(VERBS)
  .map(([name, { summary, flags }]) => `volume ${name}: ${summary}\n${flagHelp(flags)}`)
  .join('\n')}
all of them:
${flagHelp(WHERE)}
Signed with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
`

/** Does what the first argument says; the exit code. */
export async function volume([name = '', ...args]: readonly string[], world: VolumeWorld): Promise<number> {
  const chosen = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined
  if (!chosen) throw new UsageError(name === '' ? '`volume` what? `volume create`' : `unknown \`volume ${name}\``)
  const given: Given<Flags & typeof WHERE> = readFlags({ ...chosen.flags, ...WHERE }, args)
  const lacking = chosen.needs.find((flag) => !(given as Given<Flags>)[flag])
  if (lacking !== undefined) throw new UsageError(`\`--${lacking}\` is needed`)
  const { remote, region } = remoteOf(given, world)
  const [action, parameters] = [chosen.action(given), chosen.parameters(given, region)]
  // Lists come in pages.
  let NextToken: string | undefined
  do {
    const answer = await askQuery(remote, SERVICE, action, { ...parameters, NextToken })
    const told = given.json ? JSON.stringify(answer, null, 2) : chosen.told(answer, given)
    if (told !== '') await world.out(`${told}\n`)
    NextToken = answer.nextToken as string | undefined
  } while (NextToken !== undefined)
  return 0
}

/** A zone by its whole name, or by its letter. */
function zoneOf(region: string, zone = 'a'): string {
  return zone.startsWith(region) ? zone : `${region}${zone}`
}

function volumeLine({ volumeId, size, status, kmsKeyId, attachmentSet }: Answer): string {
  const uris = itemsOf(attachmentSet, 'item').map(({ nbdUri }) => text(nbdUri))
  return [volumeId, size, status, kmsKeyId ?? '-', uris[0] ?? '-'].map(text).join('  ')
}

function snapshotLine({ snapshotId, volumeSize, status, kmsKeyId, volumeId }: Answer): string {
  return [snapshotId, volumeSize, status, kmsKeyId ?? '-', volumeId].map(text).join('  ')
}

/** What a server says reaches the terminal as text alone. */
function text(value: Answered | undefined): string {
  return spelled(typeof value === 'string' ? value : '')
}

function remoteOf(given: Given<typeof WHERE>, { env, ...world }: VolumeWorld): { remote: Remote; region: string } {
  const endpoint = given['endpoint-url']?.[0] ?? env.AWS_ENDPOINT_URL_EC2 ?? env.AWS_ENDPOINT_URL ?? ENDPOINT
  if (!URL.canParse(endpoint)) throw new UsageError(`\`${endpoint}\` is no URL`)
  const region = given.region?.[0] ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1'
  return { remote: { ...world, endpoint, env: { ...env, AWS_REGION: region } }, region }
}

const ENDPOINT = 'http://localhost:4599'
