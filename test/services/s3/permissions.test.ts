/** Who may do what: identities and bucket policies together, with S3's condition keys. */
import test from 'ava'
import type { Person } from '../../../src/person.ts'
import { allow, arn, AWAY, deny, document, to, when } from '../../authorize/stage.ts'
import { refuses } from '../../helpers/scene.ts'
import { Bucket, got, shop } from './scene.ts'

const OBJECTS = { Resource: `arn:aws:s3:::${Bucket}/*` }
const ITSELF = { Resource: `arn:aws:s3:::${Bucket}` }
const nobody = to(arn.user('nobody'))
const KEY = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const encryption = 's3:x-amz-server-side-encryption'

type Act = (s3: Person['s3']) => Promise<unknown>

const put =
  (headers: object = {}): Act =>
  (s3) =>
    s3.putObject({ Bucket, Key: 'a/k', Body: 'hello', ...headers })
const get: Act = (s3) => s3.getObject({ Bucket, Key: 'a/k' })
const list =
  (input: object = {}): Act =>
  (s3) =>
    s3.listObjectsV2({ Bucket, ...input })

interface Row {
  readonly title: string
  readonly policy?: Parameters<typeof document>
  readonly who?: 'nobody' | 'storer' | 'partner'
  readonly yes?: readonly Act[]
  readonly no?: readonly Act[]
}

const rows: readonly Row[] = [
  { title: 'nobody named anywhere may do nothing', no: [put(), get, list()] },
  { title: 'an identity policy is enough', who: 'storer', yes: [put(), get, list()] },
  {
    title: 'a bucket policy is enough within the account',
    policy: [allow('s3:GetObject', { ...nobody, ...OBJECTS })],
    ...{ yes: [get], no: [put(), list()] },
  },
  {
    title: 'a bucket policy that denies is stronger than an identity policy',
    policy: [deny('s3:PutObject', { Principal: '*', ...OBJECTS })],
    ...{ who: 'storer', yes: [get], no: [put()] },
  },
  {
    title: 'another account needs the bucket’s policy',
    ...{ who: 'partner', no: [put(), get, list()] },
  },
  {
    title: 'another account may what the bucket’s policy says',
    policy: [allow('s3:GetObject', { ...to(arn.root(AWAY)), ...OBJECTS })],
    ...{ who: 'partner', yes: [get], no: [put(), list()] },
  },
  {
    title: 'listing is allowed by prefix',
    policy: [allow('s3:ListBucket', { ...nobody, ...ITSELF, ...when('StringLike', 's3:prefix', 'a/*') })],
    ...{ yes: [list({ Prefix: 'a/' }), list({ Prefix: 'a/k' })], no: [list(), list({ Prefix: 'b/' })] },
  },
  {
    title: 'listing is allowed by delimiter and number',
    policy: [
      allow('s3:ListBucket', {
        ...{ ...nobody, ...ITSELF },
        Condition: { StringEquals: { 's3:delimiter': '/' }, NumericLessThanEquals: { 's3:max-keys': '10' } },
      }),
    ],
    yes: [list({ Delimiter: '/', MaxKeys: 10 })],
    no: [list({ Delimiter: '/' }), list({ Delimiter: '/', MaxKeys: 11 }), list({ MaxKeys: 1 })],
  },
  {
    title: 'uploads must say that they are encrypted by the KMS',
    policy: [deny('s3:PutObject', { Principal: '*', ...OBJECTS, ...when('StringNotEquals', encryption, 'aws:kms') })],
    who: 'storer',
    yes: [put({ ServerSideEncryption: 'aws:kms' })],
    no: [put(), put({ ServerSideEncryption: 'AES256' })],
  },
  {
    title: 'uploads must not say that they are not encrypted by the KMS',
    policy: [
      deny('s3:PutObject', {
        ...{ Principal: '*', ...OBJECTS },
        Condition: { StringNotEquals: { [encryption]: 'aws:kms' }, Null: { [encryption]: 'false' } },
      }),
    ],
    who: 'storer',
    yes: [put({ ServerSideEncryption: 'aws:kms' }), put()],
    no: [put({ ServerSideEncryption: 'AES256' })],
  },
  {
    title: 'uploads must not name another key',
    policy: [
      deny('s3:PutObject', {
        ...{ Principal: '*', ...OBJECTS },
        Condition: { StringNotEquals: { [`${encryption}-aws-kms-key-id`]: KEY }, Null: { [encryption]: 'false' } },
      }),
    ],
    who: 'storer',
    yes: [put()],
    no: [put({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KEY.replace('1234', '4321') })],
  },
]

