/**
 * Finds what has open places, `?`, in a text. All places where it may have begun are followed at once, a bit each, so that
 * every character is looked at once, however alike the text and what is sought are.
 */

/** Stands for a code unit that may be any. */
export const ANY = -1

/** Where `units` are first in a text, beginning between `from` and `to`; or -1. */
export type Search = (text: string, from: number, to: number) => number

export function searchFor(units: readonly number[]): Search {
  const masks = masksOf(units)
  const others = masks.get(ANY)!
  const words = others.length
  const complete = 1 << ((units.length - 1) & 31)
  return (text, from, to) => {
    // Bit i is set when the first i + 1 units fit what has been read last.
    const reached = new Uint32Array(words)
    for (let at = from; at < to + units.length; at++) {
      const mask = masks.get(text.charCodeAt(at)) ?? others
      let carry = 1
      for (let word = 0; word < words; word++) {
        const before = reached[word]!
        reached[word] = ((before << 1) | carry) & mask[word]!
        carry = before >>> 31
      }
      if ((reached[words - 1]! & complete) !== 0) return at + 1 - units.length
    }
    return -1
  }
}

/** For every code unit, and under ANY for those that are not sought, the places where it will do. */
function masksOf(units: readonly number[]): ReadonlyMap<number, Uint32Array> {
  const open = new Uint32Array(Math.ceil(units.length / 32))
  const masks = new Map([[ANY, open]])
  const mark = (mask: Uint32Array, place: number) => void (mask[place >> 5]! |= 1 << (place & 31))
  units.forEach((unit, place) => unit === ANY && mark(open, place))
  for (const [place, unit] of units.entries()) {
    if (!masks.has(unit)) masks.set(unit, open.slice())
    mark(masks.get(unit)!, place)
  }
  return masks
}
