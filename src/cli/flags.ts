/** The command line as a table: what can be said, what it means, and what to answer to anything else. */
import { parseArgs } from 'node:util'
import { nearest } from '../nearest.ts'

/** Wrong use of the command line: told in a line, exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface Flag {
  /** Names of the values it takes, as help shows them; none for a switch. */
  readonly values: readonly string[]
  readonly help: string
}

export type Flags = Readonly<Record<string, Flag>>
/** What was given: the values of each flag. */
export type Given<F extends Flags> = { readonly [Name in keyof F]?: readonly string[] }

export function readFlags<F extends Flags>(flags: F, args: readonly string[]): Given<F> {
  const given: Record<string, string[]> = {}
  const rest = [...args]
  // parseArgs knows flags of no value and of one; one of two is cut out first.
  for (const [name, { values }] of Object.entries(flags)) {
    const at = values.length === 2 ? rest.indexOf(`--${name}`) : -1
    if (at >= 0) accept(name, rest.splice(at, 3).slice(1))
  }
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { values }]) => [name, { type: values.length ? 'string' : 'boolean' } as const]),
  )
  const { tokens } = parseArgs({ args: rest, options, strict: false, allowPositionals: true, tokens: true })
  for (const token of tokens) {
    if (token.kind === 'positional') throw new UsageError(`unexpected \`${token.value}\``)
    if (token.kind === 'option') accept(token.name, token.value === undefined ? [] : [token.value], token.rawName)
  }
  return given

  function accept(name: string, values: string[], written = `--${name}`): void {
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined
    if (!flag)
      throw new UsageError(`unknown flag \`${written}\`${nearest(name, Object.keys(flags), (word) => `\`--${word}\``)}`)
    if (Object.hasOwn(given, name)) throw new UsageError(`\`--${name}\` is given twice`)
    const wanted = flag.values
    if (wanted.length === 0 && values.length > 0) throw new UsageError(`\`--${name}\` takes no value`)
    if (values.length < wanted.length || values.some((value) => value === '' || value.startsWith('--'))) {
      throw new UsageError(`\`--${name}\` needs ${wanted.join(' and ')}`)
    }
    given[name] = values
  }
}

/** A whole number in a range, or a usage error that names the flag. */
export function wholeNumber(
  name: string,
  values: readonly string[] | undefined,
  [least, most]: readonly [number, number],
): number | undefined {
  if (values === undefined) return undefined
  const number = Number(values[0])
  if (/^\d+$/.test(values[0] ?? '') && number >= least && number <= most) return number
  throw new UsageError(`\`--${name}\` must be a whole number from ${least} to ${most}`)
}

/** The flags in two columns. */
export function flagHelp(flags: Flags): string {
  const rows = Object.entries(flags).map(
    ([name, { values, help }]) => [[`--${name}`, ...values].join(' '), help] as const,
  )
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, help]) => `  ${left.padEnd(width)}  ${help}\n`).join('')
}
