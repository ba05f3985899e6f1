/** What operations ask besides their own action: aliases, tags, other Regions, grants that are retired, lists of nobody's. */
import test from 'ava'
import { bytes, refuses } from '../helpers/scene.ts'
import { allow, arn, AWAY, delegating, deny, HOME, inline, stage, to, when } from './stage.ts'

const Plaintext = bytes('hello')

/** People who may all of KMS but for one thing. */
const ACCOUNTS = [
  {
    id: HOME,
    users: [
      { name: 'all', ...inline(allow('kms:*')) },
      { name: 'untagging', ...inline(allow('kms:*'), deny('kms:TagResource')) },
      {
        name: 'homely',
        ...inline(allow('kms:*'), deny('kms:CreateKey', when('StringEquals', 'aws:RequestedRegion', 'eu-west-1'))),
      },
      { name: 'lister', ...inline(allow(['kms:ListKeys', 'kms:ListAliases', 'kms:ListRetirableGrants'])) },
      { name: 'nobody' },
      {
        name: 'namer',
        ...inline(
          allow(['kms:CreateAlias', 'kms:UpdateAlias', 'kms:DeleteAlias'], { Resource: 'arn:aws:kms:*:*:alias/*' }),
        ),
      },
      {
        name: 'period',
        ...inline(
          allow(
            'kms:ScheduleKeyDeletion',
            when('NumericGreaterThanEquals', 'kms:ScheduleKeyDeletionPendingWindowInDays', 30),
          ),
        ),
      },
      { name: 'maker', ...inline(allow('kms:CreateKey', when('StringEquals', 'kms:KeySpec', 'HMAC_256'))) },
    ],
  },
  { id: AWAY, users: [{ name: 'partner', ...inline(allow('kms:*')) }] },
]

const scene = (t: Parameters<typeof stage>[0]) => stage(t, { accounts: ACCOUNTS })

test('an alias is asked for itself and for its key', async (t) => {
  const { as, key } = await scene(t)
  const namer = as(arn.user('namer'))
  const open = await key(
    delegating,
    allow(['kms:CreateAlias', 'kms:UpdateAlias', 'kms:DeleteAlias'], to(arn.user('namer'))),
  )
  const closed = await key(delegating)
  await refuses(
    t,
    namer.createAlias({ AliasName: 'alias/one', TargetKeyId: closed }),
    'AccessDeniedException',
    /resource: arn:aws:kms:us-east-1:\d+:key\//,
  )
  await namer.createAlias({ AliasName: 'alias/one', TargetKeyId: open })
  await refuses(
    t,
    namer.updateAlias({ AliasName: 'alias/one', TargetKeyId: closed }),
    'AccessDeniedException',
    new RegExp(closed),
  )
  await as(arn.user('all')).updateAlias({ AliasName: 'alias/one', TargetKeyId: closed })
  // Now the key it is taken from says no, though the new one would say yes.
  await refuses(
    t,
    namer.updateAlias({ AliasName: 'alias/one', TargetKeyId: open }),
    'AccessDeniedException',
    new RegExp(closed),
  )
  await refuses(t, namer.deleteAlias({ AliasName: 'alias/one' }), 'AccessDeniedException', new RegExp(closed))
  await as(arn.user('all')).updateAlias({ AliasName: 'alias/one', TargetKeyId: open })
  await t.notThrowsAsync(namer.deleteAlias({ AliasName: 'alias/one' }))
})

test('an alias is asked for by IAM policies alone, whatever the key says', async (t) => {
  const { as, key } = await scene(t)
  const KeyId = await key(delegating, allow('kms:CreateAlias', to(arn.user('nobody'))))
  const asked = as(arn.user('nobody')).createAlias({ AliasName: 'alias/one', TargetKeyId: KeyId })
  await refuses(t, asked, 'AccessDeniedException', /alias\/one because no identity-based policy allows/)
})

test('a key made with tags is made by who may tag', async (t) => {
  const { as } = await scene(t)
  const Tags = [{ TagKey: 'a', TagValue: 'b' }]
  await t.notThrowsAsync(as(arn.user('untagging')).createKey({}))
  await refuses(
    t,
    as(arn.user('untagging')).createKey({ Tags }),
    'AccessDeniedException',
    /kms:TagResource on resource: \* with an explicit deny/,
  )
  await t.notThrowsAsync(as(arn.user('all')).createKey({ Tags }))
})

test('a key is made as the policy wants it, and no other', async (t) => {
  const { as } = await scene(t)
  const maker = as(arn.user('maker'))
  await t.notThrowsAsync(maker.createKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }))
  await refuses(t, maker.createKey({}), 'AccessDeniedException')
  await t.notThrowsAsync(maker.createKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }))
})

test('a key is replicated by who may create one there', async (t) => {
  const { room, as } = await scene(t)
  const KeyId = (await room.createKey({ MultiRegion: true })).KeyMetadata!.KeyId
  const ask = (who: string) => as(arn.user(who)).replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  await refuses(t, ask('homely'), 'AccessDeniedException', /kms:CreateKey on resource: \* with an explicit deny/)
  await t.notThrowsAsync(ask('all'))
})

