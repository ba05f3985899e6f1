/**
 * Shipping: the oldest records of the store become log files and digests, once in effect however often it is begun.
 *
 * What is to be done is committed first, so that a shipment cut short is done again with the same names and the same
 * bytes. Then the files are written. Then one commit lets the store forget the records and remember where the chains end:
 * before it the records count and the files do not, after it the files.
 */
import { setImmediate } from 'node:timers/promises'
import { DAY, type Instant } from '../../clock.ts'
import { chunksAfter, eraseChunk } from '../../store/events.ts'
import type { Change, Store } from '../../store/store.ts'
import { readChunk } from '../reader.ts'
import { textOf } from '../record.ts'
import type { Trail } from '../trail.ts'
import { compressed, writeObject } from './disk.ts'
import { logEntry, logText, nextDigest, sha256, type Log, type LogEntry, type Removed } from './digest.ts'
import { chainOf, dayOf, logObject, PUBLIC_KEY, signatureOf, type Chain } from './names.ts'
import { firstDay, removeBefore, removedBefore } from './retention.ts'
import { digestKey, type DigestKey, type Keyring } from './signing.ts'
import { chainsIn, latestShipment, putShipment, putTail, tailOf, type Noted, type Shipment } from './state.ts'

export interface ArchiveParts extends Keyring {
  readonly trail: Pick<Trail, 'id' | 'horizon'>
  /** Where to put the files; made if need be. */
  readonly folder: string
  /** Days to keep files, whole days at a time. Default: all. */
  readonly retainDays?: number
}

/** At most so many records, and chunks, make a shipment: this is what is held in memory. */
const MOST_RECORDS = 8192
const MOST_CHUNKS = 1024

/** Records that are rendered without a pause: some milliseconds' worth. */
const IN_A_ROW = 256

/** Shipping is due when so many chunks wait, or one has waited so long. */
const CHUNKS = 64
const MILLIS = 300_000

export class Archive {
  private readonly parts: ArchiveParts
  private readonly store: Store
  private under: Promise<unknown> = Promise.resolve()
  private key: DigestKey | undefined

  constructor(parts: ArchiveParts) {
    this.parts = parts
    this.store = parts.store
  }

  /** Ships all that can be, and removes what is past its time; how many events were shipped. One at a time. */
  ship(now: Instant): Promise<number> {
    const shipped = this.under.then(() => this.shipAll(now))
    this.under = shipped.catch(() => undefined)
    return shipped
  }

  /** Whether enough waits, or has waited long enough, to be shipped. */
  async isDue(now: Instant): Promise<boolean> {
    for await (const oldest of chunksAfter(this.store, 0)) {
      return oldest.latest <= now - MILLIS || (await this.store.count('events', '', [])) >= CHUNKS
    }
    return false
  }

  private async shipAll(now: Instant): Promise<number> {
    let latest = await latestShipment(this.store)
    let events = 0
    for (;;) {
      if (latest && latest.value.step !== 'done') {
        events += await this.carryOut(latest)
        latest = await latestShipment(this.store)
      }
      const next = await this.plan(latest?.value, now)
      if (!next) return events
      await this.store.commit([putShipment(next, latest?.version ?? 0)])
      latest = { value: next, version: (latest?.version ?? 0) + 1 }
    }
  }

  /** The next shipment; undefined when there is nothing to do. */
  private async plan(latest: Shipment | undefined, now: Instant): Promise<Shipment | undefined> {
    const at = Math.max(now, latest?.at ?? 0)
    const before = await this.dayToKeep(at)
    let [first, last, records, chunks] = [0, 0, 0, 0]
    for await (const chunk of chunksAfter(this.store, 0)) {
      const end = chunk.first + chunk.count - 1
      if (end > this.parts.trail.horizon()) break
      if (chunks > 0 && (records + chunk.count > MOST_RECORDS || chunks === MOST_CHUNKS)) break
      if (chunks === 0) first = chunk.first
      ;[last, records, chunks] = [end, records + chunk.count, chunks + 1]
    }
    if (chunks > 0) return { first, last, at, before, step: 'writing' }
    const next = (latest?.last ?? 0) + 1
    return before === undefined ? undefined : { first: next, last: next - 1, at, before, step: 'writing' }
  }

