/** Wycheproof through the token: elliptic curves. */
import { createHash } from 'node:crypto'
import type { Check } from '../check.ts'
import type { Template } from '../cryptoki/memory.ts'
import { CKK, CKO, CKR } from '../cryptoki/numbers.ts'
import { CURVES, ecPrivate, ecPublic, hex, octetString, READABLE, SESSION } from '../keys.ts'
import { ecdh, eddsa } from '../parameters.ts'
import {
  bytesOf,
  checksOf,
  hashOf,
  type Family,
  type Group,
  type Tried,
  type Vector,
  type Workplace,
} from '../vectors.ts'

const VERIFIES = ['SIGNATURE_INVALID', 'SIGNATURE_LEN_RANGE'] as const
const POINTS = ['PUBLIC_KEY_INVALID', 'MECHANISM_PARAM_INVALID', 'DOMAIN_PARAMS_INVALID'] as const
const curveOf = ({ curve }: Group): string => curve!

/** Mechanisms on digests: who hashes is tried elsewhere, and any hash is right for any curve here. */
const ECDSA: Family = {
  id: 'ecdsa',
  file: 'ecdsa',
  clause: 'PKCS#11 3.1, 6.3.12 ECDSA without hashing',
  needs: ['ECDSA'],
  subject: (group) => `${group.curve!}.${hashOf(group.sha!)}`,
  refusals: VERIFIES,
  attempt(place, group, vector) {
    const point = hex(group.publicKey!)
    const key = place.key(group.publicKey!, ecPublic(group.curve!, point, 'VERIFY'))
    if (key === undefined) return undefined
    const digest = createHash(hashOf(group.sha!)).update(bytesOf(vector, 'msg')).digest()
    return verified(place, { type: 'ECDSA' }, key, digest, vector)
  },
}

const EDDSA: Family = {
  id: 'eddsa',
  file: 'eddsa',
  clause: 'PKCS#11 3.1, 6.3.15 EdDSA',
  needs: ['EDDSA'],
  subject: curveOf,
  refusals: VERIFIES,
  attempt(place, group, vector) {
    const point = hex(group.publicKey!)
    // Before 3.1 the point was an OCTET STRING, and many still have it so.
    const wrapped = ecPublic(group.curve!, octetString(point), 'VERIFY')
    const key = place.key(group.publicKey!, wrapped, ecPublic(group.curve!, point, 'VERIFY'))
    if (key === undefined) return undefined
    const parameter = group.curve === 'edwards448' ? eddsa(false) : undefined
    return verified(place, { type: 'EDDSA', parameter }, key, bytesOf(vector, 'msg'), vector)
  },
}

function verified(
  { work, device }: Workplace,
  how: Parameters<Workplace['device']['verify']>[1],
  key: number,
  data: Buffer,
  vector: Vector,
): Tried {
  const rv = work((session) => device.verify(session, how, key, data, bytesOf(vector, 'sig')))
  return { rv, right: rv === CKR.OK }
}

const agrees = (id: string, file: string, clause: string, pointOf: (point: Buffer) => Buffer): Family => ({
  ...{ id, file, clause, needs: ['ECDH1_DERIVE'], subject: curveOf, refusals: POINTS },
  severities: { 'compressed-point': 'note', 'zero-shared-secret': 'note' },
  attempt({ key, work, value, device }, { curve }, vector) {
    const { size } = CURVES[curve!]
    const own = bytesOf(vector, 'private')
    // A number has no sign here, and as many bytes as the curve.
    const number = curve!.startsWith('sec') ? Buffer.concat([Buffer.alloc(size), own]).subarray(-size) : own
    const base = key(vector.private as string, ecPrivate(curve!, number, 'DERIVE'))
    if (base === undefined) return undefined
    const how = { type: 'ECDH1_DERIVE', parameter: ecdh(pointOf(bytesOf(vector, 'public'))) } as const
    return work((session) => {
      const { rv, handle } = device.derive(session, how, base, [...OUT, { type: 'VALUE_LEN', value: size }])
      return { rv, right: rv === CKR.OK && value(session, handle).equals(bytesOf(vector, 'shared')) }
    })
  },
})

const OUT: Template = [
  { type: 'CLASS', value: CKO.SECRET_KEY },
  { type: 'KEY_TYPE', value: CKK.GENERIC_SECRET },
  ...SESSION,
  ...READABLE,
]

const ECDH = 'PKCS#11 3.1, 6.3.17 Elliptic curve Diffie-Hellman key derivation'

export const CURVE_VECTORS: readonly Check[] = [
  ECDSA,
  EDDSA,
  agrees('ecdh', 'ecdh', ECDH, (point) => point),
  agrees('ecdh-der', 'ecdh', ECDH, octetString),
  agrees('xdh', 'xdh', ECDH, (point) => point),
].flatMap(checksOf)
