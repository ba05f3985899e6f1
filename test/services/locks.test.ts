/** Who shares goes on together; who is alone waits for those before, and makes those after wait. */
import test from 'ava'
import { Locks } from '../../src/services/locks.ts'

/** Plays `s` and `a` in this order, each a few turns long; what began and ended when. */
async function played(order: string): Promise<string> {
  const locks = new Locks()
  let told = ''
  const work = (name: string) => async () => {
    told += name
    for (let turns = 0; turns < 5; turns++) await Promise.resolve()
    told += name.toUpperCase()
  }
  await Promise.all(
    Array.from(order, (kind, index) =>
      locks[kind === 's' ? 'shared' : 'alone']('name', work(String.fromCharCode(97 + index))),
    ),
  )
  return told
}

for (const [order, told] of [
  ['ss', 'abAB'],
  ['aa', 'aAbB'],
  ['sas', 'aAbBcC'],
  ['ssass', 'abABcCdeDE'],
  ['assa', 'aAbcBCdD'],
] as const) {
  test(`${order}: ${told}`, async (t) => t.is(await played(order), told))
}

test('who fails lets the next one in', async (t) => {
  const locks = new Locks()
  const failing = locks.alone('name', () => Promise.reject(new TypeError('no')))
  const next = locks.shared('name', () => Promise.resolve('yes'))
  await t.throwsAsync(failing, { instanceOf: TypeError })
  t.is(await next, 'yes')
  t.is(await locks.alone('name', () => Promise.resolve('again')), 'again')
})
