/**
 * A bounded map that forgets what has not been asked for lately, at the price of a plain Map on the way that matters:
 * entries live in a young or an old generation; a hit in the old one moves to the young; when the young is full, the
 * old is dropped and the young grows old.
 */
export class Generations<K, V> {
  private young = new Map<K, V>()
  private old = new Map<K, V>()
  private readonly half: number
  private readonly dropped: ((value: V) => void) | undefined

  /** Keeps at most `limit` entries, and at least the last half of it; `dropped` is told of each one let go. */
  constructor(limit: number, dropped?: (value: V) => void) {
    this.half = Math.max(1, limit >> 1)
    this.dropped = dropped
  }

  get(key: K): V | undefined {
    return this.young.get(key) ?? this.promote(key)
  }

  set(key: K, value: V): void {
    this.old.delete(key)
    this.young.set(key, value)
    if (this.young.size < this.half) return
    if (this.dropped) for (const value of this.old.values()) this.dropped(value)
    this.old = this.young
    this.young = new Map()
  }

  /** Forgets one entry, without telling `dropped`. */
  delete(key: K): void {
    this.young.delete(key)
    this.old.delete(key)
  }

  get size(): number {
    return this.young.size + this.old.size
  }

  private promote(key: K): V | undefined {
    const value = this.old.get(key)
    if (value !== undefined) this.set(key, value)
    return value
  }
}
