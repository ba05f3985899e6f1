/** Small results are cut from shared slabs, as Node cuts its small Buffers: an allocation each would cost more than the cipher. */
export class Slab {
  private slab = Buffer.alloc(0)
  private used = 0

  take(length: number): Buffer {
    const from = this.used
    const to = from + length
    if (to <= this.slab.length) {
      this.used = to
      return this.slab.subarray(from, to)
    }
    this.slab = Buffer.allocUnsafeSlow(SLAB)
    this.used = length
    return this.slab.subarray(0, length)
  }
}

/** Holds the largest message there is many times over. */
const SLAB = 65_536
