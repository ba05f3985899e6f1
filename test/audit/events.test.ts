/** `room.audit`, for those in the same process. */
import test, { type ExecutionContext } from 'ava'
import { Audit, type EventFilter } from '../../src/audit/events.ts'
import { stored } from '../../src/audit/reader.ts'
import { KmsError } from '../../src/errors.ts'
import { byAlice, calling, committed, encrypting, HERE, keyIn, NOON, trailed, type Trailed } from './scene.ts'

async function audited(t: ExecutionContext): Promise<Trailed & { audit: Audit }> {
  const scene = await trailed(t)
  return { ...scene, audit: new Audit(scene.trail, () => stored(scene.store)) }
}

test('a listener hears exactly the calls that are made, in their order, once they are durable', async (t) => {
  const { trail, store, audit } = await audited(t)
  trail.succeeded({ name: 'Sign' }, calling({}), byAlice, undefined)
  await audit.settled()
  const heard: string[] = []
  audit.addEventListener('event', ({ detail }) => heard.push(detail.eventName))
  trail.succeeded({ name: 'Encrypt' }, encrypting(), byAlice, undefined)
  t.deepEqual(heard, [])
  await committed(store, trail.edit({ name: 'EnableKey' }, calling({}), byAlice, undefined))
  trail.failed({ name: 'Decrypt' }, calling({}), byAlice, new KmsError('DisabledException', ''))
  await audit.settled()
  t.deepEqual(heard.toSorted(), ['Decrypt', 'EnableKey', 'Encrypt'])
})

test('an edit whose commit failed is not heard of', async (t) => {
  const { trail, audit } = await audited(t)
  const heard: unknown[] = []
  audit.addEventListener('event', (event) => heard.push(event))
  const [edit] = trail.edit({ name: 'EnableKey' }, calling({}), byAlice, undefined)
  t.truthy(edit!.change)
  edit!.recorded(false)
  await audit.settled()
  t.deepEqual(heard, [])
})

test('a loop follows what happens from now on, until it is left', async (t) => {
  const { trail, audit } = await audited(t)
  trail.succeeded({ name: 'Sign' }, calling({}), byAlice, undefined)
  await audit.settled()
  const following = (async () => {
    const seen: string[] = []
    for await (const { eventName } of audit) if (seen.push(eventName) === 2) break
    return seen
  })()
  for (const name of ['Encrypt', 'Decrypt', 'Verify'] as const)
    trail.succeeded({ name }, calling({}), byAlice, undefined)
  await audit.settled()
  t.deepEqual(await following, ['Encrypt', 'Decrypt'])
})

test('a loop ends when nothing can come any more', async (t) => {
  const { trail, audit } = await audited(t)
  const following = (async () => {
    let seen = 0
    for await (const record of audit) seen += record.eventName === 'Encrypt' ? 1 : 0
    return seen
  })()
  trail.succeeded({ name: 'Encrypt' }, encrypting(), byAlice, undefined)
  await trail.close()
  audit.end()
  t.is(await following, 1)
})

const finds = test.macro({
  title: (_, sentence: string) => `events: ${sentence}`,
  async exec(t, _sentence: string, filter: EventFilter, expected: string[]) {
    const { trail, audit } = await audited(t)
    const late = NOON + 60_000
    trail.succeeded({ name: 'Encrypt' }, encrypting(), byAlice, undefined)
    trail.succeeded({ name: 'Sign' }, { ...calling({}), key: keyIn(HERE, 'k2'), now: late }, byAlice, undefined)
    trail.failed({ name: 'Encrypt' }, { ...encrypting(), now: late }, byAlice, new KmsError('DisabledException', ''))
    const found: string[] = []
    for await (const { eventName, errorCode } of audit.events(filter)) found.push(errorCode ?? eventName)
    t.deepEqual(found, expected)
  },
})

test(finds, 'all there are', {}, ['Encrypt', 'Sign', 'DisabledException'])
test(finds, 'since a moment, and not before', { since: new Date(NOON + 2000) }, ['Sign', 'DisabledException'])
test(finds, 'since the moment of one', { since: new Date(NOON) }, ['Encrypt', 'Sign', 'DisabledException'])
test(finds, 'until a moment', { until: new Date(NOON + 2000) }, ['Encrypt'])
test(finds, 'of a key by its id', { key: 'k2' }, ['Sign'])
test(finds, 'of a key by its ARN', { key: keyIn(HERE).arn }, ['Encrypt', 'DisabledException'])
test(finds, 'of no key whose id only ends so', { key: '1' }, [])
test(finds, 'of a name', { eventName: 'Encrypt' }, ['Encrypt', 'DisabledException'])
test(finds, 'of a failure', { errorCode: 'DisabledException' }, ['DisabledException'])
test(finds, 'of a caller', { caller: byAlice.caller.arn, eventName: 'Sign' }, ['Sign'])
test(finds, 'of another caller', { caller: 'arn:aws:iam::111122223333:user/bob' }, [])
