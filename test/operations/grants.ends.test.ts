/** How grants end: retired, revoked, or gone with their key. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { Strongroom, type GrantOperation } from '../../src/index.ts'
import { grantOf, GRANTS_PER_KEY } from '../../src/grants.ts'
import { putGrant } from '../../src/store/grants.ts'
import { ALICE, BOB, grant, idsOf, ROOT } from '../helpers/grants.ts'
import { recordsOf } from '../helpers/inside.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'

// Lists -------------------------------------------------------------------------------------------

async function pages(
  list: (
    Marker: string | undefined,
  ) => Promise<{ Grants?: { GrantId?: string }[]; NextMarker?: string; Truncated?: boolean }>,
) {
  const all: string[][] = []
  let Marker: string | undefined
  do {
    const page = await list(Marker)
    all.push(page.Grants!.map(({ GrantId }) => GrantId!))
    Marker = page.NextMarker
  } while (Marker)
  return all
}

test('grants are paged by fifty, or as one asks, and by grantee', async (t) => {
  const { room, id } = await scene(t)
  const made = await Promise.all(
    Array.from({ length: 120 }, (_, i) =>
      grant(room, id, { GranteePrincipal: i % 3 ? ALICE : BOB, RetiringPrincipal: ROOT }),
    ),
  )
  const all = made.map(({ GrantId }) => GrantId!).toSorted()
  const usual = await pages((Marker) => room.listGrants({ KeyId: id, Marker }))
  t.deepEqual(
    usual.map(({ length }) => length),
    [50, 50, 20],
  )
  t.deepEqual(usual.flat().toSorted(), all)
  t.deepEqual(
    (await pages((Marker) => room.listGrants({ KeyId: id, Marker, Limit: 100 }))).map((page) => page.length),
    [100, 20],
  )
  const bobs = await pages((Marker) => room.listGrants({ KeyId: id, Marker, Limit: 15, GranteePrincipal: BOB }))
  t.deepEqual(
    bobs.map(({ length }) => length),
    [15, 15, 10],
  )
  const retirable = await pages((Marker) => room.listRetirableGrants({ RetiringPrincipal: ROOT, Marker }))
  t.deepEqual(
    retirable.map(({ length }) => length),
    [50, 50, 20],
  )
  t.deepEqual(retirable.flat().toSorted(), all)
  for (const Limit of [0, 101, 1001]) {
    await refuses(t, room.listGrants({ KeyId: id, Limit }), 'ValidationException')
    await refuses(t, room.listRetirableGrants({ RetiringPrincipal: ROOT, Limit }), 'ValidationException')
  }
  const { NextMarker } = await room.listGrants({ KeyId: id })
  await refuses(t, room.listRetirableGrants({ RetiringPrincipal: ROOT, Marker: NextMarker }), 'InvalidMarkerException')
  await refuses(t, room.listGrants({ KeyId: id, Marker: 'x' }), 'InvalidMarkerException')
})

test('one grant is found by its id, if the grantee is who was asked for', async (t) => {
  const { room, id } = await scene(t)
  const { GrantId } = await grant(room, id)
  await grant(room, id)
  t.deepEqual(await idsOf(room, id, { GrantId }), [GrantId])
  t.deepEqual(await idsOf(room, id, { GrantId, GranteePrincipal: ALICE }), [GrantId])
  t.deepEqual(await idsOf(room, id, { GrantId, GranteePrincipal: BOB }), [])
  t.deepEqual(await idsOf(room, id, { GranteePrincipal: 'arn:aws:iam::000000000000:user/alic' }), [])
  await refuses(t, room.listGrants({ KeyId: id, GrantId: '0'.repeat(64) }), 'NotFoundException')
  await refuses(t, room.listGrants({ KeyId: id, GrantId: 'x' }), 'InvalidGrantIdException')
})

test('retirable grants are those of the whole Region, of whoever of the account may retire them', async (t) => {
  const { room, id } = await scene(t)
  const other = (await room.createKey()).KeyMetadata!.KeyId
  const neighbour = room.as({ account: '111122223333' })
  const theirs = (await neighbour.createKey()).KeyMetadata!.KeyId
  const europe = room.as({ region: 'eu-west-1' })
  const away = (await europe.createKey()).KeyMetadata!.KeyId
  const RetiringPrincipal = BOB
  const made = [
    await grant(room, id, { RetiringPrincipal }),
    await grant(room, other, { RetiringPrincipal }),
    await grant(neighbour, theirs, { RetiringPrincipal }),
  ]
  await grant(europe, away, { RetiringPrincipal })
  await grant(room, id, { RetiringPrincipal: ALICE })
  await grant(room, id)
  const { Grants } = await room.listRetirableGrants({ RetiringPrincipal })
  t.deepEqual(Grants!.map(({ GrantId }) => GrantId).toSorted(), made.map(({ GrantId }) => GrantId).toSorted())
  t.deepEqual(
    (await europe.listRetirableGrants({ RetiringPrincipal })).Grants!.map(({ KeyId }) => KeyId),
    [`arn:aws:kms:eu-west-1:000000000000:key/${away}`],
  )
  await refuses(
    t,
    neighbour.listRetirableGrants({ RetiringPrincipal }),
    'AccessDeniedException',
    /kms:ListRetirableGrants on resource: arn:aws:iam::000000000000:role\/bob /,
  )
  await refuses(t, room.listRetirableGrants({}), 'ValidationException')
  await refuses(t, room.listRetirableGrants({ RetiringPrincipal: 'bob' }), 'InvalidArnException')
})

// Retirement --------------------------------------------------------------------------------------

test('a grant ends once; what is asked of it afterwards is refused', async (t) => {
  const { room, id, arn } = await scene(t)
  const { GrantId, GrantToken } = await grant(room, id)
  await refuses(t, room.retireGrant({ GrantToken, DryRun: true }), 'DryRunOperationException')
  await refuses(t, room.revokeGrant({ KeyId: id, GrantId: GrantId!, DryRun: true }), 'DryRunOperationException')
  t.deepEqual(await idsOf(room, id), [GrantId])
  await room.revokeGrant({ KeyId: arn, GrantId: GrantId! })
  for (const DryRun of [false, true]) {
    await refuses(t, room.revokeGrant({ KeyId: id, GrantId: GrantId!, DryRun }), 'NotFoundException')
    await refuses(t, room.retireGrant({ KeyId: arn, GrantId, DryRun }), 'NotFoundException')
    await refuses(t, room.retireGrant({ GrantToken, DryRun }), 'NotFoundException')
  }
  // A token of a grant that is gone is still one of ours.
  await t.notThrowsAsync(room.encrypt({ KeyId: id, Plaintext: bytes('x'), GrantTokens: [GrantToken!] }))
})

test('RetireGrant and RevokeGrant refuse what names no grant', async (t) => {
  const { room, id, arn } = await scene(t)
  const { GrantId, GrantToken } = await grant(room, id)
  const other = (await room.createKey()).KeyMetadata!
  for (const [input, code] of [
    [{}, 'ValidationException'],
    [{ KeyId: arn }, 'ValidationException'],
    [{ GrantId }, 'ValidationException'],
    [{ GrantToken, GrantId, KeyId: arn }, 'ValidationException'],
    [{ KeyId: id, GrantId }, 'InvalidArnException'],
    [{ KeyId: 'alias/a', GrantId }, 'InvalidArnException'],
    [{ KeyId: arn, GrantId: GrantId!.toUpperCase() }, 'InvalidGrantIdException'],
    [{ KeyId: arn, GrantId: GrantId!.slice(1) }, 'InvalidGrantIdException'],
    [{ KeyId: other.Arn, GrantId }, 'NotFoundException'],
    [{ KeyId: arn.replace('us-east-1', 'eu-west-1'), GrantId }, 'NotFoundException'],
    [{ GrantToken: GrantToken!.slice(2) }, 'InvalidGrantTokenException'],
    [{ GrantToken: `${GrantToken!}00` }, 'InvalidGrantTokenException'],
    [{ GrantToken: `${GrantToken!}é` }, 'InvalidGrantTokenException'],
  ] as const) {
    await refuses(t, room.retireGrant(input), code)
  }
  await refuses(
    t,
    room.revokeGrant({ KeyId: 'alias/a', GrantId: GrantId! }),
    'NotFoundException',
    "Invalid keyId 'alias/a'",
  )
  await refuses(t, room.revokeGrant({ KeyId: other.KeyId, GrantId: GrantId! }), 'NotFoundException')
  await refuses(t, room.revokeGrant({ KeyId: id, GrantId: 'x' }), 'InvalidGrantIdException')
  const stranger = room.as({ account: '111122223333' })
  await refuses(t, stranger.revokeGrant({ KeyId: arn, GrantId: GrantId! }), 'AccessDeniedException')
  await refuses(t, stranger.retireGrant({ GrantToken }), 'AccessDeniedException')
  await refuses(t, stranger.listGrants({ KeyId: arn }), 'AccessDeniedException')
  const europe = room.as({ region: 'eu-west-1' })
  await refuses(t, europe.retireGrant({ GrantToken }), 'InvalidGrantTokenException')
  t.deepEqual(await idsOf(room, id), [GrantId])
})

// Tokens ------------------------------------------------------------------------------------------

test('every operation that takes grant tokens refuses those nobody was given', async (t) => {
  const { room, id } = await scene(t)
  const { GrantToken } = await grant(room, id)
  const Plaintext = bytes('x')
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext })
  const acts: ((GrantTokens: string[]) => Promise<unknown>)[] = [
    (GrantTokens) => room.encrypt({ KeyId: id, Plaintext, GrantTokens }),
    (GrantTokens) => room.decrypt({ CiphertextBlob: CiphertextBlob!, GrantTokens }),
    (GrantTokens) => room.reEncrypt({ CiphertextBlob: CiphertextBlob!, DestinationKeyId: id, GrantTokens }),
    (GrantTokens) => room.generateDataKey({ KeyId: id, KeySpec: 'AES_256', GrantTokens }),
    (GrantTokens) => room.describeKey({ KeyId: id, GrantTokens }),
    (GrantTokens) => grant(room, id, { GrantTokens }),
  ]
  const flipped = GrantToken!.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
  const stranger = await scene(t)
  const foreign = (await grant(stranger.room, stranger.id)).GrantToken!
  for (const act of acts) {
    await t.notThrowsAsync(act([]))
    await t.notThrowsAsync(act([GrantToken!, GrantToken!]))
    for (const forged of ['x', flipped, foreign, Buffer.from(CiphertextBlob!).toString('hex')]) {
      await refuses(t, act([GrantToken!, forged]), 'InvalidGrantTokenException')
    }
    await refuses(t, act(Array.from({ length: 11 }, () => GrantToken!)), 'ValidationException')
  }
})

// Limits and ends ---------------------------------------------------------------------------------

test('fifty thousand grants a key and no more, however many are asked for at once', async (t) => {
  const { room, id } = await scene(t)
  const records = recordsOf(room)
  const key = (await records.key('us-east-1', '000000000000', id))!
  const input = { KeyId: id, GranteePrincipal: ALICE, Operations: ['Decrypt'] satisfies GrantOperation[] }
  for (let made = 0; made < GRANTS_PER_KEY - 5; made += 5555) {
    const some = Array.from({ length: Math.min(5555, GRANTS_PER_KEY - 5 - made) }, (_, i) =>
      putGrant(grantOf(input, key, (made + i).toString(16).padStart(64, '0'), '000000000000', 0, undefined)),
    )
    await records.commit(some)
  }
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => grant(room, id)))
  const refused = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
  t.deepEqual(
    refused.map(({ reason }) => (reason as { code: string }).code),
    Array(5).fill('LimitExceededException'),
  )
  const other = (await room.createKey()).KeyMetadata!.KeyId
  await t.notThrowsAsync(grant(room, other))
})

test('grants go with their key, however many there are', async (t) => {
  const { room, id, pass } = await scene(t)
  const made = await Promise.all(Array.from({ length: 1100 }, () => grant(room, id, { RetiringPrincipal: ROOT })))
  await room.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: 7 })
  pass(7)
  t.deepEqual(
    await pages((Marker) => room.listRetirableGrants({ RetiringPrincipal: ROOT, Limit: 100, Marker })).then((all) =>
      all.flat(),
    ),
    [],
  )
  await refuses(t, room.retireGrant({ GrantToken: made[0]!.GrantToken }), 'NotFoundException')
  t.is(await room.sweep(), 1)
  t.is(await recordsOf(room).store.count('grants', '', []), 0)
})

test('grants and tokens outlive the room', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-'))
  t.teardown(() => rm(data, { recursive: true, force: true }))
  let room = await Strongroom.open({ data })
  const { KeyId } = (await room.createKey()).KeyMetadata!
  const { GrantId, GrantToken } = await grant(room, KeyId, { Name: 'n' })
  await room.close()
  room = await Strongroom.open({ data })
  t.is((await grant(room, KeyId, { Name: 'n' })).GrantId, GrantId)
  await room.retireGrant({ GrantToken })
  t.deepEqual(await idsOf(room, KeyId), [])
  await room.close()
  await t.notThrowsAsync(Strongroom.verify(data))
})
