/** Chance as a seam: where ids come from. Key material is the HSM's own business, and its own chance. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'

export interface Entropy {
  /** A UUID of version 4. */
  uuid(): string
  /** So many bytes, as lower-case hex digits. */
  hex(bytes: number): string
}

/** The machine's. */
export const systemEntropy: Entropy = {
  uuid: () => randomUUID(),
  hex: (bytes) => randomBytes(bytes).toString('hex'),
}

/** What is said aloud of a seeded room. */
export const SEED_WARNING = 'keys are made from a seed and are not secret: for tests alone'

/** The same ids in the same order for the same seed: for tests that are to be repeated, and for nothing else. */
export function seededEntropy(seed: string): Entropy {
  let drawn = 0
  const hex = (bytes: number): string => {
    let digits = ''
    while (digits.length < 2 * bytes) digits += createHash('sha256').update(`id ${seed} ${drawn++}`).digest('hex')
    return digits.slice(0, 2 * bytes)
  }
  return {
    hex,
    uuid() {
      const digits = hex(16)
      const variant = '89ab'[Number.parseInt(digits[16]!, 16) % 4]!
      return [
        digits.slice(0, 8),
        digits.slice(8, 12),
        `4${digits.slice(13, 16)}`,
        `${variant}${digits.slice(17, 20)}`,
        digits.slice(20),
      ].join('-')
    },
  }
}
