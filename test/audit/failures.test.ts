/** What the trail tells of calls that were refused, or failed. */
import test from 'ava'
import { KmsError } from '../../src/errors.ts'
import { byAlice, calling, KEY, keyIn, onRecord, THERE, trailed } from './scene.ts'

test('a refusal says what was asked, and no answer', async (t) => {
  const scene = await trailed(t)
  const error = new KmsError('DisabledException', `${KEY.arn} is disabled.`)
  scene.trail.failed(
    { name: 'Encrypt' },
    calling({ KeyId: 'k1', Plaintext: Buffer.from('p'), EncryptionContext: { dept: 'IT' }, DryRun: true }),
    byAlice,
    error,
  )
  const [record] = await onRecord(scene)
  t.like(record, {
    errorCode: 'DisabledException',
    errorMessage: `${KEY.arn} is disabled.`,
    responseElements: null,
    resources: [{ accountId: KEY.account, type: 'AWS::KMS::Key', ARN: KEY.arn }],
    requestParameters: {
      keyId: 'k1',
      encryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      encryptionContext: { dept: 'IT' },
      dryRun: true,
    },
  })
  t.is(record!.additionalEventData, undefined)
})

test('a request that is no request at all is on record, too', async (t) => {
  const scene = await trailed(t)
  const invalid = new KmsError('ValidationException', 'no')
  const inputs = [undefined, null, 7, 'text', [], { KeyId: { a: 1 }, EncryptionContext: [1], DryRun: 'yes' }]
  for (const input of inputs) scene.trail.failed({ name: 'Encrypt' }, { input, now: 0 }, byAlice, invalid)
  const records = await onRecord(scene)
  t.is(records.length, inputs.length)
  for (const { requestParameters } of records.slice(0, 5))
    t.deepEqual(requestParameters, { encryptionAlgorithm: 'SYMMETRIC_DEFAULT' })
  t.deepEqual(records.at(-1)!.requestParameters, {
    encryptionContext: {},
    encryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  })
})

test('what is our own fault is not told in our own words', async (t) => {
  const scene = await trailed(t)
  scene.trail.failed({ name: 'CreateKey' }, calling({}, {}), byAlice, new TypeError('x is not a function'))
  const [record] = await onRecord(scene)
  t.is(record!.errorCode, 'KMSInternalException')
  t.is(record!.errorMessage, undefined)
  t.is(record!.resources, undefined, 'there is no key')
})

test('a denial says why in a field of our own', async (t) => {
  const scene = await trailed(t)
  const decision = {
    allowed: false,
    explicit: 'scp',
    grounds: [{ kind: 'scp', name: 'p-1', statement: { index: 2, sid: 'No', effect: 'Deny' } }],
    grant: undefined,
    missing: [],
  }
  const call = calling({ KeyId: 'k1' }, { key: keyIn(THERE), decisions: [undefined, decision] })
  scene.trail.failed({ name: 'DescribeKey' }, call, byAlice, new KmsError('AccessDeniedException', 'no'))
  const records = await onRecord(scene)
  t.is(records.length, 1, 'the owner of the key learns nothing of it')
  t.is(records[0]!.errorCode, 'AccessDenied')
  t.is(records[0]!.sharedEventID, undefined)
  t.deepEqual(records[0]!.strongroom, {
    decisions: [
      {
        allowed: false,
        explicit: 'scp',
        grounds: [{ kind: 'scp', name: 'p-1', statement: 2, sid: 'No', effect: 'Deny' }],
        missing: [],
      },
    ],
  })
})

test('fields that have grown too large are left out, and say so; messages are cut', async (t) => {
  const scene = await trailed(t)
  const call = calling({ KeyId: 'k1', Description: 'x'.repeat(200_000) })
  scene.trail.failed(
    { name: 'UpdateKeyDescription' },
    call,
    byAlice,
    new KmsError('ValidationException', 'é'.repeat(2000)),
  )
  const [record] = await onRecord(scene)
  t.deepEqual(record!.requestParameters, { omitted: true, originalSize: 200_031, reason: 'too large' })
  t.is(record!.errorMessage, 'é'.repeat(512))
})
