/** A fresh room with a bucket, and what tests of S3 say of bodies and records. */
import type { ExecutionContext } from 'ava'
import type { CloudTrailRecord, Strongroom, StrongroomOptions } from '../../../src/index.ts'
import { scene, type Scene } from '../../helpers/scene.ts'

export const Bucket = 'records'

export async function shop(t: ExecutionContext, options: StrongroomOptions = {}): Promise<Scene> {
  const made = await scene(t, options)
  await made.room.s3.createBucket({ Bucket })
  return made
}

/** All of a body. */
export async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces)
}

export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  return (await bytesOf(body)).toString()
}

/** What the KMS was asked by way of S3, oldest first. */
export async function kmsCalls(room: Strongroom): Promise<CloudTrailRecord[]> {
  const found: CloudTrailRecord[] = []
  for await (const record of room.audit.events())
    if (record.userIdentity.invokedBy === 's3.amazonaws.com') found.push(record)
  return found
}
