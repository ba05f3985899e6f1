/** LookupEvents: attributes, times, pages and refusals, each with its nearest no. */
import test, { type ExecutionContext } from 'ava'
import { cloudtrail, type LookupEventsResponse } from '../../src/cloudtrail/lookup.ts'
import type { Context } from '../../src/context.ts'
import { fail, KmsError } from '../../src/errors.ts'
import { ACCOUNT, DAY, HOUR, kept, OTHER, START, type KeptTrail } from './kept.ts'

type Lookup = (input?: unknown, who?: { account?: string; region?: string }) => Promise<LookupEventsResponse>

function lookupIn(trail: KeptTrail, permit: () => void = () => undefined): Lookup {
  const { store, folder } = trail
  const answer = cloudtrail({ store, folder, clock: () => trail.now, permit, settled: () => trail.settled() })
  // Of a context it reads no more.
  return async (input = {}, { account = ACCOUNT, region = 'us-east-1' } = {}) =>
    answer('LookupEvents', input, { caller: { account }, region } as Context)
}

/** Events r-0 to r-9, an hour apart, of which the first half was shipped. */
async function scene(t: ExecutionContext): Promise<{ trail: KeptTrail; lookup: Lookup }> {
  const trail = await kept(t)
  for (let i = 0; i < 10; i++) {
    trail.now = START + i * HOUR
    trail.use({
      requestId: `r-${i}`,
      user: i % 2 ? 'bob' : 'alice',
      key: `k-${i % 3}`,
      name: i === 3 ? 'Encrypt' : 'Decrypt',
    })
    if (i === 4) await trail.ship()
  }
  return { trail, lookup: lookupIn(trail) }
}

const idsOf = ({ Events }: LookupEventsResponse): number[] =>
  Events.map(({ CloudTrailEvent }) => Number((JSON.parse(CloudTrailEvent) as { requestID: string }).requestID.slice(2)))

const seconds = (hours: number): number => (START + hours * HOUR) / 1000

const about = (AttributeKey: string, AttributeValue: string) => ({
  LookupAttributes: [{ AttributeKey, AttributeValue }],
})

const FINDS: Readonly<Record<string, readonly [input: object, found: number[]]>> = {
  'everything, newest first': [{}, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]],
  EventName: [about('EventName', 'Encrypt'), [3]],
  'an EventName that is only a part of one': [about('EventName', 'Enc'), []],
  ReadOnly: [about('ReadOnly', 'false'), []],
  Username: [about('Username', 'bob'), [9, 7, 5, 3, 1]],
  ResourceType: [about('ResourceType', 'AWS::KMS::Alias'), []],
  ResourceName: [about('ResourceName', `arn:aws:kms:us-east-1:${ACCOUNT}:key/k-2`), [8, 5, 2]],
  EventSource: [about('EventSource', 'ec2.amazonaws.com'), []],
  AccessKeyId: [about('AccessKeyId', 'AKIAALICE'), [8, 6, 4, 2, 0]],
  'from StartTime on': [{ StartTime: seconds(7) }, [9, 8, 7]],
  'up to EndTime': [{ EndTime: seconds(2) }, [2, 1, 0]],
  'times as dates': [{ StartTime: new Date(START), EndTime: new Date(START) }, [0]],
  'no Insights events, for there are none': [{ EventCategory: 'insight' }, []],
}

for (const [what, [input, found]] of Object.entries(FINDS)) {
  test(`finds by ${what}`, async (t) => {
    const { lookup } = await scene(t)
    t.deepEqual(idsOf(await lookup(input)), found)
  })
}

test('an event is told in the words of the model', async (t) => {
  const { lookup } = await scene(t)
  const { Events } = await lookup({ MaxResults: 1 })
  const { EventId, CloudTrailEvent, ...rest } = Events[0]!
  t.regex(EventId, /^[0-9a-f-]{36}$/)
  t.is((JSON.parse(CloudTrailEvent) as { eventID: string }).eventID, EventId)
  t.deepEqual(rest, {
    EventName: 'Decrypt',
    ReadOnly: 'true',
    AccessKeyId: 'AKIABOB',
    EventTime: seconds(9),
    EventSource: 'kms.amazonaws.com',
    Username: 'bob',
    Resources: [{ ResourceType: 'AWS::KMS::Key', ResourceName: `arn:aws:kms:us-east-1:${ACCOUNT}:key/k-0` }],
  })
  t.deepEqual(
    (await lookup(about('EventId', EventId))).Events.map((event) => event.EventId),
    [EventId],
  )
})

