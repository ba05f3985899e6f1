/** Who is not who they seem: aliases that are moved, services that are tricked, headers that are made up, keys that are sounded out. */
import test from 'ava'
import { KmsError, type Client } from '../../src/index.ts'
import { allow, arn, AWAY, delegating, deny, HOME, inline, stage, to, when } from '../authorize/stage.ts'
import { bytes, refuses } from '../helpers/scene.ts'
import { HOST, signed } from '../http/sign.ts'

const Plaintext = bytes('hello')
const DENIED = 'AccessDeniedException'
const BUCKET = 'arn:aws:s3:::bucket'

const ALIASES = `arn:aws:kms:*:${HOME}:alias/*`
const ACCOUNTS = [
  {
    id: HOME,
    accessKeys: [{ id: 'home', secret: 'home' }],
    users: [
      { name: 'victim', ...inline(allow(['kms:Encrypt', 'kms:Decrypt'])) },
      {
        name: 'mallory',
        accessKeys: [{ id: 'mallory', secret: 'mallory' }],
        ...inline(allow('kms:UpdateAlias', { Resource: ALIASES })),
      },
      { name: 'reader', ...inline(allow('kms:Decrypt', { Resource: `arn:aws:kms:us-east-1:${HOME}:alias/app` })) },
    ],
  },
  { id: AWAY, users: [{ name: 'partner', ...inline(allow('kms:*')) }] },
]

// Aliases -------------------------------------------------------------------------------------------

const MOVES: [sentence: string, alias: boolean, old: boolean, fresh: boolean][] = [
  ['the alias and both keys let it', true, true, true],
  ['the alias does not let it', false, true, true],
  ['the old key does not let it', true, false, true],
  ['the new key does not let it', true, true, false],
]

for (const [sentence, alias, old, fresh] of MOVES) {
  test(`an alias is moved if ${sentence}: ${alias && old && fresh}`, async (t) => {
    const { room, as, key } = await stage(t, { accounts: ACCOUNTS })
    const who = alias ? 'mallory' : 'victim'
    const open = allow('kms:UpdateAlias', to(arn.user(who)))
    const from = await key(delegating, ...(old ? [open] : []))
    const TargetKeyId = await key(delegating, ...(fresh ? [open] : []))
    await room.createAlias({ AliasName: 'alias/app', TargetKeyId: from })
    const moved = as(arn.user(who)).updateAlias({ AliasName: 'alias/app', TargetKeyId })
    await (alias && old && fresh ? t.notThrowsAsync(moved) : refuses(t, moved, DENIED))
    const { KeyMetadata } = await room.describeKey({ KeyId: 'alias/app' })
    t.is(KeyMetadata!.Arn, alias && old && fresh ? TargetKeyId : from)
  })
}

test('rights to an alias are none to the key behind it, and do not come along when it moves', async (t) => {
  const { room, as, key } = await stage(t, { accounts: ACCOUNTS })
  const [first, second] = [await key(delegating), await key(delegating)]
  await room.createAlias({ AliasName: 'alias/app', TargetKeyId: first })
  const { CiphertextBlob } = await room.encrypt({ KeyId: 'alias/app', Plaintext })
  const opened = (who: string, KeyId: string) => as(arn.user(who)).decrypt({ KeyId, CiphertextBlob: CiphertextBlob! })
  await refuses(t, opened('reader', 'alias/app'), DENIED)
  await t.notThrowsAsync(opened('victim', 'alias/app'))
  await room.updateAlias({ AliasName: 'alias/app', TargetKeyId: second })
  await refuses(t, opened('victim', 'alias/app'), 'IncorrectKeyException')
  await t.notThrowsAsync(opened('victim', first))
})

test('an alias that opens a key does so on that key alone', async (t) => {
  const { room, as, key } = await stage(t, { accounts: ACCOUNTS })
  const door = allow('kms:Encrypt', {
    ...to(arn.user('mallory'), arn.user('partner', AWAY)),
    ...when('StringEquals', 'kms:RequestAlias', 'alias/door'),
  })
  const open = await key(delegating, door)
  const closed = await key(delegating)
  await room.createAlias({ AliasName: 'alias/door', TargetKeyId: open })
  const mallory = as(arn.user('mallory'))
  t.is((await mallory.encrypt({ KeyId: 'alias/door', Plaintext })).KeyId, open)
  await refuses(t, mallory.encrypt({ KeyId: open, Plaintext }), DENIED)
  await room.updateAlias({ AliasName: 'alias/door', TargetKeyId: closed })
  await refuses(t, mallory.encrypt({ KeyId: 'alias/door', Plaintext }), DENIED)
  // An alias of one's own that is called the same is another alias, of another key.
  const partner = as(arn.user('partner', AWAY))
  const own = (await partner.createKey({})).KeyMetadata!.Arn!
  await partner.createAlias({ AliasName: 'alias/door', TargetKeyId: own })
  t.is((await partner.encrypt({ KeyId: 'alias/door', Plaintext })).KeyId, own)
  await refuses(t, partner.encrypt({ KeyId: open, Plaintext }), DENIED)
})

// Services ------------------------------------------------------------------------------------------

