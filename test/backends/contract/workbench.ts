/** Where the contract is tried: keys of a backend, and what is expected of them. */
import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto'
import type { ExecutionContext } from 'ava'
import { SPECS, USES } from '../../../src/algorithms.ts'
import type { Backend, Eventually } from '../../../src/backends/backend.ts'
import { keyOf, NEW_KEY, newMaterial, type Key, type Material } from '../../../src/keys.ts'
import type { KeySpec, KeyUsageType } from '../../../src/model/kms.ts'

/** A key in the backend. */
export interface Made {
  readonly material: Material
  readonly publicKey: Uint8Array | undefined
}

export class Workbench {
  /** There before the first test. */
  backend!: Backend
  readonly overhead: number
  private readonly lacks: ReadonlySet<string>
  private readonly made = new Map<string, Promise<Made>>()

  /** What frames are longer than those of the HSM, which keys in two places make. */
  constructor(lacks: readonly string[], overhead = 0) {
    this.lacks = new Set(lacks)
    this.overhead = overhead
  }

  has(...what: readonly string[]): boolean {
    return what.every((each) => !this.lacks.has(each))
  }

  hasSpec(spec: KeySpec): boolean {
    return this.has(SPECS[spec].hsm)
  }

  /** A key of its own. */
  async make(spec: KeySpec, usage: KeyUsageType): Promise<Made> {
    const { token, publicKey } = await this.backend.create(SPECS[spec].hsm, USES[usage])
    return { material: materialOf(token), publicKey }
  }

  /** A key that tests share, since some take seconds to make. */
  shared(spec: KeySpec, usage: KeyUsageType): Promise<Made> {
    const name = `${spec} ${usage}`
    const known = this.made.get(name)
    if (known) return known
    const made = this.make(spec, usage)
    this.made.set(name, made)
    return made
  }
}

export function materialOf(token: Uint8Array): Material {
  return newMaterial(randomBytes(32).toString('hex'), token, 0)
}

/** A key of the KMS that waits for its material. */
export function waiting(spec: KeySpec, usage: KeyUsageType, id = 'f2a1b0c4-0000-4000-8000-000000000000'): Key {
  return keyOf({
    ...NEW_KEY,
    ...{ region: 'eu-central-1', account: '111122223333', id, spec, usage },
    ...{ origin: 'EXTERNAL', created: 0, currentId: '', materials: [] },
  })
}

export function spki(der: Uint8Array | undefined): KeyObject {
  return createPublicKey({ key: Buffer.from(der!), type: 'spki', format: 'der' })
}

/** Answers with an error of this code, now or later, and with nothing that would tell more. */
export async function refuses(t: ExecutionContext, code: string, act: () => Eventually<unknown>): Promise<void> {
  await t.throwsAsync(async () => act(), { code }, code)
}

/** `bytes` with one bit of them the other way, counted from the end when `at` is negative. */
export function flipped(bytes: Uint8Array, at: number): Buffer {
  const changed = Buffer.from(bytes)
  const place = at < 0 ? changed.length + at : at
  changed[place]! ^= 1
  return changed
}
