/** Volumes at work: what is asked of the KMS, what is in their files, and what becomes of them when their keys are taken away. */
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Strongroom } from '../../../src/index.ts'
import { HOME } from '../../authorize/stage.ts'
import { refuses } from '../../helpers/scene.ts'
import {
  attach,
  contents,
  ENCRYPTED,
  INSTANCE,
  kmsCalls,
  kmsLines,
  read,
  socketIn,
  volumeWith,
  ward,
  write,
  ZONE,
} from './scene.ts'

const SECRET = 'diagnosis of patient 7'
const SESSION = `arn:aws:sts::${HOME}:assumed-role/aws:ec2-infrastructure/${INSTANCE}`

test('a volume is made without anybody seeing its key, and attached by a grant to EC2 for the instance', async (t) => {
  const { room, user, arn } = await ward(t)
  const { ebs } = user('operator')
  const { VolumeId, KmsKeyId, State } = await ebs.createVolume({ ...ENCRYPTED, KmsKeyId: arn })
  t.deepEqual([KmsKeyId, State], [arn, 'available'])
  await attach(user('operator'), VolumeId)
  const { Grants } = await room.listGrants({ KeyId: arn })
  t.is(Grants?.[0]?.GranteePrincipal, SESSION)
  t.deepEqual(Grants?.[0]?.Constraints, { EncryptionContextSubset: { 'aws:ebs:id': VolumeId } })
  await ebs.detachVolume({ VolumeId })

  t.deepEqual(await kmsLines(room), [
    `GenerateDataKeyWithoutPlaintext aws:ebs:id=${VolumeId} by operator`,
    `CreateGrant aws:ebs:id=${VolumeId} by operator`,
    `Decrypt aws:ebs:id=${VolumeId} by ${INSTANCE}`,
    `RetireGrant by ${INSTANCE}`,
  ])
  const [made, granted, decrypted] = await kmsCalls(room)
  t.is((made!.requestParameters as { numberOfBytes: number }).numberOfBytes, 64)
  t.like(granted!.requestParameters, { granteePrincipal: `${HOME}:aws:ec2-infrastructure:${INSTANCE}` })
  t.like(decrypted!.userIdentity, {
    type: 'AssumedRole',
    arn: SESSION,
    principalId: `${HOME}:aws:ec2-infrastructure:${INSTANCE}`,
    invokedBy: 'ec2.amazonaws.com',
  })
  t.deepEqual((await room.listGrants({ KeyId: arn })).Grants, [])
})

test('what is written is read again, by whoever attaches it next; the file has only ciphertext', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-ebs-'))
  t.teardown(() => rm(data, { recursive: true }))
  const { room } = await ward(t, { memory: false, data })
  const VolumeId = await volumeWith(t, room, SECRET)
  t.is(await contents(t, room, VolumeId, SECRET.length), SECRET)
  const file = join(data, 'ebs', 'us-east-1', HOME, VolumeId)
  const { mode, blocks } = await stat(file)
  t.is(mode & 0o777, 0o600)
  t.true(blocks * 512 < 1024 ** 2, 'a sparse file')
  const bytes = await sectorOf(file)
  t.false(bytes.includes('patient'))
  t.false(bytes.subarray(0, 16).equals(Buffer.alloc(16)))
})

test('a volume that is not encrypted asks nothing of the KMS, and has no plaintext in its file all the same', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-ebs-'))
  t.teardown(() => rm(data, { recursive: true }))
  const { room } = await ward(t, { memory: false, data })
  const VolumeId = await volumeWith(t, room, SECRET, { Encrypted: false })
  t.is(await contents(t, room, VolumeId, SECRET.length), SECRET)
  t.deepEqual(await kmsLines(room), [])
  const bytes = await sectorOf(join(data, 'ebs', 'us-east-1', HOME, VolumeId))
  t.false(bytes.includes('patient'))
})

