/**
 * A report as JUnit's XML, which build servers show: a suite per area, a test case per check. What brought the module down is an
 * error, what only does not hold a failure. Holds to both schemas in use, that of Ant and the one of Jenkins.
 */
import type { Report, Result, Verdict } from '../report.ts'
import { areaOf, areasOf } from './areas.ts'

export function junit(report: Report): string {
  const suites = areasOf(report.results).map(([area, results], i) => suite(report, area, results, i))
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', {}, suites)}\n`
}

function suite(report: Report, area: string, results: readonly Result[], id: number): string {
  const count = (...verdicts: readonly Verdict[]): number =>
    results.filter(({ verdict }) => verdicts.includes(verdict)).length
  const attributes = {
    id,
    package: 'strongroom.conformance',
    name: area,
    hostname: 'localhost',
    // The schema of Ant has a time without a zone.
    timestamp: report.started.slice(0, 19),
    tests: results.length,
    failures: count('failed'),
    errors: count('crashed', 'hung'),
    skipped: count('skipped', 'inapplicable'),
    time: seconds(results.reduce((sum, { milliseconds }) => sum + milliseconds, 0)),
  }
  const properties = element('properties', {}, device(report))
  return element('testsuite', attributes, [properties, ...results.map(testcase), '<system-out/>', '<system-err/>'])
}

function device({ module, token, strongroom, complete }: Report): readonly string[] {
  const all = {
    ...{ strongroom, complete: String(complete), 'module.path': module.path, 'module.sha256': module.sha256 },
    ...{ 'module.libraryVersion': module.libraryVersion, 'token.label': token.label, 'token.model': token.model },
    ...{ 'token.serial': token.serial, 'token.firmwareVersion': token.firmwareVersion },
  }
  return Object.entries(all).map(([name, value]) => element('property', { name, value }))
}

function testcase(result: Result): string {
  const attributes = {
    name: `${result.id}: ${result.title}`,
    classname: `strongroom.conformance.${areaOf(result)}`,
    time: seconds(result.milliseconds),
  }
  return element('testcase', attributes, CONTENTS[result.verdict](result))
}

const CONTENTS: Readonly<Record<Verdict, (result: Result) => readonly string[]>> = {
  passed: () => [],
  failed: (result) => [problem('failure', result)],
  crashed: (result) => [problem('error', result)],
  hung: (result) => [problem('error', result)],
  inapplicable: skipped,
  skipped,
}

function skipped({ verdict, remark }: Result): readonly string[] {
  return [element('skipped', { message: remark ?? verdict })]
}

function problem(name: 'failure' | 'error', result: Result): string {
  const { verdict, severity, clause, expected, observed, remark, trace, reproduce } = result
  const lines = [
    `severity: ${severity}`,
    `clause: ${clause}`,
    ...(expected === undefined ? [] : [`expected: ${expected}`]),
    ...(observed === undefined ? [] : [`observed: ${observed}`]),
    ...(remark === undefined ? [] : [remark]),
    ...trace.map(({ call, args, rv }) => `${call}(${args.join(', ')}) = ${rv ?? 'did not return'}`),
    `reproduce: ${reproduce}`,
  ]
  const message = observed === undefined ? verdict : `expected ${expected ?? 'otherwise'}, observed ${observed}`
  return element(name, { type: `${verdict}.${severity}`, message }, [text(lines.join('\n'))])
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3)
}

function element(name: string, attributes: Record<string, string | number>, content: readonly string[] = []): string {
  const opening = [name, ...Object.entries(attributes).map(([key, value]) => `${key}="${text(String(value))}"`)].join(
    ' ',
  )
  return content.length === 0 ? `<${opening}/>` : `<${opening}>${content.join('\n')}</${name}>`
}

/** XML 1.0 has no way to say most control characters, nor half a pair: those are shown as what they are not. */
function text(value: string): string {
  return value
    .toWellFormed()
    .replace(/[^\t\n\r\x20-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>"'\n\r\t]/g, (each) => `&#${each.charCodeAt(0)};`)
}
