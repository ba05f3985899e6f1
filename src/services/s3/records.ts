/** What S3 has on record: buckets, objects, uploads under way and their parts. */
import { Resources, type Recorded } from '../../store/resources.ts'
import { isConflict, type Change, type Store } from '../../store/store.ts'
import { Locks } from '../locks.ts'
import { noSuchBucket } from './refusals.ts'
import type { Algorithm, Checksum, ChecksumType, Description, Tag } from './shapes.ts'

/** What a bucket does with objects that do not say how they are to be encrypted. */
export interface Defaults {
  readonly algorithm: Algorithm
  /** As it was given; none is the AWS managed key. */
  readonly keyId?: string
  readonly bucketKey: boolean
}

export interface Bucket {
  readonly account: string
  readonly region: string
  readonly created: number
  readonly encryption: Defaults
  readonly policy?: string
}

/** How an object is encrypted, and under what: each key that is there is a layer. Bytes are in hex. */
export interface Encryption {
  readonly algorithm: Algorithm
  readonly kms?: UnderKms
  /** A key of S3's own, sealed under another of S3's own. */
  readonly own?: string
}

export interface UnderKms {
  readonly keyArn: string
  /** The data key, as the KMS returned it. */
  readonly wrapped: string
  /** All of the encryption context. */
  readonly context: Readonly<Record<string, string>>
  readonly bucketKey: boolean
}

/** A file, with how many bytes are sealed in it. */
export interface Piece {
  readonly file: string
  readonly size: number
}

export interface StoredObject extends Description {
  readonly size: number
  readonly etag: string
  readonly modified: number
  readonly encryption: Encryption
  readonly pieces: readonly Piece[]
  /** The upload whose parts, each of them a piece, it was made of. */
  readonly uploadId?: string
  readonly checksum?: Checksum
  /** Of all bytes, unless it says otherwise. */
  readonly checksumType?: ChecksumType
  readonly tags?: readonly Tag[]
}

export interface Upload extends Description {
  readonly initiated: number
  readonly encryption: Encryption
  readonly checksumAlgorithm?: string
  readonly checksumType?: ChecksumType
  readonly tags?: readonly Tag[]
}

export interface Part extends Piece {
  readonly etag: string
  readonly modified: number
  readonly checksum?: Checksum
}

/** Uploads are called by what they are to be, and their id: in the order in which they are listed. */
export const uploadName = (key: string, uploadId: string): string => `${key}\0${uploadId}`

export const uploadIdIn = (name: string): string => name.slice(name.lastIndexOf('\0') + 1)

export const keyIn = (name: string): string => name.slice(0, name.lastIndexOf('\0'))

/** Part numbers in their order. */
export const partName = (number: number): string => String(number).padStart(5, '0')

/** Where all buckets are, since their names are global. */
const EVERYWHERE = ''
const AT_A_TIME = 1000

export class Records {
  readonly objects: Resources<StoredObject>
  readonly uploads: Resources<Upload>
  readonly parts: Resources<Part>
  readonly locks = new Locks()
  readonly #buckets: Resources<Bucket>
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
    this.#buckets = new Resources(store, 's3:bucket')
    this.objects = new Resources(store, 's3:object')
    this.uploads = new Resources(store, 's3:upload')
    this.parts = new Resources(store, 's3:part')
  }

  /** Throws NoSuchBucket when there is none. */
  async bucket(name: string): Promise<Recorded<Bucket>> {
    return (await this.findBucket(name)) ?? noSuchBucket()
  }

  findBucket(name: string): Promise<Recorded<Bucket> | undefined> {
    return this.#buckets.get(EVERYWHERE, name)
  }

  buckets(): AsyncGenerator<Recorded<Bucket>> {
    return all(this.#buckets, EVERYWHERE)
  }

  bucketChange(name: string, bucket: Bucket, version: number): Change {
    return this.#buckets.put(EVERYWHERE, name, bucket, version)
  }

  bucketErasure(name: string, version: number): Change {
    return this.#buckets.erase(EVERYWHERE, name, version)
  }

  /** The files of everything there is. */
  async files(): Promise<ReadonlySet<string>> {
    const files = new Set<string>()
    for await (const { name } of this.buckets()) {
      for await (const { value } of all(this.objects, name)) for (const { file } of value.pieces) files.add(file)
      for await (const { name: upload } of all(this.uploads, name))
        for await (const { value } of all(this.parts, uploadIdIn(upload))) files.add(value.file)
    }
    return files
  }

  commit(changes: Change[]): Promise<number> {
    return this.#store.commit(changes)
  }

  /**
   * Commits what `edit` makes of the records it reads; again, should somebody else's commit come first. What it returns
   * besides the changes is what was so when they were made.
   */
  async change<T>(edit: () => Promise<{ readonly changes: Change[]; readonly result: T }>): Promise<T> {
    for (;;) {
      const { changes, result } = await edit()
      try {
        if (changes.length > 0) await this.commit(changes)
        return result
      } catch (error) {
        if (!isConflict(error)) throw error
      }
    }
  }
}

/** All records of a place, in the order of their names. */
export async function* all<T extends object>(records: Resources<T>, place: string): AsyncGenerator<Recorded<T>> {
  for (let after: string | undefined; ;) {
    const found = await records.list(place, after, AT_A_TIME)
    yield* found
    if (found.length < AT_A_TIME) return
    after = found.at(-1)!.name
  }
}