  /** The first day whose digests are to stay; undefined when all stay. */
  private async dayToKeep(at: Instant): Promise<string | undefined> {
    const { retainDays, folder } = this.parts
    if (retainDays === undefined) return undefined
    const day = dayOf(at - retainDays * DAY)
    for await (const chain of chainsIn(this.store)) if (((await firstDay(folder, chain)) ?? day) < day) return day
    return undefined
  }

  private async carryOut({ value: shipment, version }: Noted<Shipment>): Promise<number> {
    let noted = version
    if (shipment.step === 'writing') {
      const changes = await this.write(shipment)
      const step = shipment.before === undefined ? 'done' : 'removing'
      await this.store.commit([...changes, putShipment({ ...shipment, step }, noted++)])
    }
    if (shipment.before !== undefined) {
      for await (const chain of chainsIn(this.store)) await removeBefore(this.parts.folder, chain, shipment.before)
      await this.store.commit([putShipment({ ...shipment, step: 'done' }, noted)])
    }
    return shipment.step === 'writing' ? shipment.last - shipment.first + 1 : 0
  }

  /** Writes the files of a shipment; what is to be committed once they are there. */
  private async write(shipment: Shipment): Promise<Change[]> {
    const { logs, changes } = await this.gather(shipment)
    const removed = await this.toRemove(shipment)
    for (const name of [...new Set([...logs.keys(), ...removed.keys()])].sort()) {
      const { chain, log } = logs.get(name) ?? { chain: removed.get(name)!.chain, log: undefined }
      const entries = log ? [await this.writeLog(log)] : []
      changes.push(await this.writeDigest(chain, shipment.at, entries, removed.get(name)?.removed))
    }
    return changes
  }

  /** The records of a shipment, a log file for each chain. */
  private async gather({ first, last, at }: Shipment): Promise<{ logs: Map<string, Gathered>; changes: Change[] }> {
    const logs = new Map<string, Gathered>()
    const changes: Change[] = []
    let rendered = 0
    for await (const chunk of chunksAfter(this.store, 0)) {
      if (chunk.first > last) break
      for (const { record } of readChunk(chunk, this.parts.trail.id)) {
        const chain = chainOf(record.recipientAccountId, record.awsRegion)
        let gathered = logs.get(nameOf(chain))
        if (!gathered) {
          gathered = { chain, log: { object: logObject(chain, at, first), records: [] } }
          logs.set(nameOf(chain), gathered)
        }
        gathered.log.records.push({ text: textOf(record), time: record.eventTime })
        // Rendering takes a while: others get their turn in between.
        if (++rendered % IN_A_ROW === 0) await setImmediate()
      }
      changes.push(eraseChunk(chunk.first))
    }
    return { logs, changes }
  }

  private async toRemove({ before }: Shipment): Promise<Map<string, { chain: Chain; removed: Removed }>> {
    const found = new Map<string, { chain: Chain; removed: Removed }>()
    if (before === undefined) return found
    for await (const chain of chainsIn(this.store)) {
      const removed = await removedBefore(this.parts.folder, chain, before)
      if (removed) found.set(nameOf(chain), { chain, removed })
    }
    return found
  }

  private async writeLog(log: Log): Promise<LogEntry> {
    const text = logText(log)
    const file = await compressed(text)
    await writeObject(this.parts.folder, log.object, file)
    return logEntry(log, text, file)
  }

  private async writeDigest(chain: Chain, at: Instant, entries: LogEntry[], removed?: Removed): Promise<Change> {
    const { folder } = this.parts
    const key = await this.signing()
    const tail = await tailOf(this.store, chain)
    const { object, text, signing, end } = nextDigest(chain, tail?.value, at, key.fingerprint, entries, removed)
    const signature = await key.sign(signing)
    const file = await compressed(text)
    // The second line tells damage from forgery: it says how the file lay, while the signature is of what it says.
    await writeObject(folder, signatureOf(object), Buffer.from(`${signature}\n${sha256(file)}\n`))
    await writeObject(folder, object, file)
    return putTail(chain, { object, hash: sha256(text), signature, end }, tail?.version ?? 0)
  }

  private async signing(): Promise<DigestKey> {
    if (!this.key) {
      this.key = await digestKey(this.parts)
      await writeObject(this.parts.folder, PUBLIC_KEY, Buffer.from(this.key.publicKey))
    }
    return this.key
  }
}

interface Gathered {
  readonly chain: Chain
  readonly log: { readonly object: string; readonly records: { readonly text: string; readonly time: string }[] }
}

const nameOf = ({ account, region }: Chain): string => `${account} ${region}`
