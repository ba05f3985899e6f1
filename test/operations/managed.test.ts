/** Keys that AWS manages: made on sight, shown, and not to be touched. */
import test from 'ava'
import type { Client } from '../../src/index.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'

const KeyId = 'alias/aws/s3'

test('to describe the alias of a service is to have its key made, once', async (t) => {
  const { room } = await scene(t)
  const asked = Array.from({ length: 8 }, () => room.describeKey({ KeyId }))
  const made = (await Promise.all(asked)).map(({ KeyMetadata }) => KeyMetadata!)
  t.is(new Set(made.map((metadata) => metadata.KeyId)).size, 1)
  const { KeyId: id, Arn } = made[0]!
  t.like(made[0], {
    KeyManager: 'AWS',
    KeyState: 'Enabled',
    KeySpec: 'SYMMETRIC_DEFAULT',
    KeyUsage: 'ENCRYPT_DECRYPT',
    Origin: 'AWS_KMS',
    MultiRegion: false,
    Description: 'Default key that protects my S3 objects when no other key is defined',
  })
  t.is((await room.describeKey({ KeyId: `arn:aws:kms:us-east-1:000000000000:${KeyId}` })).KeyMetadata!.KeyId, id)
  t.true((await room.listKeys()).Keys!.some(({ KeyArn }) => KeyArn === Arn))
})

test('each service, account and Region has a key of its own', async (t) => {
  const { room } = await scene(t)
  const rooms: Client[] = [room, room.as({ region: 'eu-west-1' }), room.as({ account: '111122223333' })]
  const made = await Promise.all([
    ...rooms.map((each) => each.describeKey({ KeyId })),
    room.describeKey({ KeyId: 'alias/aws/ebs' }),
  ])
  t.is(new Set(made.map(({ KeyMetadata }) => KeyMetadata!.Arn)).size, 4)
})

test('only the names of services that have managed keys make any', async (t) => {
  const { room } = await scene(t)
  for (const name of ['alias/aws/nothing', 'alias/aws/constructor', 'alias/aws/', 'alias/s3']) {
    await refuses(t, room.describeKey({ KeyId: name }), 'NotFoundException')
  }
  const theirs = 'arn:aws:kms:us-east-1:111122223333:alias/aws/s3'
  await refuses(t, room.describeKey({ KeyId: theirs }), 'AccessDeniedException')
  const elsewhere = 'arn:aws:kms:eu-west-1:000000000000:alias/aws/s3'
  await refuses(t, room.describeKey({ KeyId: elsewhere }), 'NotFoundException', 'Invalid arn eu-west-1')
  await refuses(t, room.encrypt({ KeyId, Plaintext: bytes('x') }), 'NotFoundException')
})

test('a service that encrypts for somebody has the key made by using it', async (t) => {
  const { room } = await scene(t)
  const asked = { KeyId, KeySpec: 'AES_256' } as const
  await refuses(t, room.generateDataKey(asked), 'NotFoundException')
  const service = room.as({ via: 's3.amazonaws.com' })
  const made = await Promise.all(Array.from({ length: 8 }, () => service.generateDataKey(asked)))
  t.is(new Set(made.map((each) => each.KeyId)).size, 1)
  t.is((await room.describeKey({ KeyId })).KeyMetadata!.Arn, made[0]!.KeyId)
  await refuses(t, room.generateDataKey(asked), 'AccessDeniedException')
})

