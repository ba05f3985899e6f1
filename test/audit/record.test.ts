/** Who called, from where, in whose name: and who else gets a record of it. */
import test from 'ava'
import type { CloudTrailRecord, UserIdentity } from '../../src/audit/cloudtrail.ts'
import type { ObservedCaller, ObservedContext, ServiceEvent } from '../../src/audit/observed.ts'
import { textOf } from '../../src/audit/record.ts'
import { KmsError } from '../../src/errors.ts'
import {
  alice,
  byAlice,
  calling,
  committed,
  encrypting,
  HERE,
  KEY,
  keyIn,
  NOON,
  onRecord,
  THERE,
  trailed,
} from './scene.ts'

const ENCRYPT = { name: 'Encrypt' } as const

const carol: ObservedCaller = {
  type: 'AssumedRole',
  arn: `arn:aws:sts::${HERE}:assumed-role/app/carol`,
  account: HERE,
  accessKeyId: 'ASIAEXAMPLE',
  principalId: 'AROAEXAMPLE:carol',
  userName: undefined,
  session: {
    created: NOON - 1000,
    mfa: false,
    sourceIdentity: 'carol@example.com',
    issuer: {
      type: 'Role',
      principalId: 'AROAEXAMPLE',
      arn: `arn:aws:iam::${HERE}:role/path/app`,
      account: HERE,
      userName: 'app',
    },
  },
}
const carolTold: UserIdentity = {
  type: 'AssumedRole',
  principalId: 'AROAEXAMPLE:carol',
  arn: carol.arn,
  accountId: HERE,
  accessKeyId: 'ASIAEXAMPLE',
  sessionContext: {
    sessionIssuer: {
      type: 'Role',
      principalId: 'AROAEXAMPLE',
      arn: `arn:aws:iam::${HERE}:role/path/app`,
      accountId: HERE,
      userName: 'app',
    },
    attributes: { creationDate: '2026-01-31T12:34:55Z', mfaAuthenticated: 'false' },
    sourceIdentity: 'carol@example.com',
  },
}
const aliceTold: UserIdentity = {
  type: 'IAMUser',
  principalId: alice.principalId,
  arn: alice.arn,
  accountId: HERE,
  accessKeyId: alice.accessKeyId,
  userName: 'alice',
}
const rootArn = `arn:aws:iam::${HERE}:root`
const root: ObservedCaller = {
  ...alice,
  type: 'Root',
  arn: rootArn,
  principalId: HERE,
  accessKeyId: '',
  userName: undefined,
}
const service: ObservedCaller = { ...alice, type: 'Service', arn: 's3.amazonaws.com', accessKeyId: '' }
const forwarded = { service: 's3.amazonaws.com', mode: 'forwarded' } as const
const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', host: 'localhost', keyExchange: 'x25519' }

const identifies = test.macro({
  title: (who) => `userIdentity of ${who}`,
  async exec(t, context: Partial<ObservedContext>, expected: Partial<CloudTrailRecord>) {
    const scene = await trailed(t)
    scene.trail.succeeded(ENCRYPT, encrypting(), { ...byAlice, ...context }, undefined)
    const [record] = await onRecord(scene)
    for (const [name, value] of Object.entries(expected)) t.deepEqual(record![name as keyof CloudTrailRecord], value)
  },
})

test('a user', identifies, {}, { userIdentity: aliceTold, recipientAccountId: HERE, userAgent: 'aws-cli/2' })
test('a role session', identifies, { caller: carol }, { userIdentity: carolTold })
test(
  'the root user',
  identifies,
  { caller: root },
  { userIdentity: { type: 'Root', principalId: HERE, arn: rootArn, accountId: HERE } },
)
test(
  'a service in its own name',
  identifies,
  { caller: service, via: { service: 's3.amazonaws.com', mode: 'principal' } },
  { userIdentity: { type: 'AWSService', invokedBy: 's3.amazonaws.com' }, sourceIPAddress: 's3.amazonaws.com' },
)
test(
  'a service in a user’s name, without the TLS of either',
  identifies,
  { via: forwarded, origin: { ...byAlice.origin, tls } },
  {
    userIdentity: { ...aliceTold, invokedBy: 's3.amazonaws.com' },
    sourceIPAddress: 's3.amazonaws.com',
    userAgent: 's3.amazonaws.com',
    tlsDetails: undefined,
  },
)
test(
  'one who comes over TLS, through an endpoint',
  identifies,
  { origin: { ...byAlice.origin, tls, endpoint: { id: 'vpce-1', account: THERE } } },
  {
    tlsDetails: {
      tlsVersion: 'TLSv1.3',
      cipherSuite: 'TLS_AES_128_GCM_SHA256',
      clientProvidedHostHeader: 'localhost',
      keyExchange: 'x25519',
    },
    vpcEndpointId: 'vpce-1',
    vpcEndpointAccountId: THERE,
  },
)

