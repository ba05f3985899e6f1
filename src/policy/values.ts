/** What is written as text and compared as something else: numbers, dates, bytes and addresses of the network. */
import { BlockList, isIP } from 'node:net'

/** NaN, which is neither equal nor less nor greater, for what is no integer or decimal. */
export function numberOf(text: string): number {
  return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : NaN
}

const CLOCK = String.raw`(?:[01]\d|2[0-3]):[0-5]\d`
/** ISO 8601 in the W3C's profile, but for a year alone, which would be a number. */
const DATE = new RegExp(
  String.raw`^(?<year>\d{4})-(?<month>0[1-9]|1[0-2])(-(?<day>0[1-9]|[12]\d|3[01])` +
    String.raw`(T(?<time>${CLOCK}(:[0-5]\d(\.\d+)?)?)(?<zone>Z|[+-]${CLOCK}))?)?$`,
)

/** Seconds since 1970 of a date, or of these seconds themselves; NaN for what is neither. */
export function secondsOf(text: string): number {
  const fields = DATE.exec(text)?.groups
  if (fields === undefined) return /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN
  const { year, month, day = '1', time = '00:00', zone = 'Z' } = fields
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day))
  // A month that has no such day would go on into the next one.
  if (midnight >= Date.UTC(Number(year), Number(month))) return NaN
  return midnight / 1000 + clock(time) - offset(zone)
}

function clock(time: string): number {
  const [hours, minutes, seconds = 0] = time.split(':').map(Number)
  return hours! * 3600 + minutes! * 60 + seconds
}

function offset(zone: string): number {
  if (zone === 'Z') return 0
  return (zone.startsWith('-') ? -1 : 1) * clock(zone.slice(1))
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
/** Of the bits of a last digit after one or two bytes, those that belong to the bytes. */
const TELLING: Readonly<Record<number, number>> = { 2: 0b110000, 3: 0b111100 }

/** Bytes in sixty-four digits, without padding and with spare bits of zero, as just one text is for them; undefined for none. */
export function bytesOf(text: string): string | undefined {
  const [, digits, padding] = /^([A-Za-z0-9+/]*)(={0,2})$/.exec(text) ?? []
  if (digits === undefined || padding === undefined || (digits.length + padding.length) % 4 !== 0) return undefined
  const telling = TELLING[digits.length % 4]
  if (telling === undefined) return digits
  return digits.slice(0, -1) + DIGITS[DIGITS.indexOf(digits.slice(-1)) & telling]!
}

const NETWORK = /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/

/** Whether an address is in this network; an address alone is the network of just itself. Nothing is in what is no network. */
export function networkOf(text: string): (address: string) => boolean {
  const [, address = '', length] = NETWORK.exec(text) ?? []
  const family = familyOf(address)
  const bits = family === 'ipv4' ? 32 : 128
  const prefix = Number(length ?? bits)
  if (family === undefined || prefix > bits) return () => false
  const network = new BlockList()
  network.addSubnet(address, prefix, family)
  return (value) => {
    const other = familyOf(value)
    // An IPv4 address written as one of IPv6 is in networks of IPv4; no address of IPv4 is in one of IPv6.
    return other !== undefined && (other === family || other === 'ipv6') && network.check(value, other)
  }
}

/** An address that holds in one zone alone is none that a policy could be about. */
function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = address.includes('%') ? 0 : isIP(address)
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : undefined
}
