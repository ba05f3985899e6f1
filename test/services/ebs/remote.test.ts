/** How the command line asks a running server: over the query protocol, and at the server's time rather than its own. */
import test, { type ExecutionContext } from 'ava'
import { ask, askQuery, itemsOf, type Remote } from '../../../src/cli/remote.ts'
import { Strongroom } from '../../../src/index.ts'

const START = Date.UTC(2026, 0, 1)
const DAY = 86_400_000
const STS = { service: 'sts', version: '2011-06-15' }
const IAM = { service: 'iam', version: '2010-05-08' }

/** A room at the year's start, and somebody at a terminal whose clock is so many milliseconds ahead of the room's. */
async function scene(t: ExecutionContext, ahead = 0) {
  const room = await Strongroom.open({ memory: true, now: () => new Date(START) })
  t.teardown(() => room.close())
  let requests = 0
  const remote: Remote = {
    endpoint: 'http://localhost:4599',
    env: {},
    now: () => START + ahead,
    fetch: (url, request) => {
      requests += 1
      return room.fetch(new Request(url, request))
    },
  }
  return { remote, requests: () => requests }
}

test('a result comes without what it is wrapped in', async (t) => {
  const { remote, requests } = await scene(t)
  const { Account, Arn } = await askQuery(remote, STS, 'GetCallerIdentity', {})
  t.deepEqual([Account, Arn], ['000000000000', 'arn:aws:iam::000000000000:root'])
  t.is(requests(), 1)
})

for (const [when, ahead] of [
  ['eight days ahead', 8 * DAY],
  ['eight days behind', -8 * DAY],
] as const) {
  test(`a clock ${when} of the server's is set right by the server`, async (t) => {
    const { remote, requests } = await scene(t, ahead)
    t.is((await askQuery(remote, STS, 'GetCallerIdentity', {})).Account, '000000000000')
    const called = { service: 'kms', target: 'TrentService.ListKeys' }
    t.deepEqual((await ask<{ Keys: unknown[] }>(remote, called, {})).Keys, [])
    t.is(requests(), 4)
  })
}

test('a clock a minute off needs no setting', async (t) => {
  const { remote, requests } = await scene(t, 60_000)
  await askQuery(remote, STS, 'GetCallerIdentity', {})
  t.is(requests(), 1)
})

test('a refusal is told in the words of the server', async (t) => {
  const { remote } = await scene(t, 8 * DAY)
  await t.throwsAsync(askQuery(remote, IAM, 'GetUser', { UserName: 'nobody' }), {
    message: /^http:\/\/localhost:4599 says NoSuchEntity: .*nobody/,
  })
  await t.throwsAsync(askQuery({ ...remote, env: { AWS_SECRET_ACCESS_KEY: 'wrong' } }, STS, 'GetCallerIdentity', {}), {
    message: /says SignatureDoesNotMatch: /,
  })
})

test('a list has no items, one, or more', async (t) => {
  const { remote } = await scene(t)
  const names = async () =>
    itemsOf((await askQuery(remote, IAM, 'ListUsers', {})).Users, 'member').map((u) => u.UserName)
  t.deepEqual(await names(), [])
  await askQuery(remote, IAM, 'CreateUser', { UserName: 'alice' })
  t.deepEqual(await names(), ['alice'])
  await askQuery(remote, IAM, 'CreateUser', { UserName: 'bob' })
  t.deepEqual(await names(), ['alice', 'bob'])
})
