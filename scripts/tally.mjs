/** Counts tests from what the runners themselves print, and turns a count and an exit code into a verdict. */

export const NOTHING = { passed: 0, failed: 0, skipped: 0 }

export function add(a, b) {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }
}

/** `12 passed, 0 failed`; skipped ones are told only when there are any. */
export function sentence({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed` + (skipped > 0 ? `, ${skipped} skipped` : '')
}

/** Every binary of `cargo test` closes with `test result: ok. 12 passed; 0 failed; 1 ignored; …`. */
export function cargoTally(output) {
  const results = plain(output).matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm)
  return [...results].reduce(
    (sum, [, passed, failed, skipped]) =>
      add(sum, { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) }),
    NOTHING,
  )
}

/** ava marks each passed test and closes with `12 tests passed`, or `3 tests failed`, `1 hook failed` and the like. */
export function avaTally(output) {
  const text = plain(output)
  const closing = (words) => sum(text.matchAll(new RegExp(`^ *(\\d+) (?:${words})$`, 'gm')))
  const failed = closing('tests? failed|hooks? failed|unhandled rejections?|uncaught exceptions?|known failures?')
  return {
    passed: [...text.matchAll(/^ *✔ /gm)].length,
    failed: failed === 0 && closing('tests? passed') === 0 ? 1 : failed,
    skipped: closing('tests? (?:skipped|todo)'),
  }
}

/** A runner that says no and cannot count why, or that ran nothing, is one failure at least. */
export function judge(tally, code) {
  const silent = tally.failed === 0 && (code !== 0 || tally.passed === 0)
  return silent ? add(tally, { ...NOTHING, failed: 1 }) : tally
}

function sum(matches) {
  return [...matches].reduce((total, [, count]) => total + Number(count), 0)
}

/** Without the colours of a terminal. */
function plain(text) {
  // eslint-disable-next-line no-control-regex -- the escape character is what is being removed
  return text.replaceAll(/\u001b\[[\d;]*m/g, '')
}