test('a service is let in for the resource it was let in for', async (t) => {
  const { room, key } = await stage(t, { accounts: ACCOUNTS })
  const KeyId = await key(
    delegating,
    allow('kms:Encrypt', { Principal: { Service: 's3.amazonaws.com' }, ...when('ArnLike', 'aws:SourceArn', BUCKET) }),
  )
  const asked = (who: object) => room.as({ account: HOME, ...who }).encrypt({ KeyId, Plaintext })
  await t.notThrowsAsync(asked({ service: 's3.amazonaws.com', sourceArn: BUCKET, sourceAccount: HOME }))
  for (const who of [
    { service: 's3.amazonaws.com', sourceArn: `${BUCKET}-of-mallory`, sourceAccount: AWAY },
    { service: 's3.amazonaws.com', sourceAccount: HOME },
    { service: 'ec2.amazonaws.com', sourceArn: BUCKET },
    { arn: arn.user('mallory'), via: 's3.amazonaws.com' },
    { arn: arn.user('mallory'), sourceArn: BUCKET },
  ]) {
    await refuses(t, asked(who), DENIED)
  }
})

test('what a request says of itself in headers is no condition key', async (t) => {
  const { room, key } = await stage(t, { accounts: ACCOUNTS })
  const mallory = arn.user('mallory')
  const KeyId = await key(
    delegating,
    allow('kms:Encrypt', { ...to(mallory), ...when('StringEquals', 'kms:ViaService', 's3.us-east-1.amazonaws.com') }),
    allow('kms:Encrypt', { ...to(mallory), ...when('ArnEquals', 'aws:SourceArn', BUCKET) }),
    allow('kms:Encrypt', { ...to(mallory), ...when('Bool', 'aws:ViaAWSService', 'true') }),
    allow('kms:Encrypt', { ...to(mallory), ...when('StringEquals', 'aws:SourceVpce', 'vpce-1') }),
    allow('kms:Encrypt', { ...to(mallory), ...when('IpAddress', 'aws:SourceIp', '10.0.0.1') }),
    allow('kms:DescribeKey', to(mallory)),
  )
  const headers = {
    'aws-source-arn': BUCKET,
    'x-amz-source-arn': BUCKET,
    'x-amz-source-account': HOME,
    'x-amz-via-service': 's3.us-east-1.amazonaws.com',
    'x-amzn-vpce-id': 'vpce-1',
    'x-forwarded-for': '10.0.0.1',
    forwarded: 'for=10.0.0.1',
    via: '1.1 s3.amazonaws.com',
  }
  const call = async (operation: string, input: object) => {
    const body = JSON.stringify(input)
    const request = await signed(operation, {
      ...{ body, headers, region: 'us-east-1', at: new Date(Date.UTC(2026, 0, 1)) },
      ...{ accessKeyId: 'mallory', secretAccessKey: 'mallory' },
    })
    return room.fetch(new Request(`http://${HOST}/`, { method: 'POST', headers: request.headers, body }))
  }
  const refused = await call('Encrypt', { KeyId, Plaintext: Buffer.from(Plaintext).toString('base64') })
  t.regex(await refused.text(), /AccessDeniedException/)
  t.is(refused.status, 400)
  t.is((await call('DescribeKey', { KeyId })).status, 200)
})

// What strangers learn ------------------------------------------------------------------------------

const MISSING = '00000000-0000-4000-8000-000000000000'

const SOUNDINGS: [name: string, ask: (client: Client, KeyId: string) => Promise<unknown>][] = [
  ['Encrypt', (client, KeyId) => client.encrypt({ KeyId, Plaintext })],
  ['DescribeKey', (client, KeyId) => client.describeKey({ KeyId })],
  ['GetPublicKey', (client, KeyId) => client.getPublicKey({ KeyId })],
  ['ListGrants', (client, KeyId) => client.listGrants({ KeyId })],
  ['GetKeyPolicy', (client, KeyId) => client.getKeyPolicy({ KeyId })],
  ['DisableKey', (client, KeyId) => client.disableKey({ KeyId })],
  ['Sign', (client, KeyId) => client.sign({ KeyId, Message: Plaintext, SigningAlgorithm: 'ECDSA_SHA_256' })],
]

for (const [name, ask] of SOUNDINGS) {
  test(`${name} tells a stranger the same of a key that is there and one that is not`, async (t) => {
    const { room, as, key } = await stage(t, { accounts: ACCOUNTS })
    const stranger = as(arn.user('partner', AWAY))
    const there = await key(delegating)
    const disabled = await key(delegating)
    await room.disableKey({ KeyId: disabled })
    const told = async (KeyId: string) => {
      const { code, message } = await t.throwsAsync(ask(stranger, KeyId), { instanceOf: KmsError })
      return `${code} ${message.replaceAll(KeyId, 'KEY')}`
    }
    const missing = await told(`arn:aws:kms:us-east-1:${HOME}:key/${MISSING}`)
    t.is(await told(there), missing)
    t.is(await told(disabled), missing)
    t.regex(missing, /^AccessDeniedException /)
  })
}

test('an explicit no is not a way to hear of a key', async (t) => {
  const { as, key } = await stage(t, { accounts: ACCOUNTS })
  const stranger = as(arn.user('partner', AWAY))
  const denying = await key(delegating, deny('kms:*', to(arn.user('partner', AWAY))))
  await refuses(t, stranger.describeKey({ KeyId: denying }), DENIED)
  const { CiphertextBlob } = await as(arn.user('victim')).encrypt({ KeyId: await key(delegating), Plaintext })
  await refuses(
    t,
    stranger.decrypt({ CiphertextBlob: CiphertextBlob! }),
    DENIED,
    /does not exist|not allowed to access/,
  )
})
