/** What is made of a report: a page, JUnit, TAP and a comparison, whatever a token says of itself. */
import test from 'ava'
import { XMLParser } from 'fast-xml-parser'
import { parse } from 'yaml'
import { compare } from '../../src/conformance/report/compare.ts'
import { html } from '../../src/conformance/report/html.ts'
import { judge, type Fitness } from '../../src/conformance/report/judgement.ts'
import { junit } from '../../src/conformance/report/junit.ts'
import { tap } from '../../src/conformance/report/tap.ts'
import type { Capability, Report, Throughput, Verdict } from '../../src/conformance/report.ts'
import { failure, report, result } from './reported.ts'

const VERDICTS: readonly Verdict[] = ['passed', 'failed', 'crashed', 'hung', 'inapplicable', 'skipped']
const ofEach = report(
  VERDICTS.map((verdict) => {
    const [area, id] = [verdict.length % 2 ? 'odd' : 'even', verdict]
    const but = { id: `${area}.${id}`, verdict, title: `what is ${id}` }
    return verdict === 'failed' || verdict === 'crashed' || verdict === 'hung' ? failure(but) : result(but)
  }),
)
const HOSTILE = `]]>"'<script>alert(1)</script>&amp;\u0000\u001b[2J\n---\n# skip \\ \u202egnp.exe \ud800\uffff end`
const hostile = report(
  [
    failure({
      title: HOSTILE,
      clause: HOSTILE,
      expected: HOSTILE,
      observed: HOSTILE,
      remark: HOSTILE,
      reproduce: HOSTILE,
      trace: [{ call: HOSTILE, args: [HOSTILE], rv: HOSTILE }],
    }),
    result({ id: 'other', verdict: 'skipped', remark: HOSTILE }),
  ],
  {
    module: {
      path: HOSTILE,
      sha256: 'ab',
      cryptokiVersion: HOSTILE,
      manufacturer: HOSTILE,
      description: HOSTILE,
      libraryVersion: HOSTILE,
    },
    token: {
      label: HOSTILE,
      manufacturer: HOSTILE,
      model: HOSTILE,
      serial: HOSTILE,
      hardwareVersion: HOSTILE,
      firmwareVersion: HOSTILE,
      flags: [HOSTILE],
      mechanisms: [{ name: HOSTILE, minKeySize: -1, maxKeySize: -1, flags: [HOSTILE] }],
    },
    capabilities: [{ spec: HOSTILE, algorithm: HOSTILE, support: 'emulated', how: HOSTILE }],
    throughput: [speed({ mechanism: HOSTILE, subject: HOSTILE })],
  },
)
const empty = report([], { complete: false })

function speed(but: Partial<Throughput> = {}): Throughput {
  const figures = { operationsPerSecond: 1000, p50: 900, p90: 1100, p99: 2000, max: 9000 }
  return { mechanism: 'CKM_AES_GCM', subject: 'AES-256, 1 KiB', key: 'session', threads: 1, ...figures, ...but }
}

const able = (support: Capability['support'], spec = 'SYMMETRIC_DEFAULT'): Capability => ({
  spec,
  algorithm: 'CreateKey',
  support,
})

// JUnit -------------------------------------------------------------------------------------------

interface Testcase {
  readonly name: string
  readonly classname: string
  readonly time: string
  readonly [content: string]: unknown
}
interface Suite {
  readonly name: string
  readonly tests: string
  readonly failures: string
  readonly errors: string
  readonly skipped: string
  readonly testcase: readonly Testcase[]
  readonly [content: string]: unknown
}

function suitesOf(from: Report): readonly Suite[] {
  const lists = ['testsuite', 'testcase', 'property']
  const options = { ignoreAttributes: false, attributeNamePrefix: '', parseAttributeValue: false, htmlEntities: true }
  const parsed = new XMLParser({ ...options, isArray: (name) => lists.includes(name) }).parse(junit(from)) as {
    readonly testsuites: { readonly testsuite?: readonly Suite[] } | ''
  }
  return parsed.testsuites === '' ? [] : (parsed.testsuites.testsuite ?? [])
}

test('JUnit: a suite per area, with what it has counted', (t) => {
  const told = suitesOf(ofEach).map(({ name, tests, failures, errors, skipped }) => [
    name,
    tests,
    failures,
    errors,
    skipped,
  ])
  t.deepEqual(told, [
    ['even', '4', '1', '1', '1'],
    ['odd', '2', '0', '1', '1'],
  ])
})

