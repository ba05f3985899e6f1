/** What is kept of a run, and how two that were kept are compared. */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { HistogramLogReader } from 'hdr-histogram-js'
import { benchCompare } from '../../src/cli/benchcompare.ts'
import { UsageError } from '../../src/cli/flags.ts'
import type { Measured } from '../../src/harness/measured.ts'
import { filesOf, keepRun } from '../../src/harness/report/files.ts'
import { intervals, measured, tally, times } from './run.ts'

const mix = measured({
  operations: { Encrypt: tally(times(9000, 180)), 'Sign RSA_2048': tally(times(900, 900)), '../x,y': tally([]) },
})

test('a folder has the run as JSON and as a page, and its histograms', async (t) => {
  const folder = join(mkdtempSync(join(tmpdir(), 'strongroom-')), 'new', 'run')
  await keepRun(folder, mix)
  t.deepEqual(readdirSync(folder).sort(), [
    ...['-x-y.hgrm', 'Encrypt.hgrm', 'Sign-RSA_2048.hgrm', 'histograms.hlog', 'report.html', 'report.json'],
  ])
  t.deepEqual(JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')), mix)
  await keepRun(folder, measured())
  t.deepEqual(JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')), measured(), 'the later run is kept')
})

test('the log of histograms reads as others read it, each operation by its tag', (t) => {
  const reader = new HistogramLogReader(filesOf(mix)['histograms.hlog']!, 32)
  const [encrypt, sign, none] = [1, 2, 3].map(() => reader.nextIntervalHistogram())
  t.is(encrypt!.tag, 'Encrypt')
  t.is(encrypt!.totalCount, 9000)
  t.is(Math.round(encrypt!.getValueAtPercentile(50) / 1000), Math.round(mix.operations.Encrypt!.latency.p50))
  t.is(sign!.tag, 'Sign-RSA_2048')
  t.is(none!.totalCount, 0)
  t.is(reader.nextIntervalHistogram(), null)
})

test('percentiles are told in microseconds', (t) => {
  t.regex(filesOf(mix)['Encrypt.hgrm']!, /^ +\d{3}\.\d+ +0\.5\d* /m)
})

// Two that were kept ------------------------------------------------------------------------------

/** Writes each run to a file, and compares them as typed. */
async function compared(...runs: readonly (Measured | string)[]) {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-'))
  const paths = runs.map((run, i) => {
    const path = join(folder, `${i}.json`)
    writeFileSync(path, typeof run === 'string' ? run : JSON.stringify(run))
    return path
  })
  const said: string[] = []
  const world = { out: (text: string) => said.push(text), error: (text: string) => void said.push(text) }
  return { code: await benchCompare(paths, world), said: said.join('') }
}

const quick = measured({ total: tally(times(9000, 160), { perSecond: 1250 }), intervals: intervals(10, 1250, 160) })

test('what became faster is said, and is no failure', async (t) => {
  const { code, said } = await compared(measured(), quick)
  t.is(code, 0)
  t.regex(said, /^Encrypt, throughput: faster by /)
})
test('what became slower is one', async (t) => {
  const { code, said } = await compared(quick, measured())
  t.is(code, 1)
  t.regex(said, /^Encrypt, throughput: slower by /)
})
test('runs of two machines are not compared', async (t) => {
  const elsewhere = measured({ environment: { ...measured().environment, cores: 4 } })
  const { code, said } = await compared(measured(), elsewhere)
  t.is(code, 2)
  t.is(said, 'strongroom: these runs cannot be compared: another number of cores (2, then 4)\n')
})
test('a folder stands for the run in it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-'))
  await keepRun(folder, measured())
  t.is(await benchCompare([folder, join(folder, 'report.json')], { out: () => undefined, error: t.fail }), 0)
})

const refuses = test.macro({
  title: (_, sentence: string) => `refused: ${sentence}`,
  async exec(t, _sentence: string, runs: readonly (Measured | string)[], message: RegExp) {
    await t.throwsAsync(() => compared(...runs), { instanceOf: UsageError, message })
  },
})
const but = (change: object): string => JSON.stringify({ ...measured(), ...change })

test(refuses, 'one run', [measured()], /needs two runs/)
test(refuses, 'three runs', [quick, quick, quick], /needs two runs/)
test(refuses, 'no JSON', ['{', quick], /cannot be read/)
test(refuses, 'null', ['null', quick], /cannot be read/)
test(refuses, 'other JSON', ['{}', quick], /it must have `schema`/)
test(
  refuses,
  'another schema',
  [but({ schema: 'strongroom/measured/9' }), quick],
  /`schema` must be `strongroom\/measured\/1`/,
)
test(
  refuses,
  'a second that is no number',
  [quick, but({ intervals: [{ ...quick.intervals[0], p50: 'x' }] })],
  /`intervals`\[0\]\.p50/,
)
test(
  refuses,
  'an operation without times',
  [quick, but({ operations: { Encrypt: { succeeded: 1 } } })],
  /`operations`\.Encrypt must have/,
)