test('every record has the fields of every record', async (t) => {
  const scene = await trailed(t)
  scene.trail.succeeded(ENCRYPT, encrypting(), byAlice, undefined)
  scene.trail.succeeded(ENCRYPT, encrypting(), { ...byAlice, requestId: undefined }, undefined)
  const [record, unnamed] = await onRecord(scene)
  t.like(record, {
    eventVersion: '1.11',
    eventTime: '2026-01-31T12:34:56Z',
    eventSource: 'kms.amazonaws.com',
    eventName: 'Encrypt',
    awsRegion: 'us-east-1',
    sourceIPAddress: '127.0.0.1',
    requestID: 'request-1',
    eventType: 'AwsApiCall',
    managementEvent: true,
    eventCategory: 'Management',
  })
  t.false('errorCode' in record! || 'sharedEventID' in record! || 'tlsDetails' in record!)
  t.regex(unnamed!.requestID!, /^[0-9a-f-]{36}$/)
  t.not(unnamed!.requestID, unnamed!.eventID)
})

test('a key of another account: its owner gets a record, too, which says less of the caller', async (t) => {
  const scene = await trailed(t)
  const key = keyIn(THERE)
  scene.trail.succeeded(ENCRYPT, { ...encrypting({ a: 'b' }), key }, byAlice, undefined)
  scene.trail.failed(ENCRYPT, { ...encrypting(), key }, byAlice, new KmsError('DisabledException', ''))
  const [own, owners, refused, ...more] = await onRecord(scene)
  t.deepEqual(more, [])
  t.is(refused!.errorCode, 'DisabledException')
  t.is(own!.recipientAccountId, HERE)
  t.is(owners!.recipientAccountId, THERE)
  t.deepEqual(own!.userIdentity, aliceTold)
  t.deepEqual(owners!.userIdentity, { type: 'AWSAccount', principalId: alice.principalId, accountId: HERE })
  t.truthy(own!.sharedEventID)
  t.is(own!.sharedEventID, owners!.sharedEventID)
  t.not(own!.eventID, owners!.eventID)
  t.deepEqual(owners!.requestParameters, own!.requestParameters)
})

test('replication is the creation of a key where the replica is', async (t) => {
  const scene = await trailed(t)
  const arn = `arn:aws:kms:eu-west-1:${HERE}:key/k1`
  const output = { ReplicaKeyMetadata: { KeyId: 'k1', Arn: arn, AWSAccountId: HERE, KeySpec: 'HMAC_256' } }
  const call = calling({ KeyId: 'k1', ReplicaRegion: 'eu-west-1' })
  await committed(scene.store, scene.trail.edit({ name: 'ReplicateKey' }, call, byAlice, output))
  const [here, there] = await onRecord(scene)
  t.deepEqual([here!.eventName, here!.awsRegion], ['ReplicateKey', 'us-east-1'])
  t.like(there, {
    eventName: 'CreateKey',
    awsRegion: 'eu-west-1',
    requestParameters: { keySpec: 'HMAC_256', multiRegion: true },
  })
  t.deepEqual(there!.resources, [{ accountId: HERE, type: 'AWS::KMS::Key', ARN: arn }])
  t.not(here!.eventID, there!.eventID)
})

test('a new primary key is told of in both Regions; the keys only where it was asked for', async (t) => {
  const scene = await trailed(t)
  const call = calling({ KeyId: 'k1', PrimaryRegion: 'eu-west-1' })
  await committed(scene.store, scene.trail.edit({ name: 'UpdatePrimaryRegion' }, call, byAlice, undefined))
  const records = await onRecord(scene)
  t.deepEqual(
    records.map(({ awsRegion, resources }) => [awsRegion, resources?.length]),
    [
      ['us-east-1', 1],
      ['eu-west-1', undefined],
    ],
  )
})

