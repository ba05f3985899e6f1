/** A report as TAP 14, which prove(1) and its kin read: a line per check, and what is to be said of a failure in YAML. */
import { stringify } from 'yaml'
import type { Report, Result, Verdict } from '../report.ts'

export function tap(report: Report): string {
  const { module, token, results, complete } = report
  const lines = [
    'TAP version 14',
    comment(`${token.label} (${token.manufacturer} ${token.model}, ${token.serial})`),
    comment(`${module.path}, SHA-256 ${module.sha256}`),
    results.length === 0 ? '1..0 # SKIP nothing was checked' : `1..${results.length}`,
    ...results.flatMap((result, i) => point(result, i + 1)),
    ...(complete ? [] : ['Bail out! the run was stopped before its end']),
  ]
  return `${lines.join('\n')}\n`
}

/** What stands behind a test that says nothing of the token. */
const DIRECTIVES: Partial<Record<Verdict, string>> = { inapplicable: '# SKIP', skipped: '# SKIP' }

function point(result: Result, number: number): readonly string[] {
  const { id, title, verdict, remark } = result
  const directive = DIRECTIVES[verdict]
  const good = verdict === 'passed' || directive !== undefined
  const line = `${good ? 'ok' : 'not ok'} ${number} - ${escaped(`${id}: ${title}`)}`
  if (directive) return [`${line} ${directive} ${escaped(remark ?? verdict)}`]
  return good ? [line] : [line, ...diagnostics(result)]
}

function diagnostics({ verdict, severity, clause, expected, observed, remark, trace, reproduce }: Result): string[] {
  const calls = trace.map(({ call, args, rv }) => `${call}(${args.join(', ')}) = ${rv ?? 'did not return'}`)
  const message =
    remark ?? (observed === undefined ? verdict : `expected ${expected ?? 'otherwise'}, observed ${observed}`)
  const said = { message, verdict, severity, clause, wanted: expected, found: observed, trace: calls, reproduce }
  const yaml = stringify(said, wellFormed, { lineWidth: 0, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' })
  return ['---', ...yaml.trimEnd().split('\n'), '...'].map((line) => `  ${line}`)
}

/** YAML has no half pairs. */
function wellFormed(_key: unknown, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value
}

function comment(value: string): string {
  return `# ${oneLine(value)}`
}

/** In a description a hash begins a directive. */
function escaped(value: string): string {
  return oneLine(value).replace(/[\\#]/g, '\\$&')
}

function oneLine(value: string): string {
  return value.toWellFormed().replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
}
