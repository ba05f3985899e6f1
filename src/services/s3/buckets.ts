/** Buckets: made and deleted, and what is set about them. Their names are the whole world's. */
import type { Context } from '../../context.ts'
import { fail } from '../../errors.ts'
import { isConflict } from '../../store/store.ts'
import { DEFAULT_ENCRYPTION, defaultsIn, shownDefaults } from './encryption.ts'
import type { Means } from './means.ts'
import { bucketArn, requireBucketName } from './names.ts'
import { requirePolicy } from './policy.ts'
import { all, keyIn, uploadIdIn, type Bucket, type Piece } from './records.ts'
import type * as Shapes from './shapes.ts'
import { partsOf } from './uploads.ts'

export interface CreateBucketRequest extends Shapes.InBucket {
  readonly CreateBucketConfiguration?: { readonly LocationConstraint?: string }
}

/** Where a bucket is that does not say. */
const HOME = 'us-east-1'

export async function createBucket(
  { world, records, leave }: Means,
  { Bucket, CreateBucketConfiguration }: CreateBucketRequest,
  context: Context,
): Promise<{ Location: string }> {
  const { account } = context.caller
  const region = regionOf(CreateBucketConfiguration?.LocationConstraint, context)
  await leave.anywhere('s3:CreateBucket', { arn: bucketArn(region, Bucket), account }, context)
  requireBucketName(Bucket)
  const Location = `/${Bucket}`
  const bucket = { account, region, created: world.clock(), encryption: DEFAULT_ENCRYPTION }
  try {
    await records.commit([records.bucketChange(Bucket, bucket, 0)])
    return { Location }
  } catch (error) {
    const there = isConflict(error) ? await records.findBucket(Bucket) : undefined
    if (!there) throw error
    requireIdle(there.value, account, region)
    return { Location }
  }
}

/** Making one's own bucket again is no error in us-east-1, as ever, and one everywhere else. */
function requireIdle(there: Bucket, account: string, region: string): void {
  if (there.account !== account)
    fail(
      'BucketAlreadyExists',
      'The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.',
    )
  if (there.region !== HOME || region !== HOME)
    fail(
      'BucketAlreadyOwnedByYou',
      'Your previous request to create the named bucket succeeded and you already own it.',
    )
}

/** At the endpoint of us-east-1 buckets are made anywhere, at any other those of its Region. */
function regionOf(constraint: string | undefined, { region }: Context): string {
  if (constraint === HOME) fail('InvalidLocationConstraint', 'The specified location-constraint is not valid')
  if (region === HOME) return constraint ?? HOME
  if (constraint === region) return region
  const named = constraint ? `${constraint} location constraint` : 'unspecified location constraint'
  return fail(
    'IllegalLocationConstraintException',
    `The ${named} is incompatible for the region specific endpoint this request was sent to.`,
  )
}

/** What was uploaded in part goes with the bucket; objects keep it. */
export async function deleteBucket(means: Means, input: Shapes.InBucket, context: Context): Promise<object> {
  const { Bucket } = input
  const { records, leave, files } = means
  await leave.bucket(input, 's3:DeleteBucket', context)
  const pieces = await records.locks.alone(Bucket, async () => {
    const { version } = await records.bucket(Bucket)
    if ((await records.objects.list(Bucket, undefined, 1)).length > 0)
      fail('BucketNotEmpty', 'The bucket you tried to delete is not empty')
    const changes = [records.bucketErasure(Bucket, version)]
    const left: Piece[] = []
    for await (const { name } of all(records.uploads, Bucket)) {
      const { parts, erasures } = await partsOf(records, { Bucket, Key: keyIn(name), UploadId: uploadIdIn(name) })
      changes.push(...erasures)
      left.push(...parts.values())
    }
    await records.commit(changes)
    return left
  })
  await files.remove(pieces)
  return {}
}

export async function headBucket({ leave }: Means, input: Shapes.InBucket, context: Context) {
  const { value } = await leave.bucket(input, 's3:ListBucket', context)
  return { BucketRegion: value.region }
}

export async function getBucketLocation({ leave, records }: Means, input: Shapes.InBucket, context: Context) {
  const { region } = (await records.bucket(input.Bucket)).value
  await leave.bucket(input, 's3:GetBucketLocation', { ...context, caller: context.caller, region })
  return { LocationConstraint: region === HOME ? undefined : region }
}

export async function listBuckets({ leave, records }: Means, context: Context) {
  await leave.anywhere('s3:ListAllMyBuckets', undefined, context)
  const { account } = context.caller
  const Buckets: Shapes.BucketShown[] = []
  for await (const { name, value } of records.buckets()) {
    const { created, region } = value
    if (value.account === account) Buckets.push({ Name: name, CreationDate: created, BucketRegion: region })
  }
  return { Buckets, Owner: { ID: account } }
}

export async function putBucketEncryption(
  means: Means,
  input: Shapes.InBucket & Shapes.EncryptionConfiguration,
  context: Context,
) {
  await means.leave.bucket(input, 's3:PutEncryptionConfiguration', context)
  return changed(means, input, { encryption: defaultsIn(input) })
}

export async function getBucketEncryption({ leave }: Means, input: Shapes.InBucket, context: Context) {
  const { value } = await leave.bucket(input, 's3:GetEncryptionConfiguration', context)
  return shownDefaults(value.encryption)
}

export async function deleteBucketEncryption(means: Means, input: Shapes.InBucket, context: Context) {
  await means.leave.bucket(input, 's3:PutEncryptionConfiguration', context)
  return changed(means, input, { encryption: DEFAULT_ENCRYPTION })
}

export async function putBucketPolicy(
  means: Means,
  input: Shapes.InBucket & { readonly Policy: string },
  context: Context,
) {
  const { Bucket, Policy } = input
  const { value } = await means.leave.policy(input, 's3:PutBucketPolicy', context)
  requirePolicy(Policy, bucketArn(value.region, Bucket))
  return changed(means, input, { policy: Policy })
}

export async function getBucketPolicy({ leave }: Means, input: Shapes.InBucket, context: Context) {
  const { value } = await leave.policy(input, 's3:GetBucketPolicy', context)
  return { Policy: value.policy ?? fail('NoSuchBucketPolicy', 'The bucket policy does not exist') }
}

export async function deleteBucketPolicy(means: Means, input: Shapes.InBucket, context: Context) {
  await means.leave.policy(input, 's3:DeleteBucketPolicy', context)
  return changed(means, input, { policy: undefined })
}

/** Sets some of what a bucket has. */
function changed({ records }: Means, named: Shapes.InBucket, some: Partial<Bucket>): Promise<object> {
  return records.change(async () => {
    const { value, version } = await records.bucket(named.Bucket)
    return { changes: [records.bucketChange(named.Bucket, { ...value, ...some }, version)], result: {} }
  })
}
