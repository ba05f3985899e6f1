/** Which mebibytes of a disk were ever written to: all that copies have to look at, for most of a disk is holes. */

const MEBIBYTE = 1024 ** 2
/** Records stay short: what is more scattered than that is one range. */
const MOST = 256

/** From, and up to without it, in mebibytes; in order. */
export type Ranges = readonly (readonly [from: number, to: number])[]

export class Written {
  /** One a mebibyte, 1 where something was written. */
  readonly #marks: Uint8Array

  constructor(bytes: number, known: Ranges) {
    this.#marks = new Uint8Array(Math.ceil(bytes / MEBIBYTE))
    for (const [from, to] of known) this.#marks.fill(1, from, to)
  }

  note(offset: number, length: number): void {
    this.#marks.fill(1, Math.floor(offset / MEBIBYTE), Math.ceil((offset + length) / MEBIBYTE))
  }

  ranges(): Ranges {
    const found: [number, number][] = []
    for (let from = this.#marks.indexOf(1); from >= 0;) {
      const end = this.#marks.indexOf(0, from)
      const to = end < 0 ? this.#marks.length : end
      found.push([from, to])
      from = this.#marks.indexOf(1, to)
    }
    return found.length > MOST ? [[found[0]![0], found.at(-1)![1]]] : found
  }
}

/** `[offset, length]` in bytes of the pieces, none longer than `most`, of what is written; of all where that is not known. */
export function* pieces(ranges: Ranges | undefined, bytes: number, most: number): Generator<[number, number]> {
  for (const [from, to] of ranges ?? [[0, Math.ceil(bytes / MEBIBYTE)]]) {
    const end = Math.min(to * MEBIBYTE, bytes)
    for (let at = from * MEBIBYTE; at < end; at += most) yield [at, Math.min(most, end - at)]
  }
}