for (const { title, policy, who = 'nobody', yes = [], no = [] } of rows) {
  test(title, async (t) => {
    const { room, user, partner } = await shop(t)
    await room.s3.putObject({ Bucket, Key: 'a/k', Body: 'hello' })
    if (policy) await room.s3.putBucketPolicy({ Bucket, Policy: document(...policy) })
    const { s3 } = who === 'partner' ? partner : user(who)
    for (const act of yes) await t.notThrowsAsync(act(s3))
    for (const act of no) await refuses(t, act(s3), 'AccessDenied', /is not authorized to perform: s3:/)
  })
}

test('a key named by its id is the one that a policy names by its ARN', async (t) => {
  const { room, user, id, arn: key } = await shop(t)
  const only = when('StringEquals', `${encryption}-aws-kms-key-id`, key)
  await room.s3.putBucketPolicy({ Bucket, Policy: document(allow('s3:PutObject', { ...nobody, ...OBJECTS, ...only })) })
  // It gets as far as the key, which this user has no right to.
  for (const SSEKMSKeyId of [id, key])
    await refuses(t, put({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId })(user('nobody').s3), 'AccessDenied', /kms:/)
  await refuses(t, put({ ServerSideEncryption: 'aws:kms' })(user('nobody').s3), 'AccessDenied', /s3:PutObject/)
})

test('who may not list a bucket does not learn what there is not', async (t) => {
  const { room, user } = await shop(t)
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  t.is(await got(user('blind'), 'k'), 'hello')
  await refuses(t, user('blind').s3.getObject({ Bucket, Key: 'none' }), 'AccessDenied', /s3:ListBucket/)
  await refuses(t, user('reader').s3.getObject({ Bucket, Key: 'none' }), 'NoSuchKey')
})

test('a copy takes leave to read and leave to write', async (t) => {
  const { room, user } = await shop(t)
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  const copy = (name: string) => user(name).s3.copyObject({ Bucket, Key: 'copy', CopySource: `${Bucket}/k` })
  await refuses(t, copy('reader'), 'AccessDenied', /s3:PutObject/)
  await refuses(t, copy('nobody'), 'AccessDenied', /s3:GetObject/)
  await t.notThrowsAsync(copy('blind'))
})

const policies: readonly [string, string, string | undefined][] = [
  ['about its objects', document(allow('s3:GetObject', { Principal: '*', ...OBJECTS })), undefined],
  ['about itself', document(allow('s3:ListBucket', { Principal: '*', ...ITSELF })), undefined],
  ['of a denial', document(deny('s3:*', { Principal: '*', Resource: [ITSELF.Resource, OBJECTS.Resource] })), undefined],
  ['that is no JSON', 'yes', 'MalformedPolicy'],
  ['that names nobody', document(allow('s3:GetObject', OBJECTS)), 'MalformedPolicy'],
  ['that names nobody there could be', document(allow('s3:*', { ...to('me'), ...OBJECTS })), 'MalformedPolicy'],
  ['about another service', document(allow('kms:Decrypt', { Principal: '*', ...OBJECTS })), 'MalformedPolicy'],
  ['about everything', document(allow('s3:GetObject', { Principal: '*' })), 'MalformedPolicy'],
  [
    'about another bucket',
    document(allow('s3:GetObject', { Principal: '*', Resource: `arn:aws:s3:::${Bucket}2/*` })),
    'MalformedPolicy',
  ],
  ['of 21 KiB', `${document(allow('s3:*', { Principal: '*', ...OBJECTS }))}${' '.repeat(21 * 1024)}`, 'PolicyTooLarge'],
]
test('a bucket policy is kept as it was given, or refused', async (t) => {
  const { room } = await shop(t)
  await refuses(t, room.s3.getBucketPolicy({ Bucket }), 'NoSuchBucketPolicy')
  for (const [title, Policy, code] of policies) {
    const set = room.s3.putBucketPolicy({ Bucket, Policy })
    if (code !== undefined) {
      await refuses(t, set, code)
      continue
    }
    await set
    t.is((await room.s3.getBucketPolicy({ Bucket })).Policy, Policy, title)
  }
  await room.s3.deleteBucketPolicy({ Bucket })
  await refuses(t, room.s3.getBucketPolicy({ Bucket }), 'NoSuchBucketPolicy')
})

test('the root of the account takes back a policy that locks everybody out, and nobody else does', async (t) => {
  const { room, user } = await shop(t)
  const all = { Principal: '*', Resource: [ITSELF.Resource, OBJECTS.Resource] }
  await room.s3.putBucketPolicy({ Bucket, Policy: document(deny('s3:*', all)) })
  await refuses(t, room.s3.listObjectsV2({ Bucket }), 'AccessDenied')
  await refuses(t, user('admin').s3.deleteBucketPolicy({ Bucket }), 'AccessDenied')
  await room.s3.deleteBucketPolicy({ Bucket })
  await t.notThrowsAsync(room.s3.listObjectsV2({ Bucket }))
})
