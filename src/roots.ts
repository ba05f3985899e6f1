/** The certificates of those whose attestation is believed. */
import { X509Certificate } from 'node:crypto'
import type { Instant } from './clock.ts'

interface Root {
  readonly der: Uint8Array
  readonly from: Instant
  readonly to: Instant
}

export class Roots {
  private readonly roots: readonly Root[]

  /** From certificates in PEM, one in each string. Throws a TypeError for what is none. */
  constructor(certificates: readonly string[]) {
    this.roots = certificates.map(rootOf)
  }

  /** Those that are valid at `now`, in DER. */
  at(now: Instant): Uint8Array[] {
    return this.roots.filter(({ from, to }) => from <= now && now <= to).map(({ der }) => der)
  }
}

function rootOf(pem: string, index: number): Root {
  try {
    const { raw, validFrom, validTo } = new X509Certificate(pem)
    return { der: raw, from: Date.parse(validFrom), to: Date.parse(validTo) }
  } catch (cause) {
    throw new TypeError(`attestation root ${index + 1} is no certificate in PEM`, { cause })
  }
}