test('an attested recipient is told by its measurements', async (t) => {
  const scene = await trailed(t)
  const pcrs = new Map([
    [0, Buffer.from('aa', 'hex')],
    [4, Buffer.from('bb', 'hex')],
    [5, Buffer.from('cc', 'hex')],
  ])
  for (const platform of ['enclave', 'tpm'] as const) {
    const recipient = { moduleId: 'i-1', platform, pcrs }
    scene.trail.succeeded({ name: 'Decrypt' }, { ...encrypting(), recipient }, byAlice, undefined)
  }
  t.deepEqual(
    (await onRecord(scene)).map(({ additionalEventData }) => additionalEventData!.recipient),
    [
      { attestationDocumentModuleId: 'i-1', attestationDocumentEnclaveImageDigest: 'aa' },
      { attestationDocumentModuleId: 'i-1', attestationDocumentNitroTPMPCR4: 'bb' },
    ],
  )
})

const byItself = test.macro({
  title: (_, name: ServiceEvent['name']) => `the service by itself: ${name}`,
  async exec(t, name: ServiceEvent['name'], details: ServiceEvent['details'], expected: Partial<CloudTrailRecord>) {
    const scene = await trailed(t)
    const key = { ...KEY, id: 'k1' }
    await committed(scene.store, scene.trail.serviceEvent({ name, at: NOON, key, ...(details && { details }) }))
    const [record] = await onRecord(scene)
    t.like(record, {
      eventName: name,
      userIdentity: { accountId: HERE, invokedBy: 'AWS Internal' },
      sourceIPAddress: 'AWS Internal',
      userAgent: 'AWS Internal',
      readOnly: false,
      requestParameters: null,
      responseElements: null,
      resources: [{ accountId: HERE, type: 'AWS::KMS::Key', ARN: KEY.arn }],
      recipientAccountId: HERE,
      eventType: 'AwsServiceEvent',
      ...expected,
    })
    t.is('requestID' in record!, record!.eventType === 'AwsApiCall')
    t.is('serviceEventDetails' in record!, expected.serviceEventDetails !== undefined)
  },
})

const rotation = { rotationType: 'AUTOMATIC', keyOrigin: 'AWS_KMS', currentKeyMaterialId: 'm2' }
test(byItself, 'RotateKey', rotation, { serviceEventDetails: { keyId: 'k1', ...rotation } })
test(byItself, 'DeleteKey', undefined, {})
test(byItself, 'DeleteExpiredKeyMaterial', undefined, { serviceEventDetails: { keyId: 'k1' } })
test(byItself, 'SynchronizeMultiRegionKey', undefined, { eventType: 'AwsApiCall' })
test(byItself, 'ExpireGrant', { grantId: 'g1' }, { serviceEventDetails: { keyId: 'k1', grantId: 'g1' } })

test('names that would forge lines, or play with a terminal, stay inside their strings', async (t) => {
  const evil = '\n{"forged":1}\r\u001b[2J\u009b31m\u007f\u0085\u2028\u202e\ufeff"\\é€𝄞\ud800'
  const scene = await trailed(t)
  const context = { ...byAlice, requestId: evil, origin: { sourceIp: evil, userAgent: evil } }
  const call = {
    ...encrypting({ [evil]: evil, constructor: evil }),
    input: { KeyId: evil, EncryptionContext: { [evil]: evil } },
  }
  scene.trail.succeeded(ENCRYPT, call, context, undefined)
  scene.trail.failed(ENCRYPT, call, context, new KmsError('ValidationException', evil))
  const records = await onRecord(scene)
  t.is(records.length, 2)
  for (const record of records) {
    t.like(record, {
      requestID: evil,
      userAgent: evil,
      requestParameters: { keyId: evil, encryptionContext: { [evil]: evil } },
    })
    const text = textOf(record)
    // eslint-disable-next-line no-control-regex
    t.notRegex(text, /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\ufeff]/)
    t.deepEqual(JSON.parse(text), record)
  }
})
