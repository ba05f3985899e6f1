/** Bucket Keys in the clear: kept for a while, given out as copies, and wiped when they are old or the room closes. */
import test from 'ava'
import { BucketKeys } from '../../../src/services/s3/bucketkeys.ts'

const MINUTE = 60_000

function scene() {
  const made: Uint8Array[] = []
  let now = 0
  const keys = new BucketKeys(() => now)
  const make = () => {
    made.push(new Uint8Array(32).fill(made.length + 1))
    return Promise.resolve({ plaintext: made.at(-1)! })
  }
  const get = async (question: string) => (await keys.get(question, make)).plaintext
  const isWiped = () => made.map((key) => key.every((byte) => byte === 0))
  return { keys, made, get, isWiped, at: (instant: number) => (now = instant) }
}

test('a key is made once for a question, and again when it is old', async (t) => {
  const { get, at, made, isWiped } = scene()
  t.is((await get('a'))[0], 1)
  t.is((await get('a'))[0], 1)
  t.is((await get('b'))[0], 2)
  at(5 * MINUTE - 1)
  t.is((await get('a'))[0], 1)
  at(5 * MINUTE)
  t.is((await get('a'))[0], 3)
  t.is(made.length, 3)
  t.deepEqual(isWiped(), [true, true, false])
})

test('who wipes what was given out wipes a copy', async (t) => {
  const { get } = scene()
  const mine = await get('a')
  mine.fill(0)
  t.is((await get('a'))[0], 1)
})

test('closing wipes what is kept, and what is on its way; nothing is kept after', async (t) => {
  const { keys, get, isWiped, made } = scene()
  await get('a')
  const late = { plaintext: new Uint8Array(32).fill(9) }
  const coming = keys.get('late', async () => {
    await new Promise(setImmediate)
    return late
  })
  keys.close()
  t.is((await coming).plaintext[0], 9, 'who asked for it has a copy')
  t.deepEqual(isWiped(), [true])
  t.true(late.plaintext.every((byte) => byte === 0))
  await get('a')
  await get('a')
  t.is(made.length, 3, 'each is made anew')
})