for (const [state, code, take] of [
  ['disabled', 'DisabledException', (room: Strongroom, KeyId: string) => room.disableKey({ KeyId })],
  [
    'scheduled for deletion',
    'KMSInvalidStateException',
    (room: Strongroom, KeyId: string) => room.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 }),
  ],
] as const) {
  test(`an attached volume whose key is ${state} works on until it is detached`, async (t) => {
    const { room, arn } = await ward(t)
    const { VolumeId } = await room.ebs.createVolume({ ...ENCRYPTED, KmsKeyId: arn })
    const uri = await attach(room, VolumeId)
    await take(room, arn)
    await write(t, uri, SECRET)
    t.is(await read(t, uri, SECRET.length), SECRET)
    await room.ebs.detachVolume({ VolumeId })
    await refuses(t, attach(room, VolumeId), 'CustomerKeyHasBeenRevoked', /InvalidKMSKey\.InvalidState: /)
    t.true((await kmsLines(room)).at(-1)?.endsWith(code))
    await refuses(t, room.ebs.createVolume({ ...ENCRYPTED, KmsKeyId: arn }), 'InvalidKMSKey.InvalidState')
  })
}

test('a key that is enabled again lets its volume in again; one that is gone never does', async (t) => {
  const { room, arn, pass } = await ward(t)
  const VolumeId = await volumeWith(t, room, SECRET, { KmsKeyId: arn })
  await room.disableKey({ KeyId: arn })
  await refuses(t, attach(room, VolumeId), 'CustomerKeyHasBeenRevoked')
  await room.enableKey({ KeyId: arn })
  t.is(await contents(t, room, VolumeId, SECRET.length), SECRET)
  const uri = await attach(room, VolumeId)
  await room.scheduleKeyDeletion({ KeyId: arn, PendingWindowInDays: 7 })
  pass(8)
  await room.sweep()
  t.is(await read(t, uri, SECRET.length), SECRET)
  t.is((await room.ebs.detachVolume({ VolumeId })).State, 'detached')
  await refuses(t, attach(room, VolumeId), 'CustomerKeyHasBeenRevoked', /InvalidKMSKey\.NotFound: /)
  await room.ebs.deleteVolume({ VolumeId })
})

test('a refused attachment leaves nothing behind: no grant, no socket, no instance', async (t) => {
  const { room, arn } = await ward(t)
  const { VolumeId } = await room.ebs.createVolume({ ...ENCRYPTED, KmsKeyId: arn })
  const policy = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: '*',
        Action: 'kms:*',
        Resource: '*',
        Condition: { StringEquals: { 'kms:CallerAccount': HOME } },
      },
      { Effect: 'Deny', Principal: '*', Action: 'kms:Decrypt', Resource: '*' },
    ],
  }
  await room.putKeyPolicy({ KeyId: arn, Policy: JSON.stringify(policy) })
  await refuses(
    t,
    attach(room, VolumeId),
    'CustomerKeyHasBeenRevoked',
    /UnauthorizedOperation: .*aws:ec2-infrastructure/,
  )
  t.deepEqual((await room.listGrants({ KeyId: arn })).Grants, [])
  const { Volumes } = await room.ebs.describeVolumes({})
  t.like(Volumes[0], { State: 'available', Attachments: [] })
})

test('a volume is attached once, to one device of an instance', async (t) => {
  const { room } = await ward(t)
  const [one, two] = [await room.ebs.createVolume(ENCRYPTED), await room.ebs.createVolume(ENCRYPTED)]
  const uri = await attach(room, one.VolumeId, '/dev/sdf')
  await refuses(t, attach(room, one.VolumeId, '/dev/sdg'), 'VolumeInUse')
  await refuses(t, room.ebs.deleteVolume(one), 'VolumeInUse')
  await refuses(t, attach(room, two.VolumeId, '/dev/sdf'), 'InvalidParameterValue', /already in use/)
  const { Volumes } = await room.ebs.describeVolumes({ VolumeIds: [one.VolumeId] })
  t.like(Volumes[0], { State: 'in-use', Attachments: [{ InstanceId: INSTANCE, Device: '/dev/sdf', NbdUri: uri }] })
  const other = { VolumeId: one.VolumeId, InstanceId: 'i-00000000' }
  await refuses(t, room.ebs.detachVolume(other), 'InvalidAttachment.NotFound')
  await room.ebs.detachVolume(one)
  await refuses(t, room.ebs.detachVolume(one), 'IncorrectState')
  await t.throwsAsync(stat(socketIn(uri)), { code: 'ENOENT' })
  await attach(room, two.VolumeId, '/dev/sdf')
})