test('ListAliases shows the names of services, with a key once there is one, in the order of all names', async (t) => {
  const { room, id } = await scene(t)
  await room.createAlias({ AliasName: 'alias/aws-like', TargetKeyId: id })
  const before = (await room.listAliases()).Aliases!
  const arn = `arn:aws:kms:us-east-1:000000000000:${KeyId}`
  t.deepEqual(
    before.find(({ AliasName }) => AliasName === KeyId),
    { AliasName: KeyId, AliasArn: arn },
  )
  const { KeyMetadata } = await room.describeKey({ KeyId })
  const after = (await room.listAliases()).Aliases!
  t.deepEqual(
    after.map(({ AliasName }) => AliasName),
    before.map(({ AliasName }) => AliasName),
  )
  t.like(
    after.find(({ AliasName }) => AliasName === KeyId),
    { AliasArn: arn, TargetKeyId: KeyMetadata!.KeyId },
  )
  t.deepEqual(
    (await room.listAliases({ KeyId: id })).Aliases!.map(({ AliasName }) => AliasName),
    ['alias/aws-like'],
  )

  const paged: string[] = []
  let Marker: string | undefined
  do {
    const page = await room.listAliases({ Limit: 1, Marker })
    paged.push(...page.Aliases!.map(({ AliasName }) => AliasName!))
    Marker = page.NextMarker
  } while (Marker)
  t.deepEqual(
    paged,
    after.map(({ AliasName }) => AliasName!),
  )
})

test('its policy lets callers use it through the service alone, and the account look at it', async (t) => {
  const { room } = await scene(t)
  const policyOf = async (name: string) => {
    await room.describeKey({ KeyId: `alias/aws/${name}` })
    const { TargetKeyId } = (await room.listAliases()).Aliases!.find(
      ({ AliasName }) => AliasName === `alias/aws/${name}`,
    )!
    return JSON.parse((await room.getKeyPolicy({ KeyId: TargetKeyId! })).Policy!)
  }
  t.deepEqual(await policyOf('s3'), {
    Version: '2012-10-17',
    Id: 'auto-s3-2',
    Statement: [
      {
        Sid: 'Allow access through S3 for all principals in the account that are authorized to use S3',
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
        Resource: '*',
        Condition: {
          StringEquals: { 'kms:CallerAccount': '000000000000', 'kms:ViaService': 's3.us-east-1.amazonaws.com' },
        },
      },
      {
        Sid: 'Allow direct access to key metadata to the account',
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::000000000000:root' },
        Action: ['kms:Describe*', 'kms:Get*', 'kms:List*'],
        Resource: '*',
      },
    ],
  })
  const ebs = await policyOf('ebs')
  t.is(ebs.Statement[0].Condition.StringEquals['kms:ViaService'], 'ec2.us-east-1.amazonaws.com')
  t.true(ebs.Statement[0].Action.includes('kms:CreateGrant'))
  t.true(ebs.Statement[1].Action.includes('kms:RevokeGrant'))
  const secrets = await policyOf('secretsmanager')
  t.deepEqual(
    secrets.Statement.map(({ Action }: { Action: string[] }) => Action.includes('kms:GenerateDataKey*')),
    [false, true, false],
  )
  t.deepEqual((await policyOf('dynamodb')).Statement[2].Principal, { Service: 'dynamodb.amazonaws.com' })
})

