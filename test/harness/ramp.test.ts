/** Ramps: which paces there are, and where the knee is. */
import test from 'ava'
import { kneeOf, paces } from '../../src/harness/ramp.ts'

const generator = { busy: 0.1, behind: 0, unsent: 0, limited: false }

test('connections double up to the most, rates grow by tenths', (t) => {
  t.deepEqual(
    paces({ closed: 12 }),
    [1, 2, 4, 8, 12].map((closed) => ({ closed })),
  )
  t.deepEqual(paces({ closed: 1 }), [{ closed: 1 }])
  t.deepEqual(paces({ rate: 50 }).at(0), { rate: 5 })
  t.deepEqual(paces({ rate: 50 }).at(-1), { rate: 50 })
})

const bends = test.macro({
  title: (_, why: string) => `the knee is ${why}`,
  exec(t, _why: string, knee: number, throughputs: readonly number[]) {
    const steps = throughputs.map((perSecond, at) => ({ pace: { closed: 2 ** at }, perSecond, generator }))
    t.is(kneeOf(steps), knee)
  },
})
test(bends, 'where more connections hardly bring more', 2, [100, 190, 300, 310, 305])
test(bends, 'the last of those that still rise', 3, [100, 200, 400, 800])
test(bends, 'the first where none rises', 0, [100, 101, 99])

const keepsUp = test.macro({
  title: (_, why: string) => `of rates the knee is ${why}`,
  exec(
    t,
    _why: string,
    knee: number,
    ...steps: readonly (readonly [rate: number, answered: number, unsent?: number])[]
  ) {
    const told = steps.map(([rate, perSecond, unsent = 0]) => {
      return { pace: { rate }, perSecond, generator: { ...generator, unsent } }
    })
    t.is(kneeOf(told), knee)
  },
})
test(keepsUp, 'the last that was answered', 1, [100, 100], [200, 199], [300, 240], [400, 399])
test(keepsUp, 'the last of all, when all were', 2, [100, 100], [200, 200], [300, 300])
test(keepsUp, 'the first, when none was', 0, [100, 50], [200, 50])
test(keepsUp, 'before requests were left unsent', 0, [100, 100], [200, 200, 30])