test('two who attach at the same time: one does', async (t) => {
  const { room, arn } = await ward(t)
  const { VolumeId } = await room.ebs.createVolume({ ...ENCRYPTED, KmsKeyId: arn })
  const both = await Promise.allSettled([attach(room, VolumeId, '/dev/sdf'), attach(room, VolumeId, '/dev/sdg')])
  t.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  t.is((await room.listGrants({ KeyId: arn })).Grants?.length, 1)
})

for (const [how, Parameters, code] of [
  ['without a volume', { InstanceId: INSTANCE, Device: '/dev/sdf' }, 'MissingParameter'],
  [
    'with no id of a volume',
    { VolumeId: 'snap-01234567', InstanceId: INSTANCE, Device: '/dev/sdf' },
    'InvalidParameterValue',
  ],
  [
    'with a volume that there is not',
    { VolumeId: 'vol-01234567', InstanceId: INSTANCE, Device: '/dev/sdf' },
    'InvalidVolume.NotFound',
  ],
  [
    'with no id of an instance',
    { VolumeId: 'vol-01234567', InstanceId: 'mine', Device: '/dev/sdf' },
    'InvalidParameterValue',
  ],
  ['without a device', { VolumeId: 'vol-01234567', InstanceId: INSTANCE }, 'MissingParameter'],
] as const) {
  test(`AttachVolume ${how} is refused`, async (t) => {
    const { room } = await ward(t)
    await refuses(t, room.ebs.attachVolume(Parameters), code)
  })
}

test('a room that is closed stops its instances; what was on their volumes stays', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-ebs-'))
  t.teardown(() => rm(data, { recursive: true }))
  const first = await Strongroom.open({ data })
  const KeyId = (await first.createKey({})).KeyMetadata!.Arn!
  const { VolumeId } = await first.ebs.createVolume({ ...ENCRYPTED, KmsKeyId: KeyId })
  const uri = await attach(first, VolumeId)
  await write(t, uri, SECRET)
  await first.close()
  await t.throwsAsync(stat(socketIn(uri)), { code: 'ENOENT' })

  const second = await Strongroom.open({ data })
  t.teardown(() => second.close())
  t.deepEqual((await second.listGrants({ KeyId })).Grants, [])
  t.like((await second.ebs.describeVolumes({})).Volumes[0], { State: 'available', Attachments: [] })
  t.is(await contents(t, second, VolumeId, SECRET.length), SECRET)
})

test('a folder with a long name has its sockets elsewhere, for its owner alone', async (t) => {
  const data = await mkdtemp(join(tmpdir(), `strongroom-${'x'.repeat(100)}-`))
  t.teardown(() => rm(data, { recursive: true }))
  const { room } = await ward(t, { memory: false, data })
  const { VolumeId } = await room.ebs.createVolume({ ...ZONE, Size: 1 })
  const uri = await attach(room, VolumeId)
  t.false(socketIn(uri).startsWith(data))
  t.is((await stat(join(socketIn(uri), '..'))).mode & 0o777, 0o700)
  await write(t, uri, SECRET)
  await room.close()
  await t.throwsAsync(stat(join(socketIn(uri), '..')), { code: 'ENOENT' })
})

/** The first sector of a file. */
async function sectorOf(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    return (await file.read(Buffer.alloc(4096), 0, 4096, 0)).buffer
  } finally {
    await file.close()
  }
}
