/** A room with a bucket and people around it, and what tests of S3 say of bodies, files and records. */
import type { ExecutionContext } from 'ava'
import type { CloudTrailRecord, Strongroom, StrongroomOptions } from '../../../src/index.ts'
import type { Person } from '../../../src/person.ts'
import { allow, arn, AWAY, HOME, inline } from '../../authorize/stage.ts'
import { scene, type Scene } from '../../helpers/scene.ts'

export const Bucket = 'records'
export const DAY = 86_400_000

const trusting = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: arn.root() }, Action: 'sts:AssumeRole' }],
})

const ACCOUNTS: StrongroomOptions['accounts'] = [
  {
    id: HOME,
    users: [
      { name: 'admin', ...inline(allow('*')) },
      { name: 'nobody' },
      { name: 'storer', ...inline(allow('s3:*')) },
      { name: 'writer', ...inline(allow('s3:*'), allow('kms:GenerateDataKey')) },
      { name: 'reader', ...inline(allow(['s3:GetObject', 's3:ListBucket']), allow('kms:Decrypt')) },
      { name: 'blind', ...inline(allow(['s3:GetObject', 's3:PutObject'])) },
    ],
    roles: [{ name: 'app', trustPolicy: trusting, ...inline(allow(['s3:*', 'kms:*'])) }],
  },
  { id: AWAY, users: [{ name: 'partner', ...inline(allow(['s3:*', 'kms:*'])) }] },
]

export interface Shop extends Scene {
  /** A user of the bucket's account. */
  user(name: string): Person
  /** Of another account. */
  partner: Person
}

/** A bucket called `records`, made by the account's root. */
export async function shop(t: ExecutionContext, options: StrongroomOptions = {}): Promise<Shop> {
  const made = await scene(t, { accounts: ACCOUNTS, ...options })
  const { room } = made
  await room.s3.createBucket({ Bucket })
  return {
    ...made,
    user: (name) => room.as({ arn: arn.user(name) }),
    partner: room.as({ arn: arn.user('partner', AWAY), account: AWAY }),
  }
}

/** What PutBucketEncryption is given. */
export const encryptedBy = (SSEAlgorithm: string, KMSMasterKeyID?: string, BucketKeyEnabled = false) => ({
  ServerSideEncryptionConfiguration: {
    Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm, KMSMasterKeyID }, BucketKeyEnabled }],
  },
})

/** All of a body. */
export async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces)
}

export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  return (await bytesOf(body)).toString()
}

/** What an object holds. */
export async function got(person: Person, Key: string): Promise<string> {
  return textOf((await person.s3.getObject({ Bucket, Key })).Body)
}

/** Bytes that are different from place to place. */
export function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at++) bytes[at] = (at * 7 + (at >> 8)) & 0xff
  return bytes
}

/** What the KMS was asked by way of S3, oldest first. */
export async function kmsCalls(room: Strongroom): Promise<CloudTrailRecord[]> {
  const found: CloudTrailRecord[] = []
  for await (const record of room.audit.events())
    if (record.userIdentity.invokedBy === 's3.amazonaws.com') found.push(record)
  return found
}

/** The same in a line each: what, and about which ARN. */
export async function kmsLines(room: Strongroom): Promise<string[]> {
  return (await kmsCalls(room)).map(({ eventName, requestParameters }) => {
    const { encryptionContext } = requestParameters as { encryptionContext?: Record<string, string> }
    return `${eventName} ${encryptionContext?.['aws:s3:arn']}`
  })
}
