/** Queries over store and files: each filter with its nearest no, the order of time, and much of it in little memory. */
import test, { type ExecutionContext } from 'ava'
import { KmsError } from '../../src/errors.ts'
import type { Filter } from '../../src/audit/query.ts'
import { ACCOUNT, HOUR, kept, MINUTE, OTHER, START, type KeptTrail, type Use } from './kept.ts'

const arn = (id: string, owner = ACCOUNT, region = 'us-east-1') => `arn:aws:kms:${region}:${owner}:key/${id}`

/** What happened, an hour apart, of which the first two were shipped. */
const HAPPENED: readonly Use[] = [
  { requestId: 'first' },
  { requestId: 'bob', user: 'bob', key: 'k-2' },
  { requestId: 'encrypt', name: 'Encrypt' },
  { requestId: 'denied', key: 'k-3', error: new KmsError('AccessDeniedException') },
  { requestId: 'europe', region: 'eu-west-1' },
]

async function happened(t: ExecutionContext): Promise<KeptTrail> {
  const trail = await kept(t)
  for (const [i, use] of HAPPENED.entries()) {
    trail.now = START + i * HOUR
    trail.use(use)
    if (i === 1) await trail.ship()
  }
  await trail.settled()
  return trail
}

const CASES: Readonly<Record<string, readonly [filter: Filter, found: string[]]>> = {
  'everything, unless something is asked for': [{}, ['first', 'bob', 'encrypt', 'denied', 'europe']],
  'a key by its id': [{ key: 'k-2' }, ['bob']],
  'a key by its ARN': [{ key: arn('k-1') }, ['first', 'encrypt']],
  'a key of the same id elsewhere is another one': [{ key: arn('k-1', ACCOUNT, 'eu-west-1') }, ['europe']],
  'a part of a key id is none': [{ key: '2' }, []],
  'a key that was asked for in vain': [{ key: 'k-3' }, ['denied']],
  'since a moment, which counts': [{ since: START + 2 * HOUR }, ['encrypt', 'denied', 'europe']],
  'since a moment later': [{ since: START + 2 * HOUR + 1000 }, ['denied', 'europe']],
  'until a moment, which counts': [{ until: START + HOUR }, ['first', 'bob']],
  'until a moment earlier': [{ until: START + HOUR - 1 }, ['first']],
  'an operation': [{ eventName: 'Encrypt' }, ['encrypt']],
  'a user by name': [{ principal: 'bob' }, ['bob']],
  'a user by ARN': [{ principal: `arn:aws:iam::${ACCOUNT}:user/bob` }, ['bob']],
  'a user of another account': [{ principal: `arn:aws:iam::${OTHER}:user/bob` }, []],
  'an access key': [{ accessKeyId: 'AKIABOB' }, ['bob']],
  'a Region': [{ region: 'eu-west-1' }, ['europe']],
  'another account': [{ account: OTHER }, []],
  'several things at once': [{ principal: 'alice', eventName: 'Decrypt', key: 'k-1' }, ['first', 'europe']],
}

for (const [what, [filter, found]] of Object.entries(CASES)) {
  test(`finds ${what}`, async (t) => {
    const trail = await happened(t)
    const ids = async (order: 'oldest' | 'newest') =>
      (await trail.find(filter, order)).map(({ requestID }) => requestID)
    t.deepEqual(await ids('oldest'), found)
    t.deepEqual(await ids('newest'), found.toReversed())
  })
}

test('events of several accounts and Regions come in the order of time, shipped or not', async (t) => {
  const trail = await kept(t)
  for (let i = 0; i < 120; i++) {
    trail.use({ account: i % 2 ? ACCOUNT : OTHER, region: i % 3 ? 'us-east-1' : 'eu-west-1', requestId: `r-${i}` })
    trail.now += 1000
    if (i % 25 === 24) await trail.ship()
  }
  await trail.settled()
  const expected = Array.from({ length: 120 }, (_, i) => `r-${i}`)
  t.deepEqual(
    (await trail.find()).map(({ requestID }) => requestID),
    expected,
  )
  t.deepEqual(
    (await trail.find({}, 'newest')).map(({ requestID }) => requestID),
    expected.toReversed(),
  )
})

test('a key used from another account is found in both trails', async (t) => {
  const trail = await kept(t)
  trail.use({ owner: OTHER })
  await trail.ship()
  const found = await trail.find({ key: arn('k-1', OTHER) })
  t.deepEqual(found.map(({ recipientAccountId }) => recipientAccountId).sort(), [ACCOUNT, OTHER])
  t.is(new Set(found.map(({ sharedEventID }) => sharedEventID)).size, 1)
})

test('a log file that is none stops a query, which names it', async (t) => {
  const trail = await happened(t)
  const [log = ''] = await trail.logs()
  await trail.write(log, Buffer.from('{}'))
  await t.throwsAsync(trail.find(), { message: `changed: ${log}: it is no log file` })
})

test('fifty thousand events are shipped, found and verified in little memory', async (t) => {
  const trail = await kept(t)
  const before = process.memoryUsage().rss
  for (let i = 0; i < 50_000; i++) {
    trail.use({ user: `user-${i % 100}`, key: `k-${i % 1000}`, context: { patient: `p-${i}` }, requestId: `r-${i}` })
    if (i % 100 === 99) trail.now += 1000
    if (i % 4000 === 3999) await trail.settled()
  }
  t.is(await trail.ship(), 50_000)
  let last = -1
  const found = await trail.find({ key: 'k-7' })
  for (const { requestID } of found) {
    const number = Number(requestID!.slice(2))
    t.true(number > last && number % 1000 === 7)
    last = number
  }
  t.is(found.length, 50)
  const verified = await trail.verify()
  t.is(verified.offence, undefined)
  t.is(verified.records, 50_000)
  const grown = (process.memoryUsage().rss - before) / 2 ** 20
  t.log(`${Math.round(grown)} MiB more than before; ${verified.logs} log files`)
  // All of it, parsed, would be some 200 MiB and more; a shipment of 8192 and what V8 has not cleared yet is less.
  t.true(grown < 400, `${grown} MiB`)
  t.true(trail.now - START < 10 * 60 * MINUTE)
})
