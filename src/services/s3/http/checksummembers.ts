/** A checksum: one member here, and in AWS's API one called by its algorithm, `ChecksumCRC32` say, beside others of its thing. */
import type { Checksum } from '../shapes.ts'

type Members = Readonly<Record<string, unknown>>

const MEMBER = /^Checksum((?:CRC|SHA)\w+)$/

/** Of which algorithm a member of AWS's is the checksum, if it is one. */
export function algorithmOf(member: string): string | undefined {
  return MEMBER.exec(member)?.[1]
}

/** A thing as AWS's API has it, and not what is in it. */
export function withChecksum({ Checksum: checksum, ...members }: Members): Members {
  if (checksum === undefined) return members
  const { algorithm, value } = checksum as Checksum
  return { ...members, [`Checksum${algorithm}`]: value }
}

/** A document as AWS's API has it. */
export function unfolded(value: unknown): unknown {
  return mapped(value, withChecksum)
}

/** What AWS's API has, as it is here. */
export function folded(value: unknown): unknown {
  return mapped(value, (members) => {
    const [checksum] = Object.entries(members).flatMap(([member, text]) => {
      const algorithm = algorithmOf(member)
      return algorithm === undefined ? [] : [{ algorithm, value: text }]
    })
    const others = Object.entries(members).filter(([member]) => algorithmOf(member) === undefined)
    return { ...Object.fromEntries(others), ...(checksum && { Checksum: checksum }) }
  })
}

function mapped(value: unknown, map: (members: Members) => Members): unknown {
  if (Array.isArray(value)) return value.map((element) => mapped(element, map))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(map(value as Members)).map(([name, member]) => [name, mapped(member, map)]))
}
