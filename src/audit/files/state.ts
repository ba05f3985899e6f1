/**
 * What the store remembers of the files: where each chain of digests ends, and the shipment that is under way. Since the
 * store vouches for it, a chain cut short at its end is noticed.
 */
import type { Instant } from '../../clock.ts'
import { noteOf, putNote, TRAIL } from '../../store/events.ts'
import type { Change, Store } from '../../store/store.ts'
import type { Tail } from './digest.ts'
import type { Chain } from './names.ts'

/** A shipment, decided before its first file is written, so that whoever has to do it again does the same. */
export interface Shipment {
  /** The numbers of its first event and its last. None are to be shipped when the last comes before the first. */
  readonly first: number
  readonly last: number
  readonly at: Instant
  /** Digests of days before this one are to be removed: `2026/01/31`. */
  readonly before?: string
  /** `writing`: its chunks are still in the store. `removing`: files are. */
  readonly step: 'writing' | 'removing' | 'done'
}

export interface Noted<T> {
  readonly value: T
  readonly version: number
}

const SHIPMENT = 'shipment'
const PREFIX = 'chain '
const AT_A_TIME = 200

export function latestShipment(store: Store): Promise<Noted<Shipment> | undefined> {
  return read<Shipment>(store, SHIPMENT)
}

export function putShipment(shipment: Shipment, version: number): Change {
  return putNote(SHIPMENT, JSON.stringify(shipment), version)
}

export function tailOf(store: Store, chain: Chain): Promise<Noted<Tail> | undefined> {
  return read<Tail>(store, nameOf(chain))
}

export function putTail(chain: Chain, tail: Tail, version: number): Change {
  return putNote(nameOf(chain), JSON.stringify(tail), version)
}

/** Every chain there is, in order. */
export async function* chainsIn(store: Store): AsyncGenerator<Chain & { readonly tail: Tail }> {
  let after = PREFIX
  for (;;) {
    const rows = await store.list('trail', '', [], [after], AT_A_TIME)
    for (const row of rows) {
      const column = TRAIL.reader(row)
      after = column('name')
      if (!after.startsWith(PREFIX)) return
      const [account = '', region = ''] = after.slice(PREFIX.length).split(' ')
      yield { account, region, tail: JSON.parse(column('value')) as Tail }
    }
    if (rows.length < AT_A_TIME) return
  }
}

const nameOf = ({ account, region }: Chain): string => `${PREFIX}${account} ${region}`

async function read<T>(store: Store, name: string): Promise<Noted<T> | undefined> {
  const note = await noteOf(store, name)
  return note && { value: JSON.parse(note.value) as T, version: note.version }
}
