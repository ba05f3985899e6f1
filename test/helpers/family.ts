/** A multi-Region key, and a client at each Region its replicas may be in. */
import type { ExecutionContext } from 'ava'
import type { Client, StrongroomOptions } from '../../src/index.ts'
import type { KeyMetadata } from '../../src/model/kms.ts'
import { scene, type Scene } from './scene.ts'

const ACCOUNT = '000000000000'

export interface Family extends Scene {
  /** The multi-Region key's id, and a client at each Region. */
  KeyId: string
  virginia: Client
  ireland: Client
  tokyo: Client
  arnIn(region: string): string
}

/** A primary key in Virginia, and the Regions its replicas may go to. */
export async function family(t: ExecutionContext, options: StrongroomOptions = {}): Promise<Family> {
  const all = await scene(t, options)
  const { room } = all
  const KeyId = (await room.createKey({ MultiRegion: true, Description: 'first' })).KeyMetadata!.KeyId
  return {
    ...all,
    KeyId,
    virginia: room,
    ireland: room.as({ region: 'eu-west-1' }),
    tokyo: room.as({ region: 'ap-northeast-1' }),
    arnIn: (region) => `arn:aws:kms:${region}:${ACCOUNT}:key/${KeyId}`,
  }
}

export async function metadata(room: Client, KeyId: string): Promise<KeyMetadata> {
  return (await room.describeKey({ KeyId })).KeyMetadata!
}
