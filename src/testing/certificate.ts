/** X.509 certificates (RFC 5280) on P-384, as DER by hand: as much as an attestation's chain needs. */
import { createPublicKey, sign, type KeyObject } from 'node:crypto'

export interface Party {
  readonly name: string
  readonly privateKey: KeyObject
}

export interface CertificateFields {
  readonly subject: Party
  readonly issuer: Party
  readonly serial: number
  readonly from: Date
  readonly to: Date
  /** Whether the subject may issue certificates itself. */
  readonly authority: boolean
}

export function certificate({ subject, issuer, serial, from, to, authority }: CertificateFields): Uint8Array {
  const body = der(
    SEQUENCE,
    der(0xa0, integer(2)),
    integer(serial),
    ECDSA_WITH_SHA384,
    nameOf(issuer),
    der(SEQUENCE, time(from), time(to)),
    nameOf(subject),
    createPublicKey(subject.privateKey).export({ type: 'spki', format: 'der' }),
    der(0xa3, der(SEQUENCE, basicConstraints(authority), keyUsage(authority))),
  )
  const signature = sign('sha384', body, issuer.privateKey)
  return der(SEQUENCE, body, ECDSA_WITH_SHA384, der(BITS, Buffer.of(0), signature))
}

const SEQUENCE = 0x30
const SET = 0x31
const BITS = 0x03
const OCTETS = 0x04

const ECDSA_WITH_SHA384 = der(SEQUENCE, oid('2a8648ce3d040303'))
const COMMON_NAME = oid('550403')
const BASIC_CONSTRAINTS = oid('551d13')
const KEY_USAGE = oid('551d0f')
const TRUE = Buffer.of(0x01, 0x01, 0xff)

function nameOf({ name }: Party): Buffer {
  return der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, der(0x0c, Buffer.from(name)))))
}

function basicConstraints(authority: boolean): Buffer {
  return der(SEQUENCE, BASIC_CONSTRAINTS, TRUE, der(OCTETS, authority ? der(SEQUENCE, TRUE) : der(SEQUENCE)))
}

/** keyCertSign, or digitalSignature. */
function keyUsage(authority: boolean): Buffer {
  const bits = authority ? Buffer.of(2, 0x04) : Buffer.of(7, 0x80)
  return der(SEQUENCE, KEY_USAGE, TRUE, der(OCTETS, der(BITS, bits)))
}

/** UTCTime, which serves until 2049. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '')
  return der(0x17, Buffer.from(digits.slice(2)))
}

function integer(value: number): Buffer {
  const hex = value.toString(16)
  const bytes = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')
  return der(0x02, bytes[0]! < 0x80 ? bytes : Buffer.concat([Buffer.of(0), bytes]))
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const n = content.length
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff]
  return Buffer.concat([Buffer.of(tag, ...length), content])
}
