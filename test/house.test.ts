/** The counting behind `npm test`: a run that failed, died or played nothing must never look like one that passed. */
import test from 'ava'

interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}
interface TallyModule {
  avaTally(output: string): Tally
  cargoTally(output: string): Tally
  judge(tally: Tally, code: number): Tally
  sentence(tally: Tally): string
}

const { avaTally, cargoTally, judge, sentence } = (await import(
  new URL('../scripts/tally.mjs', import.meta.url).href
)) as TallyModule

const counts = test.macro({
  title: (_, sentenceOfCase: string) => sentenceOfCase,
  exec(t, _sentence: string, tally: Tally, code: number, expected: string) {
    t.is(sentence(judge(tally, code)), expected)
  },
})

const CARGO = [
  'test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s',
  '\u001b[32mtest result: \u001b[0mFAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out',
].join('\n')

test(counts, 'each binary of cargo test counts', cargoTally(CARGO), 101, '15 passed, 2 failed, 1 skipped')
test(
  counts,
  'a crate that does not compile is a failure',
  cargoTally('error[E0425]: cannot find'),
  101,
  '0 passed, 1 failed',
)
test(
  counts,
  'a test binary that dies is a failure',
  cargoTally(CARGO.split('\n', 1).join('')),
  101,
  '12 passed, 1 failed',
)
test(
  counts,
  'no test at all is a failure',
  cargoTally('test result: ok. 0 passed; 0 failed; 0 ignored'),
  0,
  '0 passed, 1 failed',
)

const PASSES = '  ✔ a › one\n\u001b[32m  ✔\u001b[39m a › two (1.2s)\n    ℹ a log\n'

test(counts, 'ava counts what it marked', avaTally(`${PASSES}  ─\n\n  2 tests passed\n`), 0, '2 passed, 0 failed')
test(
  counts,
  'failed tests, hooks, exceptions and rejections add up',
  avaTally(
    `${PASSES}  ✘ [fail]: b\n  ─\n\n  1 test failed\n  2 hooks failed\n  1 uncaught exception\n  3 unhandled rejections\n`,
  ),
  1,
  '2 passed, 7 failed',
)
test(
  counts,
  'a skipped test is told',
  avaTally(`${PASSES}  2 tests passed\n  1 test skipped\n`),
  0,
  '2 passed, 0 failed, 1 skipped',
)
test(counts, 'ava that died in the middle is a failure', avaTally(PASSES), 1, '2 passed, 1 failed')
test(counts, 'ava that died in the middle without a word is one, too', avaTally(PASSES), 0, '2 passed, 1 failed')
test(counts, 'ava that found no file is a failure', avaTally('\n  ✘ No tests found.\n'), 1, '0 passed, 1 failed')
