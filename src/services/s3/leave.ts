/** Who may do what to a bucket and what is in it: what IAM says together with the bucket's policy. */
import { arnOf } from '../../arn.ts'
import type { Context } from '../../context.ts'
import { fail, KmsError } from '../../errors.ts'
import type { ContextReader, Values } from '../../policy/context.ts'
import type { Recorded } from '../../store/resources.ts'
import type { ServiceWorld, Wanted } from '../world.ts'
import { bucketArn, objectArn } from './names.ts'
import type { Bucket, Records } from './records.ts'
import { noSuchKey, WrongRegion } from './refusals.ts'
import type { EncryptionHeaders, InBucket, OfObject } from './shapes.ts'

/** Condition keys that a request gives, in lower case. */
type Told = Readonly<Record<string, Values>>

export class Leave {
  readonly #world: ServiceWorld
  readonly #records: Records

  constructor(world: ServiceWorld, records: Records) {
    this.#world = world
    this.#records = records
  }

  /** The bucket that is named, once it is sure that the caller may do `action` to it. */
  async bucket(named: InBucket, action: string, context: Context, told: Told = {}): Promise<Recorded<Bucket>> {
    const found = await this.found(named, context)
    await this.#may(action, bucketArn(found.value.region, named.Bucket), found.value, context, told)
    return found
  }

  /** The bucket that the object is in, or is to be in, once it is sure that the caller may do `action` to it. */
  async object(named: OfObject, action: string, context: Context, told: Told = {}): Promise<Bucket> {
    const { value } = await this.found(named, context)
    await this.#may(action, objectArn(value.region, named.Bucket, named.Key), value, context, told)
    return value
  }

  /** Leave for the policy of a bucket: the root of its account has it, lest everybody be locked out. */
  async policy(named: InBucket, action: string, context: Context): Promise<Recorded<Bucket>> {
    const found = await this.found(named, context)
    const { caller } = context
    const isMaster = caller.type === 'Root' && caller.account === found.value.account
    const bucket = isMaster ? { ...found.value, policy: undefined } : found.value
    await this.#may(action, bucketArn(bucket.region, named.Bucket), bucket, context, {})
    return found
  }

  /** Leave for what concerns no bucket that there is. */
  async anywhere(action: string, resource: Wanted['resource'], context: Context): Promise<void> {
    await this.#permit({ action, resource }, context, {})
  }

  /** What there is no object of: who may not list the bucket does not learn that. */
  async missing(named: InBucket, context: Context): Promise<never> {
    await this.bucket(named, 's3:ListBucket', context)
    return noSuchKey()
  }

  /** Throws NoSuchBucket, or WrongRegion, or AccessDenied when the bucket is not whose the caller takes it for. */
  async found({ Bucket, ExpectedBucketOwner }: InBucket, { region }: Context): Promise<Recorded<Bucket>> {
    requireAccount(ExpectedBucketOwner)
    const found = await this.#records.bucket(Bucket)
    if (found.value.region !== region) throw new WrongRegion(found.value.region)
    if (found.value.account !== (ExpectedBucketOwner ?? found.value.account)) fail('AccessDenied', 'Access Denied')
    return found
  }

  async #may(action: string, arn: string, { account, policy }: Bucket, context: Context, told: Told): Promise<void> {
    await this.#permit({ action, resource: { arn, account }, policy }, context, {
      'aws:resourceaccount': account,
      ...told,
    })
  }

  async #permit(wanted: Wanted, context: Context, told: Told): Promise<void> {
    const reader: ContextReader = (key) => (Object.hasOwn(told, key) ? told[key] : undefined)
    try {
      await this.#world.permit(wanted, context, reader)
    } catch (error) {
      if (error instanceof KmsError && error.code === 'AccessDeniedException') fail('AccessDenied', error.message)
      throw error
    }
  }
}

function requireAccount(owner: string | undefined): void {
  if (owner !== undefined && !/^\d{12}$/.test(owner))
    fail(
      'InvalidBucketOwnerAWSAccountID',
      `The value of the expected bucket owner parameter must be an AWS Account ID... [${owner}]`,
    )
}

/** What an upload says of its encryption, as policies ask for it: what it leaves to the bucket is not there. */
export function toldEncryption({ ServerSideEncryption, SSEKMSKeyId }: EncryptionHeaders, context: Context): Told {
  return {
    's3:x-amz-server-side-encryption': ServerSideEncryption,
    's3:x-amz-server-side-encryption-aws-kms-key-id': SSEKMSKeyId && keyArn(SSEKMSKeyId, context),
  }
}

/** Policies name keys by their ARNs, requests in any way. */
function keyArn(keyId: string, { region, caller }: Context): string {
  if (keyId.startsWith('arn:')) return keyId
  return arnOf(region, caller.account, keyId.startsWith('alias/') ? keyId : `key/${keyId}`)
}
