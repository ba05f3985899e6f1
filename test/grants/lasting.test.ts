/** For how long a grant is asked for: how that is said, and when two that ask alike ask for one grant. */
import test from 'ava'
import { durationOf } from '../../src/grants.ts'
import { KmsError } from '../../src/index.ts'
import { ALICE, idsOf } from '../helpers/grants.ts'
import { scene } from '../helpers/scene.ts'

const TIMES: [said: string | number, millis: number][] = [
  ['1s', 1000],
  [90, 90_000],
  ['90', 90_000],
  ['30m', 1_800_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
  ['3650d', 315_360_000_000],
]

for (const [said, millis] of TIMES) {
  test(`${JSON.stringify(said)} is ${millis} milliseconds`, (t) => t.is(durationOf(said), millis))
}

for (const said of [
  '',
  '0',
  '0s',
  -1,
  0.5,
  NaN,
  '1.5h',
  '1w',
  'h',
  ' 1h',
  '1h ',
  '1 h',
  '1H',
  '3651d',
  '9'.repeat(11),
]) {
  test(`${JSON.stringify(said)} is no time for a grant`, (t) => {
    const error = t.throws(() => durationOf(said), { instanceOf: KmsError })
    t.is(error.code, 'ValidationException')
  })
}

test('grants of one name are one as long as they last as long, and as it lasts', async (t) => {
  const { room, id, pass } = await scene(t)
  const input = { KeyId: id, GranteePrincipal: ALICE, Operations: ['Encrypt' as const], Name: 'n' }
  const make = async (expiresIn?: string) =>
    (await room.createGrant(input, expiresIn === undefined ? undefined : { expiresIn })).GrantId!
  const day = await make('24h')
  t.is(await make('1d'), day)
  const others = [await make('25h'), await make()]
  t.is(new Set([day, ...others]).size, 3)
  pass(1)
  const next = await make('24h')
  t.not(next, day)
  t.is(await make('24h'), next)
  t.deepEqual(await idsOf(room, id), [next, ...others].toSorted())
})
