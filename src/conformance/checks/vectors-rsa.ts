/** Wycheproof through the token: RSA. */
import { constants, createHash, privateDecrypt } from 'node:crypto'
import type { Check } from '../check.ts'
import type { Mechanism } from '../cryptoki/memory.ts'
import { CKR, type CKM } from '../cryptoki/numbers.ts'
import { rsaPrivateKey } from '../der.ts'
import { hex, rsaPrivate, rsaPublic, type RsaNumbers } from '../keys.ts'
import { oaep, pss, type HashName } from '../parameters.ts'
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
const DECRYPTS = ['ENCRYPTED_DATA_INVALID', 'ENCRYPTED_DATA_LEN_RANGE'] as const

/** Which mechanism hashes first; and how a DigestInfo begins for who does not (RFC 8017, 9.2, note 1). */
const SIGNING = {
  sha1: { pkcs1: 'SHA1_RSA_PKCS', pss: 'SHA1_RSA_PKCS_PSS', info: '3021300906052b0e03021a05000414' },
  sha256: { pkcs1: 'SHA256_RSA_PKCS', pss: 'SHA256_RSA_PKCS_PSS', info: '3031300d060960864801650304020105000420' },
  sha384: { pkcs1: 'SHA384_RSA_PKCS', pss: 'SHA384_RSA_PKCS_PSS', info: '3041300d060960864801650304020205000430' },
  sha512: { pkcs1: 'SHA512_RSA_PKCS', pss: 'SHA512_RSA_PKCS_PSS', info: '3051300d060960864801650304020305000440' },
} as const
const signingOf = ({ sha }: Group): (typeof SIGNING)[keyof typeof SIGNING] =>
  SIGNING[hashOf(sha!) as keyof typeof SIGNING]

const hashed = (hash: HashName, message: Buffer): Buffer => createHash(hash).update(message).digest()
const sizeOf = ({ rsa }: Group): string => String(rsa!.modulus.length * 4)

function opened(place: Workplace, { rsa }: Group): number | undefined {
  return place.key(rsa!.modulus, rsaPublic(rsa!, 'ENCRYPT', 'VERIFY'))
}

function own(place: Workplace, { rsa }: Group): number | undefined {
  return place.key(`own ${rsa!.modulus}`, rsaPrivate(rsa!, 'DECRYPT', 'SIGN'))
}

const OAEP: Family = {
  id: 'rsa-oaep',
  file: 'rsa-oaep',
  clause: 'PKCS#11 3.1, 6.1.8 PKCS #1 RSA OAEP',
  needs: ['RSA_PKCS_OAEP'],
  subject: ({ sha, mgfSha }) => (sha === mgfSha ? hashOf(sha!) : `${hashOf(sha!)}-mgf1-${hashOf(mgfSha!)}`),
  refusals: DECRYPTS,
  attempt(place, group, vector) {
    const key = own(place, group)
    if (key === undefined) return undefined
    const parameter = oaep(hashOf(group.sha!), hashOf(group.mgfSha!), bytesOf(vector, 'label'))
    return decrypted(place, { type: 'RSA_PKCS_OAEP', parameter }, key, vector)
  },
}

const PKCS1_DECRYPT: Family = {
  id: 'rsa-pkcs1-decrypt',
  file: 'rsa-pkcs1-decrypt',
  clause: 'PKCS#11 3.1, 6.1.6 PKCS #1 v1.5 RSA',
  needs: ['RSA_PKCS'],
  subject: sizeOf,
  refusals: DECRYPTS,
  attempt(place, group, vector) {
    const key = own(place, group)
    if (key === undefined) return undefined
    const came = decrypted(place, { type: 'RSA_PKCS' }, key, vector)
    const implicit = vector.result === 'invalid' && came.rv === CKR.OK && !leaks(group.rsa!, vector, came.bytes)
    return implicit ? { rv: CKR.ENCRYPTED_DATA_INVALID, right: true } : came
  },
}

