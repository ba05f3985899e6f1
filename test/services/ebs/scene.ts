/** A room with people who make volumes, what is written on volumes that are attached, and what the KMS was asked for them. */
import type { ExecutionContext } from 'ava'
import type { CloudTrailRecord, Strongroom, StrongroomOptions } from '../../../src/index.ts'
import type { Person } from '../../../src/person.ts'
import { allow, arn, AWAY, deny, HOME, inline, when } from '../../authorize/stage.ts'
import { scene as roomWithKey, type Scene } from '../../helpers/scene.ts'
import { Client } from '../nbd/scene.ts'

export const INSTANCE = 'i-0123456789abcdef0'
export const ZONE = { AvailabilityZone: 'us-east-1a' }
/** An encrypted volume, the smallest there is. */
export const ENCRYPTED = { ...ZONE, Size: 1, Encrypted: true }

/** What somebody needs of a key to work with volumes. */
const KEY_USE = [
  ...['kms:CreateGrant', 'kms:Decrypt', 'kms:DescribeKey'],
  ...['kms:GenerateDataKeyWithoutPlaintext', 'kms:ReEncrypt*'],
]

const ACCOUNTS: StrongroomOptions['accounts'] = [
  {
    id: HOME,
    users: [
      { name: 'nobody' },
      { name: 'keyless', ...inline(allow('ec2:*')) },
      { name: 'operator', ...inline(allow('ec2:*'), allow(KEY_USE)) },
      { name: 'maker', ...inline(allow('ec2:*'), allow('kms:GenerateDataKeyWithoutPlaintext')) },
      {
        name: 'elsewhere',
        ...inline(allow('ec2:*'), allow('kms:*', when('StringEquals', 'kms:ViaService', 's3.us-east-1.amazonaws.com'))),
      },
      { name: 'viewer', ...inline(allow('ec2:Describe*')) },
      {
        name: 'careful',
        ...inline(allow('*'), deny('ec2:CreateVolume', when('Bool', 'ec2:Encrypted', 'false'))),
      },
      {
        name: 'blue',
        ...inline(allow('kms:*'), allow('ec2:*', when('StringEquals', 'aws:ResourceTag/team', 'blue'))),
      },
    ],
  },
  { id: AWAY, users: [{ name: 'partner', ...inline(allow(['ec2:*', ...KEY_USE])) }] },
]

export interface Ward extends Scene {
  /** A user of the room's account. */
  user(name: string): Person
  /** Of another account. */
  partner: Person
}

export async function ward(t: ExecutionContext, options: StrongroomOptions = {}): Promise<Ward> {
  const made = await roomWithKey(t, { accounts: ACCOUNTS, ...options })
  const { room } = made
  return {
    ...made,
    user: (name) => room.as({ arn: arn.user(name) }),
    partner: room.as({ arn: arn.user('partner', AWAY), account: AWAY }),
  }
}

/** Attaches a volume; where it is served. */
export async function attach(person: Person, VolumeId: string, Device = '/dev/sdf'): Promise<string> {
  return (await person.ebs.attachVolume({ VolumeId, InstanceId: INSTANCE, Device })).NbdUri!
}

export function socketIn(uri: string): string {
  return decodeURIComponent(new URL(uri).searchParams.get('socket')!)
}

const [READ, WRITE] = [0, 1]

/** Writes `text` at the start of a volume that is attached, or at `offset`. */
export async function write(t: ExecutionContext, uri: string, text: string, offset = 0): Promise<void> {
  const client = await Client.connect(t, socketIn(uri))
  await client.begin()
  client.ask({ command: WRITE, offset, data: Buffer.from(text) })
  t.is((await client.reply())?.error, 0)
  client.socket.destroy()
}

/** So much text from the start of a volume that is attached, or from `offset`. */
export async function read(t: ExecutionContext, uri: string, length: number, offset = 0): Promise<string> {
  const client = await Client.connect(t, socketIn(uri))
  await client.begin()
  client.ask({ command: READ, offset, length })
  const { data } = (await client.reply(length))!
  client.socket.destroy()
  return data.toString()
}

/** What is on a volume, which is attached for that. */
export async function contents(t: ExecutionContext, person: Person, VolumeId: string, length: number): Promise<string> {
  const uri = await attach(person, VolumeId)
  try {
    return await read(t, uri, length)
  } finally {
    await person.ebs.detachVolume({ VolumeId })
  }
}

/** A detached volume with `text` on it. */
export async function volumeWith(
  t: ExecutionContext,
  person: Person,
  text: string,
  more: { KmsKeyId?: string; Encrypted?: boolean } = {},
): Promise<string> {
  const { VolumeId } = await person.ebs.createVolume({ ...ENCRYPTED, ...more })
  await write(t, await attach(person, VolumeId), text)
  await person.ebs.detachVolume({ VolumeId })
  return VolumeId
}

/** What the KMS was asked by way of EC2, oldest first. */
export async function kmsCalls(room: Strongroom): Promise<CloudTrailRecord[]> {
  const found: CloudTrailRecord[] = []
  for await (const record of room.audit.events())
    if (record.userIdentity.invokedBy === 'ec2.amazonaws.com') found.push(record)
  return found
}

interface Parameters {
  readonly encryptionContext?: Record<string, string>
  readonly sourceEncryptionContext?: Record<string, string>
  readonly destinationEncryptionContext?: Record<string, string>
  readonly constraints?: { readonly encryptionContextSubset?: Record<string, string> }
}

/** The same in a line each: what, for which volumes or snapshots, and by whom: the last part of the ARN. */
export async function kmsLines(room: Strongroom): Promise<string[]> {
  return (await kmsCalls(room)).map(({ eventName, requestParameters, userIdentity, errorCode }) => {
    const { encryptionContext, sourceEncryptionContext, destinationEncryptionContext, constraints } =
      (requestParameters ?? {}) as Parameters
    const contexts = [
      ...[encryptionContext, sourceEncryptionContext, destinationEncryptionContext],
      constraints?.encryptionContextSubset,
    ]
    const ids = contexts.flatMap((context) => (context ? Object.entries(context).map((pair) => pair.join('=')) : []))
    const who = userIdentity.arn?.replace(/^.*[:/]/, '')
    return [eventName, ...ids, `by ${who}`, ...(errorCode ? [errorCode] : [])].join(' ')
  })
}