test('what concerns no key is for IAM policies to allow', async (t) => {
  const { as } = await scene(t)
  await t.notThrowsAsync(as(arn.user('lister')).listKeys())
  await t.notThrowsAsync(as(arn.user('lister')).listAliases())
  for (const asked of [
    () => as(arn.user('nobody')).listKeys(),
    () => as(arn.user('lister')).generateRandom({ NumberOfBytes: 8 }),
  ]) {
    await refuses(t, asked(), 'AccessDeniedException', /on resource: \* because no identity-based policy allows/)
  }
})

test('grants to retire are listed to their own account', async (t) => {
  const { as } = await scene(t)
  const RetiringPrincipal = arn.user('lister')
  await t.notThrowsAsync(as(arn.user('lister')).listRetirableGrants({ RetiringPrincipal }))
  await refuses(t, as(arn.user('nobody')).listRetirableGrants({ RetiringPrincipal }), 'AccessDeniedException')
  await refuses(t, as(arn.user('partner', AWAY)).listRetirableGrants({ RetiringPrincipal }), 'AccessDeniedException')
})

test('what a request leaves out has its default in conditions', async (t) => {
  const { as, key } = await scene(t)
  const KeyId = await key(delegating)
  await refuses(
    t,
    as(arn.user('period')).scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 }),
    'AccessDeniedException',
  )
  await t.notThrowsAsync(as(arn.user('period')).scheduleKeyDeletion({ KeyId }))
})

test('another account may use a key, and never manage it', async (t) => {
  const { as, key } = await scene(t)
  const KeyId = await key(delegating, allow('kms:*', to(arn.root(AWAY))))
  const partner = as(arn.user('partner', AWAY))
  await t.notThrowsAsync(partner.encrypt({ KeyId, Plaintext }))
  await t.notThrowsAsync(partner.describeKey({ KeyId }))
  for (const asked of [
    partner.disableKey({ KeyId }),
    partner.getKeyPolicy({ KeyId }),
    partner.scheduleKeyDeletion({ KeyId }),
  ]) {
    await refuses(t, asked, 'AccessDeniedException', /because no resource-based policy allows/)
  }
})

test('re-encryption is asked of both keys', async (t) => {
  const { as, key, room } = await scene(t)
  const from = await key(delegating, allow('kms:ReEncryptFrom', to(arn.user('nobody'))))
  const onward = await key(delegating, allow('kms:ReEncryptTo', to(arn.user('nobody'))))
  const { CiphertextBlob } = await room.encrypt({ KeyId: from, Plaintext })
  const nobody = as(arn.user('nobody'))
  const ask = (SourceKeyId: string, DestinationKeyId: string, blob = CiphertextBlob) =>
    nobody.reEncrypt({ CiphertextBlob: blob!, SourceKeyId, DestinationKeyId })
  t.is((await ask(from, onward)).KeyId, onward)
  await refuses(t, ask(from, from), 'AccessDeniedException', /kms:ReEncryptTo/)
  const other = (await room.encrypt({ KeyId: onward, Plaintext })).CiphertextBlob
  await refuses(t, ask(onward, onward, other), 'AccessDeniedException', /kms:ReEncryptFrom/)
})

test('a service speaks for itself, and a forwarded request for its caller', async (t) => {
  const { room, key } = await scene(t)
  const service = 's3.amazonaws.com'
  const bucket = 'arn:aws:s3:::bucket'
  const KeyId = await key(
    delegating,
    allow('kms:Encrypt', { Principal: { Service: service }, ...when('ArnEquals', 'aws:SourceArn', bucket) }),
    allow('kms:Decrypt', {
      ...to(arn.user('nobody')),
      ...when('StringEquals', 'kms:ViaService', 's3.us-east-1.amazonaws.com'),
    }),
  )
  const { CiphertextBlob } = await room.as({ service, sourceArn: bucket }).encrypt({ KeyId, Plaintext })
  await refuses(t, room.as({ service }).encrypt({ KeyId, Plaintext }), 'AccessDeniedException')
  await refuses(
    t,
    room.as({ service: 'ec2.amazonaws.com', sourceArn: bucket }).encrypt({ KeyId, Plaintext }),
    'AccessDeniedException',
  )
  const nobody = arn.user('nobody')
  const ask = (via?: string) => room.as({ arn: nobody, via }).decrypt({ KeyId, CiphertextBlob: CiphertextBlob! })
  await t.notThrowsAsync(ask(service))
  await refuses(t, ask(), 'AccessDeniedException')
  await refuses(t, ask('rds.amazonaws.com'), 'AccessDeniedException')
})

test('an interface endpoint has its say', async (t) => {
  const { room, key } = await scene(t)
  const KeyId = await key(
    delegating,
    allow('kms:Encrypt', { ...to(arn.user('nobody')), ...when('StringEquals', 'aws:SourceVpce', 'vpce-1') }),
  )
  const endpoint = { id: 'vpce-1', vpc: 'vpc-1', account: HOME, policy: undefined }
  const who = { arn: arn.user('nobody') }
  await t.notThrowsAsync(room.as({ ...who, endpoint }).encrypt({ KeyId, Plaintext }))
  await refuses(t, room.as(who).encrypt({ KeyId, Plaintext }), 'AccessDeniedException')
  await refuses(
    t,
    room.as({ ...who, endpoint: { ...endpoint, id: 'vpce-2' } }).encrypt({ KeyId, Plaintext }),
    'AccessDeniedException',
  )
})
