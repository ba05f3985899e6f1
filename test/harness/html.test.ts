/** The page of a run: it says what was measured, needs nothing else, and believes no name. */
import { createHash } from 'node:crypto'
import test from 'ava'
import type { Measured, Step } from '../../src/harness/measured.ts'
import { benchPage } from '../../src/harness/report/html.ts'
import { intervals, measured, tally, times } from './run.ts'

const steps: readonly Step[] = [1, 4, 16, 64].map((closed) => ({
  pace: { closed },
  perSecond: 20_000 * (1 - Math.exp(-closed / 8)),
  failed: 0,
  ...{ p50: 100 + closed, p99: 300 + 10 * closed, max: 5000 },
  generator: { busy: 0.2, behind: 10, unsent: 0, limited: false },
}))
const [encrypt, sign] = [
  tally(times(9000, 180)),
  tally(times(900, 900), { failed: 300, errors: { ThrottlingException: 280, timeout: 20 }, throttled: 280 }),
]
const mix = measured({
  operations: { Encrypt: encrypt, 'Sign RSA_2048': sign },
  total: tally([...times(9000, 180), ...times(900, 900)], { failed: 300, throttled: 280 }),
  intervals: intervals(30, 990, 200, { failed: 30 }),
  ramp: { steps, knee: 2 },
})
const nothing = tally([], { failed: 12, errors: { connection: 12 } })
const failed = measured({
  operations: { Encrypt: nothing },
  total: nothing,
  intervals: intervals(3, 0, 0, { p99: 0, max: 0 }),
})
const brief = measured({ intervals: [], operations: { Encrypt: tally([1000]) }, total: tally([1000]) })

const shows = test.macro({
  title: (_, sentence: string) => sentence,
  exec(
    t,
    _sentence: string,
    run: Measured,
    { has = [], lacks = [] }: { has?: readonly RegExp[]; lacks?: readonly RegExp[] },
  ) {
    const page = benchPage(run)
    for (const each of has) t.regex(page, each)
    for (const each of lacks) t.notRegex(page, each)
  },
})

test(shows, 'what was measured, where, and by which command', measured(), {
  has: [
    /<h1>Encrypt 1 KiB <small>on strongroom<\/small>/,
    /16 at a time, each again once answered/,
    /<code>strongroom bench --operation Encrypt --connections 16<\/code>/,
    /<dt>CPU<\/dt><dd>A CPU<\/dd>/,
    /<dt>Kernel<\/dt><dd>6\.1\.0<\/dd>/,
    /id="curves"/,
    /id="seconds"/,
  ],
})
test(shows, 'a plain run has no ramp, no warning and no failures', measured(), {
  lacks: [/id="ramp"/, /class="warnings"/, /What failed/],
})
test(shows, 'a ramp has its knee, and a curve of throughput and of times', mix, {
  has: [/The knee is at 16 at a time, with 17.293 operations a second/, /Operations a second/, /99th percentile/],
})
test(
  shows,
  'a step in which nothing succeeded has a throughput, and no times',
  measured({ ramp: { steps: [{ ...steps[0]!, perSecond: 0, p50: 0, p99: 0, max: 0 }, ...steps.slice(1)], knee: 2 } }),
  { has: [/Throughput: 1 at a time 0\.?0*\/s/], lacks: [/NaN|Infinity/] },
)
test(shows, 'a mix has a row and a curve for each operation, and one for all', mix, {
  has: [/<title>all operations<\/title>/, /<title>Sign RSA_2048<\/title>/, /<th scope="row">All<\/th>/],
})
test(shows, 'failures are told by type, and warned of', mix, {
  has: [
    /<code>ThrottlingException<\/code><\/th><td>Sign RSA_2048<\/td><td class="number">280</,
    /class="warnings"/,
    /280 of them throttled/,
  ],
})
test(
  shows,
  'a generator at its limit says that the figures may be its own',
  measured({ generator: { busy: 0.97, behind: 9, unsent: 0, limited: true } }),
  { has: [/at work 97 % of the time: it, and not the target, may have set these figures/] },
)
test(shows, 'how far behind the generator was is said of a rate, where it matters', measured({ pace: { rate: 500 } }), {
  has: [/behind by 120 µs at most/],
})
test(shows, 'and not of a closed loop', measured(), { lacks: [/behind by/] })
test(
  shows,
  'a rate that is not kept up with is said',
  measured({ pace: { rate: 5000 }, generator: { busy: 0.3, behind: 9, unsent: 77, limited: false } }),
  { has: [/77 requests were due and never sent: the target does not keep up with 5.000 a second/] },
)
test(shows, 'a run in which all failed has no curve, and says so', failed, {
  has: [/100 % of all requests failed/, /<code>connection<\/code>/],
  lacks: [/id="curves"/],
})
test(shows, 'a run of one answer and no whole second is drawn all the same', brief, {
  has: [/id="curves"/],
  lacks: [/id="seconds"/],
})

for (const [name, run] of Object.entries({ plain: measured(), mix, failed, brief })) {
  test(`no number of the page is undefined, infinite or none: ${name}`, (t) => {
    t.notRegex(benchPage(run), /NaN|Infinity|undefined|null/)
  })
}

test('the page loads nothing, and its policy lets its own script run alone', (t) => {
  const page = benchPage(mix)
  t.notRegex(page, /<(?:link|img|iframe)\b|\bsrc=|url\(|@import/)
  const [, script = ''] = /<script>([\s\S]*?)<\/script>/.exec(page) ?? []
  t.true(page.includes(`script-src &#39;sha256-${createHash('sha256').update(script).digest('base64')}&#39;`))
})

test('a name stays text, wherever it comes from', (t) => {
  const HOSTILE = `"'><script>alert(1)</script>\u202e`
  const one = tally(times(100, 100), { failed: 1, errors: { [HOSTILE]: 1 } })
  const page = benchPage(
    measured({
      command: HOSTILE,
      started: HOSTILE,
      version: HOSTILE,
      target: { kind: 'http', name: HOSTILE, url: HOSTILE },
      workload: {
        ...measured().workload,
        name: HOSTILE,
        operations: [{ name: HOSTILE, operation: HOSTILE, keySpec: HOSTILE, weight: 1 }],
      },
      environment: { ...measured().environment, cpu: HOSTILE, kernel: HOSTILE, node: HOSTILE, machine: HOSTILE },
      operations: { [HOSTILE]: one, Encrypt: one },
      total: one,
    }),
  )
  t.is(page.split('<script>').length, 2)
  t.false(page.includes('\u202e'))
})
