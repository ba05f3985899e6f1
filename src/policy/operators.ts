/**
 * The operators of conditions, a row each: what of a policy's value is more than text, and how a value of the request is
 * compared with it. What cannot be read as what the operator compares (a number, a date, an address) equals nothing; an
 * operator that begins with a Not is met by all that the one without is not.
 */
import type { Operator } from './language.ts'
import { fits, fold, globOf, type Token } from './match.ts'
import { bytesOf, networkOf, numberOf, secondsOf } from './values.ts'
import { COLON, type Filled, type Reading } from './variables.ts'

type Test = (value: string) => boolean

interface Row {
  readonly reading: Reading
  readonly test: (wanted: Filled) => Test
  readonly negated: boolean
}

const never: Test = () => false

/** The text of what has neither wildcards nor colons of an ARN in it. */
const textOf = (wanted: Filled): string => wanted.join('')

const row = (reading: Reading, test: Row['test'], negated = false): Row => ({ reading, test, negated })
const not = ({ reading, test }: Row): Row => row(reading, test, true)

// Texts -------------------------------------------------------------------------------------------

const equals = row({ variables: true }, (wanted) => {
  const same = textOf(wanted)
  return (value) => value === same
})

const equalsIgnoringCase = row({ variables: true }, (wanted) => {
  const same = fold(textOf(wanted))
  return (value) => fold(value) === same
})

const like = row({ variables: true, wildcards: true }, (wanted) => {
  const glob = globOf(wanted as readonly Token[])
  return (value) => fits(glob, value)
})

/** ARNs are compared component by component: no star reaches over one of the first five colons. */
const arnLike = row({ variables: true, wildcards: true, colons: true }, (wanted) => {
  const globs = componentsOf(wanted).map(globOf)
  if (globs.length < 6) return never
  return (value) => {
    const parts = value.split(':')
    const components = [...parts.slice(0, 5), parts.slice(5).join(':')]
    return parts.length >= 6 && globs.every((glob, i) => fits(glob, components[i]!))
  }
})

function componentsOf(wanted: Filled): Token[][] {
  const components: Token[][] = [[]]
  const part = () => {
    if (components.length < 6) components.push([])
    else components.at(-1)!.push(':')
  }
  for (const token of wanted) {
    if (token === COLON) part()
    else if (typeof token !== 'string') components.at(-1)!.push(token)
    else {
      // What was filled in may be an ARN itself; its colons part it as if they had been written out.
      for (const [i, piece] of token.split(':').entries()) {
        if (i > 0) part()
        components.at(-1)!.push(piece)
      }
    }
  }
  return components
}

// Quantities --------------------------------------------------------------------------------------

type Holds = (value: number, bound: number) => boolean

/** Nothing holds between a number and NaN, which is what cannot be read. */
const ordered = (parse: (text: string) => number) => (holds: Holds) =>
  row({}, (wanted) => {
    const bound = parse(textOf(wanted))
    return (value) => holds(parse(value), bound)
  })

const numeric = ordered(numberOf)
const date = ordered(secondsOf)

const same: Holds = (value, bound) => value === bound
const less: Holds = (value, bound) => value < bound
const lessOrSame: Holds = (value, bound) => value <= bound
const greater: Holds = (value, bound) => value > bound
const greaterOrSame: Holds = (value, bound) => value >= bound

// The others --------------------------------------------------------------------------------------

const bool = row({}, (wanted) => {
  const truth = fold(textOf(wanted))
  return truth === 'true' || truth === 'false' ? (value) => fold(value) === truth : never
})

const binary = row({}, (wanted) => {
  const bytes = bytesOf(textOf(wanted))
  return bytes === undefined ? never : (value) => bytesOf(value) === bytes
})

const address = row({}, (wanted) => networkOf(textOf(wanted)))

export const ROWS: Readonly<Record<Operator, Row>> = {
  StringEquals: equals,
  StringNotEquals: not(equals),
  StringEqualsIgnoreCase: equalsIgnoringCase,
  StringNotEqualsIgnoreCase: not(equalsIgnoringCase),
  StringLike: like,
  StringNotLike: not(like),
  NumericEquals: numeric(same),
  NumericNotEquals: not(numeric(same)),
  NumericLessThan: numeric(less),
  NumericLessThanEquals: numeric(lessOrSame),
  NumericGreaterThan: numeric(greater),
  NumericGreaterThanEquals: numeric(greaterOrSame),
  DateEquals: date(same),
  DateNotEquals: not(date(same)),
  DateLessThan: date(less),
  DateLessThanEquals: date(lessOrSame),
  DateGreaterThan: date(greater),
  DateGreaterThanEquals: date(greaterOrSame),
  Bool: bool,
  BinaryEquals: binary,
  IpAddress: address,
  NotIpAddress: not(address),
  ArnEquals: arnLike,
  ArnLike: arnLike,
  ArnNotEquals: not(arnLike),
  ArnNotLike: not(arnLike),
  // Asked about whether the key is absent, as a truth.
  Null: bool,
}