const CONTENTS: Readonly<Record<Verdict, string | undefined>> = {
  passed: undefined,
  failed: 'failure',
  crashed: 'error',
  hung: 'error',
  inapplicable: 'skipped',
  skipped: 'skipped',
}
for (const verdict of VERDICTS)
  test(`JUnit: what ${verdict} is ${CONTENTS[verdict] ?? 'a test case with nothing in it'}`, (t) => {
    const cases = suitesOf(ofEach).flatMap(({ testcase }) => testcase)
    const { name, classname, time, ...content } = cases.find((each) => each.name.includes(`.${verdict}:`))!
    t.deepEqual(Object.keys(content), CONTENTS[verdict] ? [CONTENTS[verdict]] : [])
    t.regex(classname, /^strongroom\.conformance\.(odd|even)$/)
    t.regex(time, /^\d+\.\d{3}$/)
    t.true(name.endsWith(`what is ${verdict}`))
  })

test("JUnit: what a suite says and has is what Ant's schema wants, in its order", (t) => {
  const attributes = [
    'id',
    'package',
    'name',
    'hostname',
    'timestamp',
    'tests',
    'failures',
    'errors',
    'skipped',
    'time',
  ]
  for (const suite of suitesOf(ofEach)) {
    t.deepEqual(Object.keys(suite).sort(), [...attributes, 'properties', 'testcase', 'system-out', 'system-err'].sort())
    t.regex(String(suite.timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/)
  }
  t.regex(
    junit(ofEach),
    /<testsuite [^>]*>\s*<properties>[^]*?<\/properties>\s*<testcase[^]*?<system-out\/>\s*<system-err\/>\s*<\/testsuite>/,
  )
})

test('JUnit: hostile texts are text, and what XML cannot say is told as such', (t) => {
  const [suite] = suitesOf(hostile)
  t.true(suite!.testcase[0]!.name.includes(`]]>"'<script>alert(1)</script>&amp;\ufffd\ufffd[2J\n---`))
  t.false(junit(hostile).includes('<script'))
  // eslint-disable-next-line no-control-regex -- these are what XML cannot say
  t.notRegex(junit(hostile), /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/)
})
test('JUnit: every element that is opened is closed', (t) => {
  for (const each of [ofEach, hostile, empty]) t.deepEqual(unbalanced(junit(each)), [])
})
test('JUnit: a report of nothing has no suites', (t) => t.deepEqual(suitesOf(empty), []))

// TAP ---------------------------------------------------------------------------------------------

test('TAP: a line per check, numbered, with what could not be told skipped', (t) => {
  const points = tap(ofEach)
    .split('\n')
    .filter((line) => /^(not )?ok/.test(line))
  t.deepEqual(points, [
    'ok 1 - even.passed: what is passed',
    'not ok 2 - even.failed: what is failed',
    'not ok 3 - odd.crashed: what is crashed',
    'not ok 4 - even.hung: what is hung',
    'ok 5 - even.inapplicable: what is inapplicable # SKIP inapplicable',
    'ok 6 - odd.skipped: what is skipped # SKIP skipped',
  ])
})
test('TAP: version and plan come first, and a whole report does not bail out', (t) => {
  t.is(tap(ofEach).split('\n')[0], 'TAP version 14')
  t.regex(tap(ofEach), /^1\.\.6$/m)
  t.notRegex(tap(ofEach), /Bail out!/)
})
test('TAP: a partial report bails out, and an empty one plans nothing', (t) => {
  t.regex(tap(empty), /^1\.\.0 # SKIP/m)
  t.regex(tap(empty), /\nBail out! .*\n$/)
})
test('TAP: what is said of a failure is YAML', (t) => {
  t.like(diagnosticsOf(ofEach), {
    verdict: 'failed',
    severity: 'major',
    wanted: 'CKR_USER_ALREADY_LOGGED_IN',
    found: 'CKR_OK',
  })
})
test('TAP: hostile texts stay in their line, or in the YAML as they were', (t) => {
  t.is(diagnosticsOf(hostile).found, HOSTILE.toWellFormed())
  const lines = tap(hostile).split('\n')
  t.is(lines.filter((line) => /^(not )?ok /.test(line)).length, 2)
  t.true(lines.filter((line) => !/^(TAP version 14|1\.\.2|# .*|(not )?ok .*| {2}.*|)$/.test(line)).length === 0)
  t.true(lines.some((line) => line.includes('\\# skip \\\\')))
})

function diagnosticsOf(from: Report): Record<string, unknown> {
  const block = /^ {2}---\n([^]*?)^ {2}\.\.\.$/m.exec(tap(from))![1]!
  return parse(block) as Record<string, unknown>
}

// The page ----------------------------------------------------------------------------------------

test('page: nothing is loaded from anywhere', (t) => {
  for (const each of [ofEach, hostile, empty])
    t.notRegex(html(each), /<(link|img|iframe|object|embed|base)\b|\b(src|srcset|action)=|url\(|@import/)
})
test('page: hostile texts are text, and what cannot be seen is shown', (t) => {
  const page = html(hostile, compare(report(), hostile))
  t.is(page.split('<script').length, 2)
  t.notRegex(page, /alert\(1\)<\/script>/)
  // eslint-disable-next-line no-control-regex -- these are what nobody sees
  t.notRegex(page, /[\u0000-\u0008\u001b\u202e\ud800]/)
  t.true(page.includes('⟦202E⟧'))
})
test('page: every tag that is opened is closed', (t) => {
  const everything = report(ofEach.results, {
    capabilities: [able('native'), able('impossible', 'RSA_2048')],
    throughput: [speed(), speed({ threads: 4, p50: 90_000, p99: 100_000 })],
  })
  for (const page of [
    html(ofEach),
    html(hostile, compare(ofEach, hostile)),
    html(empty),
    html(everything, compare(report(), everything)),
  ])
    t.deepEqual(unbalanced(page), [])
})
for (const verdict of ['failed', 'crashed', 'hung'] as const)
  test(`page: what ${verdict} is told with what was expected, the calls, and a command`, (t) => {
    const only = html(report([failure({ verdict })]))
    const card = /<article[^]*?<\/article>/.exec(only)![0]
    for (const text of [
      verdict,
      'CKR_USER_ALREADY_LOGGED_IN',
      'CKR_OK',
      'C_Login',
      'did not come back',
      '--only session.login.twice',
    ])
      t.true(card.includes(text), text)
  })
test('page: of many failures of a kind the first is told and the others are folded, and two are not', (t) => {
  const of = (...sizes: readonly number[]): string =>
    html(report(sizes.map((size) => failure({ id: `wrap.size.${size}` }))))
  t.regex(of(1, 2, 3), /<summary>2 more of <code>wrap\.size<\/code>/)
  t.notRegex(of(1, 2), /more of/)
})
test('page: what passed has no card', (t) => t.notRegex(html(report()), /<article/))
test('page: what takes the process down has a section of its own, only where there is some', (t) => {
  t.regex(html(report([failure({ verdict: 'crashed' })])), /id="disasters"/)
  t.notRegex(html(report([failure()])), /id="disasters"/)
})
test('page: a partial report says so, and a whole one does not', (t) => {
  t.regex(html(empty), /the report is partial/)
  t.notRegex(html(ofEach), /the report is partial/)
})

/** The tags that are closed by none, or close none. */
function unbalanced(page: string): readonly string[] {
  const VOID = new Set(['meta', 'input', 'br', 'wbr', 'line', 'rect'])
  const open: string[] = []
  const wrong: string[] = []
  const markup = page.replace(/<(script|style)>[^]*?<\/\1>/g, '').replace('<!DOCTYPE html>', '')
  for (const [, closes, name, itself] of markup.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*?(\/?)>/g)) {
    if (VOID.has(name!) || itself) continue
    if (!closes) open.push(name!)
    else if (open.pop() !== name) wrong.push(name!)
  }
  return [...wrong, ...open]
}

// The judgement -----------------------------------------------------------------------------------

const judged = test.macro({
  title: (_, fitness: Fitness, why: string) => `${fitness}: ${why}`,
  exec: (t, fitness: Fitness, _why: string, from: Report) => t.is(judge(from).fitness, fitness),
})
const critical = { severity: 'critical' } as const
test(judged, 'fit', 'everything holds', report([result()], { capabilities: [able('native')] }))
test(judged, 'fit', 'what fails is not critical', report([result(), failure()]))
test(
  judged,
  'fit',
  'what is critical was not told',
  report([result(), result({ ...critical, verdict: 'inapplicable' })]),
)
test(
  judged,
  'fit with emulation',
  'part of the work is done outside',
  report([result()], { capabilities: [able('native'), able('emulated', 'RSA_2048')] }),
)
test(
  judged,
  'fit',
  'what is impossible is not what every KMS has',
  report([result()], { capabilities: [able('impossible', 'ML_DSA_44')] }),
)
test(
  judged,
  'unfit',
  'the key that every KMS has is impossible',
  report([result()], { capabilities: [able('impossible')] }),
)
for (const verdict of ['failed', 'crashed', 'hung'] as const)
  test(judged, 'unfit', `what is critical ${verdict}`, report([failure({ ...critical, verdict })]))
test(
  judged,
  'unfit',
  'what is critical failed before the run was stopped',
  report([failure(critical)], { complete: false }),
)
test(judged, 'undecided', 'the run was stopped', report([result()], { complete: false }))
test(judged, 'undecided', 'nothing was checked', report([]))

// The comparison ----------------------------------------------------------------------------------

type Lists = 'better' | 'worse' | 'fresh' | 'gone'
const changes = test.macro({
  title: (_, before: Verdict | undefined, after: Verdict | undefined, list: Lists | 'nothing') =>
    `from ${before ?? 'not there'} to ${after ?? 'not there'} is ${list}`,
  exec(t, before: Verdict | undefined, after: Verdict | undefined, list: Lists | 'nothing') {
    const of = (verdict: Verdict | undefined): Report => report(verdict ? [result({ verdict })] : [])
    const { better, worse, fresh, gone, unchanged } = compare(of(before), of(after))
    const lists = { better, worse, fresh, gone }
    const told = Object.entries(lists).filter(([, each]) => each.length > 0)
    t.deepEqual(
      told.map(([name]) => name),
      list === 'nothing' ? [] : [list],
    )
    t.is(unchanged, list === 'nothing' ? 1 : 0)
  },
})
test(changes, 'failed', 'passed', 'better')
test(changes, 'crashed', 'failed', 'better')
test(changes, 'hung', 'hung', 'nothing')
test(changes, 'passed', 'failed', 'worse')
test(changes, 'failed', 'crashed', 'worse')
test(changes, 'skipped', 'failed', 'fresh')
test(changes, undefined, 'passed', 'fresh')
test(changes, 'passed', undefined, 'gone')
test(changes, 'failed', 'inapplicable', 'gone')
test(changes, 'skipped', 'inapplicable', 'nothing')

test('two reports of a device are of the same device', (t) => {
  const { identical, traits } = compare(report(), ofEach)
  t.true(identical)
  t.true(traits.every(({ same }) => same))
})
test('another module is another device, and the page says so', (t) => {
  const before = report([], { module: { ...report().module, sha256: 'cd'.repeat(32) } })
  const compared = compare(before, report())
  t.false(compared.identical)
  t.deepEqual(
    compared.traits.filter(({ same }) => !same).map(({ name }) => name),
    ['Module (SHA-256)'],
  )
  t.regex(html(report(), compared), /not of the same device/)
  t.notRegex(html(report(), compare(report(), report())), /not of the same device/)
})
test('what a KMS can do is compared', (t) => {
  const of = (...capabilities: readonly Capability[]): Report => report([], { capabilities })
  const { capabilities } = compare(
    of(able('native'), able('emulated', 'RSA_2048')),
    of(able('native'), able('native', 'RSA_2048'), able('native', 'HMAC_256')),
  )
  t.deepEqual(
    capabilities.map(({ spec, before, after }) => [spec, before, after]),
    [
      ['RSA_2048', 'emulated', 'native'],
      ['HMAC_256', undefined, 'native'],
    ],
  )
})
for (const [rate, told] of [
  [1000, 0],
  [1100, 0],
  [910, 0],
  [1300, 1],
  [700, 1],
] as const)
  test(`from 1000 to ${rate} a second is ${told ? 'told' : 'what measuring again comes to'}`, (t) => {
    const of = (operationsPerSecond: number): Report => report([], { throughput: [speed({ operationsPerSecond })] })
    t.is(compare(of(1000), of(rate)).throughput.length, told)
  })
test('a report survives JSON, and makes the same of it', (t) => {
  const again = JSON.parse(JSON.stringify(ofEach)) as Report
  for (const make of [html, junit, tap]) t.is(make(again), make(ofEach))
})
