/**
 * Data keys: asked of the KMS in the name of whoever uploads or reads, with the encryption context that S3 gives; or S3's own,
 * sealed under a key no customer sees. An object has one, or with two layers one of each.
 */
import { randomBytes } from 'node:crypto'
import { arnOf } from '../../arn.ts'
import type { Client } from '../../client.ts'
import type { Context } from '../../context.ts'
import type { ServiceWorld } from '../world.ts'
import { BucketKeys } from './bucketkeys.ts'
import type { Choice } from './encryption.ts'
import { bucketArn, objectArn } from './names.ts'
import type { Bucket, Encryption, UnderKms } from './records.ts'
import { asked } from './refusals.ts'

/** Where an object is. */
export interface Place {
  readonly Bucket: string
  readonly Key: string
  readonly bucket: Bucket
}

/** A data key a layer, in the clear; whoever asked for them wipes them. */
export type DataKeys = readonly Uint8Array[]

export function wipe(dataKeys: DataKeys): void {
  for (const key of dataKeys) key.fill(0)
}

const VIA = { service: 's3.amazonaws.com', mode: 'forwarded' } as const
const PURPOSE = 's3'

export class Keys {
  readonly #world: ServiceWorld
  readonly #bucketKeys: BucketKeys

  constructor(world: ServiceWorld) {
    this.#world = world
    this.#bucketKeys = new BucketKeys(world.clock)
  }

  /** Forgets what was kept in the clear. */
  close(): void {
    this.#bucketKeys.close()
  }

  /** Keys for a new object. */
  async fresh(choice: Choice, place: Place, context: Context): Promise<{ dataKeys: DataKeys; encryption: Encryption }> {
    const { algorithm } = choice
    const kms = algorithm === 'AES256' ? undefined : await this.#generated(choice, place, context)
    const own = algorithm === 'aws:kms' ? undefined : await this.#own()
    const made = [kms, own].filter((key) => key !== undefined)
    const encryption = { algorithm, kms: kms?.record, own: own?.record }
    return { dataKeys: made.map(({ plaintext }) => plaintext), encryption }
  }

  /** The keys of an object that there is. */
  async open({ kms, own }: Encryption, { bucket }: Place, context: Context): Promise<DataKeys> {
    const dataKeys: Uint8Array[] = []
    if (kms) dataKeys.push(await this.#decrypted(kms, bucket, context))
    if (own !== undefined) dataKeys.push(await this.#world.unseal(PURPOSE, Buffer.from(own, 'hex')))
    return dataKeys
  }

  async #generated(choice: Choice, { Bucket, Key, bucket }: Place, context: Context) {
    const { bucketKey } = choice
    const { region } = bucket
    const arn = bucketKey ? bucketArn(region, Bucket) : objectArn(region, Bucket, Key)
    const EncryptionContext = { ...choice.context, 'aws:s3:arn': arn }
    const KeyId = choice.keyId ?? managedKeyFor(bucket, context)
    const generate = async () => {
      const answer = asked(this.#kms(bucket, context).generateDataKey({ KeyId, KeySpec: 'AES_256', EncryptionContext }))
      const { KeyId: keyArn, CiphertextBlob, Plaintext } = await answer
      const wrapped = Buffer.from(CiphertextBlob!).toString('hex')
      return { plaintext: Plaintext!, record: { keyArn: keyArn!, wrapped, context: EncryptionContext, bucketKey } }
    }
    return bucketKey
      ? this.#bucketKeys.get(['GenerateDataKey', requester(context), region, KeyId, EncryptionContext], generate)
      : generate()
  }

  async #decrypted({ keyArn: KeyId, wrapped, bucketKey, ...under }: UnderKms, bucket: Bucket, context: Context) {
    const decrypt = async () => {
      const CiphertextBlob = Buffer.from(wrapped, 'hex')
      const request = { KeyId, CiphertextBlob, EncryptionContext: under.context }
      const { Plaintext } = await asked(this.#kms(bucket, context).decrypt(request))
      return { plaintext: Plaintext! }
    }
    const asking = ['Decrypt', requester(context), bucket.region, wrapped]
    const { plaintext } = await (bucketKey ? this.#bucketKeys.get(asking, decrypt) : decrypt())
    return plaintext
  }

  async #own() {
    const plaintext = randomBytes(32)
    const sealed = await this.#world.seal(PURPOSE, plaintext)
    return { plaintext, record: Buffer.from(sealed).toString('hex') }
  }

  #kms({ region }: Bucket, context: Context): Client {
    return this.#world.kms({ ...context, caller: context.caller, region }, VIA)
  }
}

/** A principal; each session by itself, since each may have a policy of its own. */
function requester({ caller }: Context): readonly string[] {
  return caller.session ? [caller.arn, caller.accessKeyId] : [caller.arn]
}

/** Who asks for no key in particular gets the one AWS manages for the bucket's account, which strangers may not use. */
function managedKeyFor({ account, region }: Bucket, { caller }: Context): string {
  return caller.account === account ? 'alias/aws/s3' : arnOf(region, account, 'alias/aws/s3')
}