/** What a customer may ask of a managed key, and what not. */
const ALLOWED = 'works'
const DENIED = 'AccessDeniedException'
const ASKED: [name: string, outcome: string, act: (room: Client, KeyId: string) => Promise<unknown>][] = [
  ['DescribeKey', ALLOWED, (room, KeyId) => room.describeKey({ KeyId })],
  ['GetKeyPolicy', ALLOWED, (room, KeyId) => room.getKeyPolicy({ KeyId })],
  ['GetKeyRotationStatus', ALLOWED, (room, KeyId) => room.getKeyRotationStatus({ KeyId })],
  ['GetKeyLastUsage', ALLOWED, (room, KeyId) => room.getKeyLastUsage({ KeyId })],
  ['ListGrants', ALLOWED, (room, KeyId) => room.listGrants({ KeyId })],
  ['ListKeyPolicies', ALLOWED, (room, KeyId) => room.listKeyPolicies({ KeyId })],
  ['ListKeyRotations', ALLOWED, (room, KeyId) => room.listKeyRotations({ KeyId })],
  ['ListResourceTags', ALLOWED, (room, KeyId) => room.listResourceTags({ KeyId })],
  ['Encrypt', DENIED, (room, KeyId) => room.encrypt({ KeyId, Plaintext: bytes('x') })],
  ['GenerateDataKey', DENIED, (room, KeyId) => room.generateDataKey({ KeyId, KeySpec: 'AES_256' })],
  ['Encrypt, dry', DENIED, (room, KeyId) => room.encrypt({ KeyId, Plaintext: bytes('x'), DryRun: true })],
  [
    'CreateGrant',
    DENIED,
    (room, KeyId) =>
      room.createGrant({ KeyId, GranteePrincipal: 'arn:aws:iam::000000000000:root', Operations: ['Decrypt'] }),
  ],
  [
    'PutKeyPolicy',
    DENIED,
    (room, KeyId) =>
      room.putKeyPolicy({
        KeyId,
        Policy: '{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}',
      }),
  ],
  ['DisableKey', DENIED, (room, KeyId) => room.disableKey({ KeyId })],
  ['EnableKey', DENIED, (room, KeyId) => room.enableKey({ KeyId })],
  ['ScheduleKeyDeletion', DENIED, (room, KeyId) => room.scheduleKeyDeletion({ KeyId })],
  ['CancelKeyDeletion', DENIED, (room, KeyId) => room.cancelKeyDeletion({ KeyId })],
  ['EnableKeyRotation', DENIED, (room, KeyId) => room.enableKeyRotation({ KeyId })],
  ['DisableKeyRotation', DENIED, (room, KeyId) => room.disableKeyRotation({ KeyId })],
  ['RotateKeyOnDemand', DENIED, (room, KeyId) => room.rotateKeyOnDemand({ KeyId })],
  ['TagResource', DENIED, (room, KeyId) => room.tagResource({ KeyId, Tags: [] })],
  ['UntagResource', DENIED, (room, KeyId) => room.untagResource({ KeyId, TagKeys: [] })],
  ['UpdateKeyDescription', DENIED, (room, KeyId) => room.updateKeyDescription({ KeyId, Description: '' })],
  ['CreateAlias', DENIED, (room, KeyId) => room.createAlias({ AliasName: 'alias/mine', TargetKeyId: KeyId })],
  [
    'UpdateAlias',
    'NotAuthorizedException',
    (room, KeyId) => room.updateAlias({ AliasName: 'alias/aws/s3', TargetKeyId: KeyId }),
  ],
  ['DeleteAlias', 'NotAuthorizedException', (room) => room.deleteAlias({ AliasName: 'alias/aws/s3' })],
]

for (const [name, outcome, act] of ASKED) {
  test(`${name} of an AWS managed key: ${outcome}`, async (t) => {
    const { room } = await scene(t)
    const { Arn } = (await room.describeKey({ KeyId })).KeyMetadata!
    if (outcome === ALLOWED) await t.notThrowsAsync(act(room, Arn!))
    else if (outcome !== DENIED) await refuses(t, act(room, Arn!), outcome)
    else {
      const action = name.split(',')[0]!
      const message = `User: arn:aws:iam::000000000000:root is not authorized to perform: kms:${action} on resource: ${Arn!} because no resource-based policy allows the kms:${action} action`
      await refuses(t, act(room, Arn!), DENIED, message)
    }
  })
}

test('it rotates every year', async (t) => {
  const { room, pass } = await scene(t)
  const { KeyId: id, CurrentKeyMaterialId: first } = (await room.describeKey({ KeyId })).KeyMetadata!
  t.true((await room.getKeyRotationStatus({ KeyId: id })).KeyRotationEnabled)
  pass(364)
  t.is((await room.describeKey({ KeyId })).KeyMetadata!.CurrentKeyMaterialId, first)
  pass(1)
  t.not((await room.describeKey({ KeyId })).KeyMetadata!.CurrentKeyMaterialId, first)
  t.is((await room.listKeyRotations({ KeyId: id })).Rotations!.length, 1)
})
