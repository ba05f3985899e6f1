/**
 * The operators of conditions, a row each: what of a policy's value is more than text, and how a value of the request is
 * compared with it. What cannot be read as what the operator compares (a number, a date, an address) equals nothing; an
 * operator that begins with a Not is met by all that the one without is not.
 */
import { BlockList, isIP } from 'node:net'
import type { Operator } from './language.ts'
import { fits, fold, globOf, type Token } from './match.ts'
import { COLON, type Filled, type Reading } from './variables.ts'

type Test = (value: string) => boolean

interface Row {
  readonly reading: Reading
  readonly test: (wanted: Filled) => Test
  readonly negated: boolean
}

const never: Test = () => false

/** The text of what has neither wildcards nor colons of an ARN in it. */
const text = (wanted: Filled): string => wanted.join('')

const row = (reading: Reading, test: Row['test'], negated = false): Row => ({ reading, test, negated })
const not = ({ reading, test }: Row): Row => row(reading, test, true)

// Texts -------------------------------------------------------------------------------------------

const equals = row({ variables: true }, (wanted) => {
  const same = text(wanted)
  return (value) => value === same
})

const equalsIgnoringCase = row({ variables: true }, (wanted) => {
  const same = fold(text(wanted))
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
  for (const token of wanted) {
    if (token === COLON && components.length < 6) components.push([])
    else components.at(-1)!.push(token === COLON ? ':' : token)
  }
  return components
}

// Quantities --------------------------------------------------------------------------------------

type Holds = (value: number, bound: number) => boolean

/** Nothing holds between a number and NaN, which is what cannot be read. */
const ordered = (parse: (text: string) => number) => (holds: Holds) =>
  row({}, (wanted) => {
    const bound = parse(text(wanted))
    return (value) => holds(parse(value), bound)
  })

const numeric = ordered((value) => (/^[+-]?\d+(\.\d+)?$/.test(value) ? Number(value) : NaN))
const date = ordered((value) => (/^\d+(\.\d+)?$/.test(value) ? Number(value) : secondsOf(value)))

const same: Holds = (value, bound) => value === bound
const less: Holds = (value, bound) => value < bound
const lessOrSame: Holds = (value, bound) => value <= bound
const greater: Holds = (value, bound) => value > bound
const greaterOrSame: Holds = (value, bound) => value >= bound

/** ISO 8601 as the W3C's profile has it. Digits alone are epoch seconds. */
const DATE = /^(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?(?:Z|([+-])(\d\d):(\d\d)))?)?$/

function secondsOf(value: string): number {
  const fields = DATE.exec(value)
  if (fields === null) return NaN
  const [year, month, day, hour, minute, second, , zoneHour, zoneMinute] = fields
    .slice(1)
    .map((field) => Number(field ?? 0))
  return at(year!, month!, fields[3] === undefined ? 1 : day!, hour! * 3600 + minute! * 60 + second!) - zone()

  function zone(): number {
    return (fields![7] === '-' ? -1 : 1) * (zoneHour! * 3600 + zoneMinute! * 60)
  }
}

/** NaN for a day its month has not, and for a time its day has not. */
function at(year: number, month: number, day: number, seconds: number): number {
  const midnight = Date.UTC(year, month - 1, day) / 1000
  const isDay = month >= 1 && month <= 12 && day >= 1 && midnight < Date.UTC(year, month, 1) / 1000
  return isDay && seconds < 86_400 ? midnight + seconds : NaN
}

// The others --------------------------------------------------------------------------------------

const isTruth = (value: string) => value === 'true' || value === 'false'

const bool = row({}, (wanted) => {
  const truth = fold(text(wanted))
  return isTruth(truth) ? (value) => fold(value) === truth : never
})

const binary = row({}, (wanted) => {
  const bytes = bytesOf(text(wanted))
  return bytes === undefined ? never : (value) => bytesOf(value) === bytes
})

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Of all the ways to write the same bytes in sixty-four digits, the one without padding whose spare bits are zero. */
function bytesOf(value: string): string | undefined {
  const [, digits] =
    /^((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?===$)|[A-Za-z0-9+/]{3}(?==$))?)={0,2}$/.exec(value) ?? []
  const spare = { 2: 0b110000, 3: 0b111100 }[(digits?.length ?? 0) % 4]
  if (digits === undefined || spare === undefined) return digits
  return digits.slice(0, -1) + DIGITS[DIGITS.indexOf(digits.at(-1)!) & spare]!
}

/** An address alone is the network of just it. */
const address = row({}, (wanted) => {
  const [, network, length] = /^([^/%]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text(wanted)) ?? []
  const family = familyOf(network ?? '')
  if (family === undefined) return never
  const bits = family === 'ipv4' ? 32 : 128
  const prefix = length === undefined ? bits : Number(length)
  if (prefix > bits) return never
  const list = new BlockList()
  list.addSubnet(network!, prefix, family)
  return (value) => list.check(value, familyOf(value) ?? 'ipv4')
})

function familyOf(value: string): 'ipv4' | 'ipv6' | undefined {
  const version = value.includes('%') ? 0 : isIP(value)
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : undefined
}

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