const RSA_ORDER = [
  ...(['modulus', 'publicExponent', 'privateExponent', 'prime1', 'prime2'] as const),
  ...(['exponent1', 'exponent2', 'coefficient'] as const),
] as const

/**
 * Whether bytes are the end of what the ciphertext hides. Others, the same for the same ciphertext, are what implicit rejection gives
 * instead of an error, which is as good.
 */
function leaks(rsa: RsaNumbers, vector: Vector, bytes: Buffer): boolean {
  const sealed = bytesOf(vector, 'ct')
  if (sealed.length !== hex(rsa.modulus).length) return false
  const key = rsaPrivateKey(RSA_ORDER.map((name) => hex(rsa[name]!)))
  const block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, sealed)
  return bytes.length > 0 && block.subarray(block.length - bytes.length).equals(bytes)
}

function decrypted(
  place: Workplace,
  how: Mechanism,
  key: number,
  vector: Vector,
): NonNullable<Tried> & { readonly bytes: Buffer } {
  const { rv, bytes } = place.work((session) => place.device.decrypt(session, how, key, bytesOf(vector, 'ct')))
  return { rv, bytes, right: rv === CKR.OK && bytes.equals(bytesOf(vector, 'msg')) }
}

type Signing = (group: Group, message: Buffer) => { readonly how: Mechanism; readonly data: Buffer }

/** Signatures that are verified, by a mechanism that hashes or by one that takes the hash. */
const verifies = (
  id: string,
  file: string,
  clause: string,
  needs: readonly (keyof typeof CKM)[],
  subject: (group: Group) => string,
  signing: Signing,
): Family => ({
  ...{ id, file, clause, needs, subject, refusals: VERIFIES },
  severities: { 'missing-null': 'note' },
  attempt(place, group, vector) {
    const key = opened(place, group)
    const { how, data } = signing(group, bytesOf(vector, 'msg'))
    if (key === undefined) return undefined
    const rv = place.work((session) => place.device.verify(session, how, key, data, bytesOf(vector, 'sig')))
    return { rv, right: rv === CKR.OK }
  },
})

const PKCS1 = 'PKCS#11 3.1, 6.1.6 PKCS #1 v1.5 RSA'
const PSS = 'PKCS#11 3.1, 6.1.10 PKCS #1 RSA PSS'
const pkcs1Subject = (group: Group): string => `${sizeOf(group)}.${hashOf(group.sha!)}`
const pssSubject = (group: Group): string =>
  [pkcs1Subject(group), ...(group.sha === group.mgfSha ? [] : ['mgf1-sha1']), `salt-${group.sLen}`].join('.')
const pssParameter = ({ sha, mgfSha, sLen }: Group): Buffer => pss(hashOf(sha!), hashOf(mgfSha!), sLen)

export const RSA_VECTORS: readonly Check[] = [
  OAEP,
  PKCS1_DECRYPT,
  verifies('rsa-pkcs1', 'rsa-pkcs1-verify', PKCS1, ['SHA256_RSA_PKCS'], pkcs1Subject, (group, data) => ({
    how: { type: signingOf(group).pkcs1 },
    data,
  })),
  verifies('rsa-pkcs1-digest', 'rsa-pkcs1-verify', PKCS1, ['RSA_PKCS'], pkcs1Subject, (group, message) => ({
    how: { type: 'RSA_PKCS' },
    data: Buffer.concat([hex(signingOf(group).info), hashed(hashOf(group.sha!), message)]),
  })),
  verifies('rsa-pss', 'rsa-pss', PSS, ['SHA256_RSA_PKCS_PSS'], pssSubject, (group, data) => ({
    how: { type: signingOf(group).pss, parameter: pssParameter(group) },
    data,
  })),
  verifies('rsa-pss-digest', 'rsa-pss', PSS, ['RSA_PKCS_PSS'], pssSubject, (group, message) => ({
    how: { type: 'RSA_PKCS_PSS', parameter: pssParameter(group) },
    data: hashed(hashOf(group.sha!), message),
  })),
].flatMap(checksOf)
