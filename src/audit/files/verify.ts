/**
 * Verification: walks every chain of digests from its beginning, checks each signature and each log file, and tells the
 * first thing that is not as it was written. What the store still keeps is read, too, and vouches for the ends of chains.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Store } from '../../store/store.ts'
import { stored } from '../reader.ts'
import type { Removed, Tail } from './digest.ts'
import { chainsOn, entriesOf, objectsBelow } from './disk.ts'
import { checkDigest } from './checkdigest.ts'
import { checkLog } from './checklog.ts'
import { DIGESTS, folderOf, isDigestName, LOGS, PUBLIC_KEY, signatureOf, type Chain } from './names.ts'
import { Offence } from './offence.ts'
import { readDigest } from './retention.ts'
import { publicKeyOf } from './signing.ts'
import { chainsIn, latestShipment } from './state.ts'

export interface Evidence {
  /** The folder of the trail. */
  readonly folder: string
  /** Of a room, which knows where its chains end and which key signed them. */
  readonly store?: Store
  /** PEM; the room's own unless given. */
  readonly publicKey?: string
}

export interface Verified {
  readonly digests: number
  readonly logs: number
  readonly records: number
  /** Records that are still in the store. */
  readonly stored: number
  /** The first thing that is wrong. */
  readonly offence: Offence | undefined
}

/** Everything there is; with the first offence the walk ends. */
export async function verify(evidence: Evidence): Promise<Verified> {
  const walk = new Walk(evidence.folder)
  const count = { stored: 0 }
  let offence: Offence | undefined
  try {
    await walkAll(walk, evidence)
    if (evidence.store) await readStored(evidence.store, count)
  } catch (error) {
    if (!(error instanceof Offence)) throw error
    offence = error
  }
  const { digests, logs, records } = walk
  return { digests, logs, records, ...count, offence }
}

async function walkAll(walk: Walk, { folder, store, publicKey }: Evidence): Promise<void> {
  const tails = new Map<string, Chain & { tail: Tail }>()
  if (store) for await (const chain of chainsIn(store)) tails.set(nameOf(chain), chain)
  const pem = publicKey ?? (store && (await publicKeyOf(store)))
  const chains = new Map([...tails.values(), ...(await chainsOn(folder))].map((chain) => [nameOf(chain), chain]))
  await refuseStrangers(folder)
  if (chains.size === 0) return
  if (pem === undefined) throw new Offence('added', folder, 'there are files, and no key that could have signed them')
  const key = createPublicKey(pem)
  for (const [name, chain] of [...chains].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const end = await walk.chain(chain, key)
    const known = tails.get(name)?.tail
    if (store && end?.object !== known?.object) throw cutOff(chain, end, known)
    if (known && (end?.hash !== known.hash || end.signature !== known.signature)) {
      throw new Offence('changed', known.object, 'it is not the digest that the room remembers')
    }
  }
}

function cutOff(chain: Chain, end: Tail | undefined, known: Tail | undefined): Offence {
  if (known && (!end || end.object < known.object)) {
    return new Offence('removed', known.object, 'the room remembers this digest as the last of its chain')
  }
  return new Offence('added', end?.object ?? folderOf(DIGESTS, chain), 'the room does not know of this digest')
}

class Walk {
  digests = 0
  logs = 0
  records = 0
  private readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** Follows a chain from its first digest to its last, which it returns. */
  async chain(chain: Chain, key: KeyObject): Promise<Tail | undefined> {
    const lying = objectsBelow(this.folder, folderOf(LOGS, chain))
    const removed = await this.lastRemoved(chain)
    let tail: Tail | undefined
    for await (const object of digestsOf(this.folder, chain)) {
      const { digest, ...read } = await checkDigest(this.folder, object, { chain, key, tail, removed })
      for (const entry of digest.logFiles) {
        await expectNext(lying, entry.s3Object)
        this.records += await checkLog(this.folder, entry)
        this.logs++
      }
      tail = read.tail
      this.digests++
    }
    const { value: stray } = await lying.next()
    if (stray !== undefined) throw new Offence('added', stray, 'no digest names this log file')
    return tail
  }

  /** Where the chain may begin: said by the latest digest that says so, which is checked in its turn. */
  private async lastRemoved(chain: Chain): Promise<Removed | undefined> {
    let removed: Removed | undefined
    for await (const object of objectsBelow(this.folder, folderOf(DIGESTS, chain))) {
      if (isDigestName(object, chain)) {
        removed = (await readDigest(this.folder, object))?.digest.strongroom?.removed ?? removed
      }
    }
    return removed
  }
}

/** The digests of a chain in their order, each with its signature beside it and nothing else. */
async function* digestsOf(folder: string, chain: Chain): AsyncGenerator<string> {
  let digest: string | undefined
  for await (const object of objectsBelow(folder, folderOf(DIGESTS, chain))) {
    if (isDigestName(object, chain)) yield (digest = object)
    else if (digest === undefined || object !== signatureOf(digest)) {
      const beside = object.endsWith('.sig') && isDigestName(object.slice(0, -4), chain)
      throw beside
        ? new Offence('removed', object.slice(0, -4), 'its signature is there, the digest is not')
        : new Offence('added', object, 'it is no file of the trail')
    }
  }
}

/** Log files lie in the order in which digests name them; what else lies there was put there, what does not was taken. */
async function expectNext(lying: AsyncGenerator<string, undefined>, wanted: string): Promise<void> {
  const { value: object } = await lying.next()
  if (object === wanted) return
  if (object !== undefined && object < wanted) throw new Offence('added', object, 'no digest names this log file')
  throw new Offence('removed', wanted, 'a digest names this log file, and it is gone')
}

/** What lies beside the files of chains. */
async function refuseStrangers(folder: string): Promise<void> {
  const expected: readonly (readonly [at: string, name: RegExp])[] = [
    ['', new RegExp(`^(AWSLogs|${PUBLIC_KEY.replaceAll('.', '\\.')})$`)],
    ['AWSLogs', /^\d{12}$/],
  ]
  const below = [
    ...expected,
    ...(await entriesOf(folder, 'AWSLogs')).map(
      ({ name }) => [`AWSLogs/${name}`, new RegExp(`^(${LOGS}|${DIGESTS})$`)] as const,
    ),
  ]
  for (const [at, name] of below) {
    const stranger = (await entriesOf(folder, at)).find((entry) => !name.test(entry.name))
    if (stranger)
      throw new Offence('added', at === '' ? stranger.name : `${at}/${stranger.name}`, 'it is no file of the trail')
  }
}

/** Reads what the store keeps, every row of which is authenticated. */
async function readStored(store: Store, count: { stored: number }): Promise<void> {
  const shipped = (await latestShipment(store))?.value.last ?? 0
  let last = shipped
  try {
    for await (const { number, record } of stored(store)) {
      if (number < last)
        throw new Offence('reordered', 'the store', 'its records are out of order', count.stored, record.eventID)
      last = number
      count.stored++
    }
  } catch (error) {
    if (error instanceof Offence) throw error
    const why = error instanceof Error ? error.message : 'it cannot be read'
    throw new Offence('changed', 'the store', why, count.stored)
  }
}

const nameOf = ({ account, region }: Chain): string => `${account} ${region}`
