/** STS in front of sessions: who one is, and credentials for a while. */
import test from 'ava'
import { ACCOUNT, ALLOW, document, scene, texts, TRUST } from './asking.ts'

const MEMBER = `arn:aws:iam::${ACCOUNT}`
const may = document({ ...ALLOW, Action: 'sts:AssumeRole' })
const people = {
  users: [{ name: 'bob', policies: [{ name: 'p', document: may }] }],
  roles: [{ name: 'app', trustPolicy: TRUST }],
}

test('one is told who one is', async (t) => {
  const { ask } = await scene(t, people)
  const root = await ask('GetCallerIdentity')
  t.true(
    root.startsWith(
      '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>',
    ),
  )
  t.deepEqual(texts(root, 'Arn'), [`${MEMBER}:root`])
  t.deepEqual(texts(root, 'UserId'), [ACCOUNT])
  const bob = await ask('GetCallerIdentity', {}, `${MEMBER}:user/bob`)
  t.regex(texts(bob, 'UserId')[0]!, /^AIDA/)
  t.deepEqual(texts(bob, 'Account'), [ACCOUNT])
})

test('a role is assumed, for as long as it is asked for', async (t) => {
  const { room, ask, refusal } = await scene(t, people)
  const bob = `${MEMBER}:user/bob`
  const wanted = { RoleArn: `${MEMBER}:role/app`, RoleSessionName: 'one', DurationSeconds: '900' }
  const answer = await ask('AssumeRole', { ...wanted, Policy: document(ALLOW) }, bob)
  t.deepEqual(texts(answer, 'Expiration'), ['2026-03-01T12:15:00Z'])
  t.deepEqual(texts(answer, 'Arn'), [`arn:aws:sts::${ACCOUNT}:assumed-role/app/one`])
  const credential = room.identities.find(texts(answer, 'AccessKeyId')[0]!)!
  t.deepEqual([credential.secret], texts(answer, 'SecretAccessKey'))
  t.deepEqual([credential.sessionToken], texts(answer, 'SessionToken'))
  t.is(credential.caller.policies.session?.length, 1)
  t.regex(
    await refusal('AssumeRole', { ...wanted, DurationSeconds: '899' }, bob),
    /^ValidationError: 1 validation error detected: Value '899'/,
  )
  t.regex(
    await refusal('AssumeRole', { ...wanted, DurationSeconds: '3601' }, bob),
    /^ValidationError: The requested DurationSeconds exceeds/,
  )
  t.regex(await refusal('AssumeRole', wanted), /^AccessDenied: Roles may not be assumed by root accounts/)
  t.regex(
    await refusal('AssumeRole', { ...wanted, RoleArn: `${MEMBER}:role/none` }, bob),
    /^AccessDenied: User: .*user\/bob is not authorized to perform: sts:AssumeRole/,
  )
})

test('one gets credentials of one’s own for a while, and for somebody else', async (t) => {
  const { room, ask } = await scene(t, {
    users: [
      {
        name: 'bob',
        policies: [{ name: 'p', document: document({ ...ALLOW, Action: ['kms:Decrypt', 'sts:GetFederationToken'] }) }],
      },
    ],
  })
  const bob = `${MEMBER}:user/bob`
  const own = await ask('GetSessionToken', {}, bob)
  t.is(room.identities.find(texts(own, 'AccessKeyId')[0]!)?.caller.arn, bob)
  const guest = await ask('GetFederationToken', { Name: 'guest', Policy: document(ALLOW) }, bob)
  t.deepEqual(texts(guest, 'Arn'), [`arn:aws:sts::${ACCOUNT}:federated-user/guest`])
  t.is(room.identities.find(texts(guest, 'AccessKeyId')[0]!)?.caller.type, 'FederatedUser')
})
