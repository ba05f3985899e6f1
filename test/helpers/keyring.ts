/** A room whose keys are made when a test first asks for them, and kept for the next, since RSA keys take their time. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Client } from '../../src/client.ts'
import { Strongroom } from '../../src/index.ts'
import type { KeySpec, KeyUsageType } from '../../src/model/kms.ts'

export interface Ring {
  room: Strongroom
  key(spec: KeySpec, usage: KeyUsageType): Promise<Held>
}

export interface Held {
  /** Where the key lives: SM2 in China, every other at home. */
  room: Client
  id: string
  arn: string
  /** DER of an asymmetric key; empty for all other. */
  spki: Buffer
  /** The same as node:crypto knows it. */
  publicKey(): KeyObject
}

export async function keyring(): Promise<Ring> {
  const room = await Strongroom.open({ memory: true })
  const china = room.as({ region: 'cn-north-1' })
  const held = new Map<string, Promise<Held>>()
  return {
    room,
    key(spec, usage) {
      const name = `${spec} ${usage}`
      let made = held.get(name)
      if (!made) held.set(name, (made = make(spec === 'SM2' ? china : room, spec, usage)))
      return made
    },
  }
}

async function make(room: Client, KeySpec: KeySpec, KeyUsage: KeyUsageType): Promise<Held> {
  const { KeyMetadata } = await room.createKey({ KeySpec, KeyUsage })
  const symmetric = KeySpec === 'SYMMETRIC_DEFAULT' || KeySpec.startsWith('HMAC_')
  const spki = symmetric
    ? Buffer.alloc(0)
    : Buffer.from((await room.getPublicKey({ KeyId: KeyMetadata!.KeyId })).PublicKey!)
  return {
    room,
    id: KeyMetadata!.KeyId,
    arn: KeyMetadata!.Arn!,
    spki,
    publicKey: () => createPublicKey({ key: spki, format: 'der', type: 'spki' }),
  }
}