test('pages follow one another without a gap, while what they go through is shipped and more happens', async (t) => {
  const { trail, lookup } = await scene(t)
  const seen: number[] = []
  let page = await lookup({ MaxResults: 3 })
  for (;;) {
    seen.push(...idsOf(page))
    if (page.NextToken === undefined) break
    trail.use({ requestId: 'r-99' })
    await trail.ship()
    page = await lookup({ MaxResults: 3, NextToken: page.NextToken })
  }
  t.deepEqual(seen, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
})

test('the page that ends with the last event is the last', async (t) => {
  const { lookup } = await scene(t)
  t.is((await lookup({ MaxResults: 10 })).NextToken, undefined)
  t.not((await lookup({ MaxResults: 9 })).NextToken, undefined)
})

test('events of other accounts and Regions are not told', async (t) => {
  const { lookup } = await scene(t)
  t.deepEqual((await lookup({}, { account: OTHER })).Events, [])
  t.deepEqual((await lookup({}, { region: 'eu-west-1' })).Events, [])
})

test('history goes back ninety days', async (t) => {
  const { trail, lookup } = await scene(t)
  trail.now = START + 90 * DAY + 5 * HOUR
  t.deepEqual(idsOf(await lookup()), [9, 8, 7, 6, 5])
  t.deepEqual(idsOf(await lookup({ StartTime: seconds(0) })), [9, 8, 7, 6, 5])
})

const REFUSED: Readonly<Record<string, readonly [code: string, input: object]>> = {
  'two attributes': [
    'InvalidLookupAttributesException',
    { LookupAttributes: [...about('EventName', 'a').LookupAttributes, ...about('EventName', 'b').LookupAttributes] },
  ],
  'an attribute nobody knows': ['InvalidLookupAttributesException', about('Weather', 'fine')],
  'an empty value': ['InvalidLookupAttributesException', about('EventName', '')],
  'a value that is too long': ['InvalidLookupAttributesException', about('EventName', 'x'.repeat(2001))],
  'a value that is too long, as underscores count twice': [
    'InvalidLookupAttributesException',
    about('EventName', '_'.repeat(1001)),
  ],
  'a start after the end': ['InvalidTimeRangeException', { StartTime: 2, EndTime: 1 }],
  'a time no date reaches': ['InvalidTimeRangeException', { StartTime: 1e18 }],
  'no results': ['InvalidMaxResultsException', { MaxResults: 0 }],
  'more results than a page holds': ['InvalidMaxResultsException', { MaxResults: 51 }],
  'a token that is none': ['InvalidNextTokenException', { NextToken: 'AAAA' }],
  'a category there is not': ['InvalidEventCategoryException', { EventCategory: 'data' }],
  'a number for a token': ['SerializationException', { NextToken: 5 }],
  'an object for a list': ['SerializationException', { LookupAttributes: {} }],
  'text for a time': ['SerializationException', { StartTime: 'yesterday' }],
}

for (const [what, [code, input]] of Object.entries(REFUSED)) {
  test(`refuses ${what}`, async (t) => {
    const { lookup } = await scene(t)
    t.is((await t.throwsAsync(lookup(input), { instanceOf: KmsError })).code, code)
  })
}

for (const [what, other, who] of [
  ['parameters', { MaxResults: 2, ...about('EventName', 'Decrypt') }, {}],
  ['account', { MaxResults: 2 }, { account: OTHER }],
  ['Region', { MaxResults: 2 }, { region: 'eu-west-1' }],
] as const) {
  test(`a token is good for no other ${what}`, async (t) => {
    const { lookup } = await scene(t)
    const { NextToken } = await lookup({ MaxResults: 2 })
    const error = await t.throwsAsync(lookup({ ...other, NextToken }, who), { instanceOf: KmsError })
    t.is(error.code, 'InvalidNextTokenException')
    t.deepEqual(idsOf(await lookup({ MaxResults: 2, NextToken })), [7, 6])
  })
}

test('who may not look events up, is told no event', async (t) => {
  const { trail } = await scene(t)
  const lookup = lookupIn(trail, () => fail('AccessDeniedException'))
  t.is((await t.throwsAsync(lookup(), { instanceOf: KmsError })).code, 'AccessDeniedException')
})

test('nothing else of CloudTrail is there', async (t) => {
  const { trail } = await scene(t)
  const { store, folder } = trail
  const answer = cloudtrail({
    store,
    folder,
    clock: () => trail.now,
    permit: () => undefined,
    settled: () => trail.settled(),
  })
  const error = await t.throwsAsync(async () => answer('CreateTrail', {}, {} as Context), { instanceOf: KmsError })
  t.is(error.code, 'UnsupportedOperationException')
})
