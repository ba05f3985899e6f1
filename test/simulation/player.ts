/** Plays one random operation after the other against a room, and asks of each whether the oracle had foreseen it. */
import { KmsError, type Strongroom } from '../../src/index.ts'
import type { Family, Material, Member, Oracle, Verdict } from './oracle.ts'
import type { Random } from './random.ts'

export const REGIONS = ['us-east-1', 'eu-west-1', 'ap-south-1'] as const
export const NAMES = ['alias/a', 'alias/b', 'alias/c', 'alias/d']
/** Operations that are told when something goes wrong. */
const TRAIL = 40

/** Something made under a key, to be opened later, or not. */
export interface Ciphertext {
  readonly blob: Uint8Array
  readonly text: Uint8Array
  readonly context: Record<string, string> | undefined
  readonly family: Family
  readonly material: Material
}

/** What an import asks for, until when, and what is in it. */
export interface Parcel {
  readonly request: object
  readonly bytes: string
  readonly until: number
}

export type Key = [Family, Member]

export type Answer = Readonly<Record<string, unknown>>

export class Player {
  readonly room: Strongroom
  readonly oracle: Oracle
  readonly random: Random
  readonly ciphertexts: Ciphertext[] = []
  readonly parcels = new Map<string, Parcel>()
  /** Ids of keys that are not there. */
  readonly gone = ['00000000-0000-4000-8000-000000000000']
  /** What was asked last, for whoever has to find out what went wrong. */
  readonly trail: string[] = []
  /** How often each operation was asked, by how it ended. */
  readonly counts = new Map<string, number>()
  played = 0

  constructor(room: Strongroom, oracle: Oracle, random: Random) {
    this.room = room
    this.oracle = oracle
    this.random = random
  }

  keys(): Key[] {
    return this.oracle.families.flatMap((family) => [...family.members.values()].map((member): Key => [family, member]))
  }

  /** A Region, a name of a key, and the key that the oracle knows under it there: mostly one that there is. */
  aim({ region, aliases = true }: { region?: string; aliases?: boolean } = {}) {
    const family = this.random.pick(this.oracle.families)
    const place = region ?? this.regionOf(family)
    const id = this.random.chance(0.03) ? this.random.pick(this.gone) : family.id
    const name = aliases && this.random.chance(0.2) ? this.random.pick(NAMES) : id
    return { region: place, name, key: this.oracle.find(place, name) }
  }

  /** Mostly a Region that has one of these keys. */
  regionOf(family: Family): string {
    const places = [...family.members.keys()]
    return places.length === 0 || this.random.chance(0.1) ? this.random.pick(REGIONS) : this.random.pick(places)
  }

  /** An operation on a key, by its id: what the oracle says of it, and what it does when it works. */
  async manage(
    operation: string,
    check: (key: Key) => Verdict,
    input: object,
    done: (key: Key, answer: Answer) => unknown,
  ): Promise<void> {
    const { region, name, key } = this.aim({ aliases: false })
    const verdict = key ? check(key) : 'NotFoundException'
    const answer = await this.ask(verdict, region, operation, { KeyId: name, ...input })
    if (verdict === 'ok') done(key!, answer)
  }

  /** Asks the room; throws unless it answers, or refuses, as foreseen. */
  async ask(verdict: Verdict, region: string, operation: string, input: object): Promise<Answer> {
    const client = this.room.as({ region }) as unknown as Record<string, (input: object) => Promise<Answer | undefined>>
    this.note(`${operation} at ${region} ${JSON.stringify(input, withoutBytes)}: ${verdict}`)
    this.played++
    let answer: Answer = {}
    let outcome = 'ok'
    try {
      answer = (await client[operation]!(input)) ?? {}
    } catch (error) {
      if (!(error instanceof KmsError)) throw error
      outcome = error.code
    }
    const count = `${operation} ${outcome}`
    this.counts.set(count, (this.counts.get(count) ?? 0) + 1)
    this.same('the outcome', outcome, verdict)
    return answer
  }

  note(event: string): void {
    this.trail.push(event)
    if (this.trail.length > TRAIL) this.trail.shift()
  }

  same(what: string, found: unknown, foreseen: unknown): void {
    const [a, b] = [JSON.stringify(found), JSON.stringify(foreseen)]
    if (a !== b) throw new Error(`${what} should be ${b}, but is ${a}`)
  }

  /** Materials get their ids when they are first seen, and keep them. */
  learn(material: Material | undefined, id: unknown): void {
    if (!material || id === undefined) return
    material.id ??= id as string
    this.same('KeyMaterialId', id, material.id)
  }
}

function withoutBytes(_: string, value: unknown): unknown {
  const isBuffer = (value as { type?: string } | null)?.type === 'Buffer'
  return isBuffer || value instanceof Uint8Array ? '…' : value
}
