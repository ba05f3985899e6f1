/** The same in parts as at once: whatever the parts are. */
import { createHash } from 'node:crypto'
import { Finding, type Check } from '../check.ts'
import { CKM, CKR } from '../cryptoki/numbers.ts'
import type { Device, Given } from '../device.ts'
import { EMPTY } from '../parameters.ts'
import { begin, finish, inParts, update, verifyInParts } from '../parts.ts'
import { CIPHERS, DIGESTS, idOf, keysFor, mechanismOf, SIGNERS, type MechanismName, type Trial } from '../trials.ts'

/** Ways to cut data into parts. */
const CUTS: Readonly<Record<string, { readonly title: string; cut(data: Buffer): readonly Buffer[] }>> = {
  whole: { title: 'one part', cut: (data) => [data] },
  bytes: { title: 'parts of one byte', cut: (data) => sliced(data, 1) },
  odd: { title: 'parts of 7 bytes', cut: (data) => sliced(data, 7) },
  blocks: { title: 'parts of 16 bytes', cut: (data) => sliced(data, 16) },
  uneven: { title: 'a part of 17 bytes and the rest', cut: (data) => [data.subarray(0, 17), data.subarray(17)] },
  empty: {
    title: 'parts with empty ones between',
    cut: (data) => [EMPTY, data.subarray(0, 20), EMPTY, data.subarray(20), EMPTY],
  },
}

function sliced(data: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(data.length / size) }, (_, i) => data.subarray(i * size, (i + 1) * size))
}

const IN_PARTS = CIPHERS.filter(({ parts }) => parts)

const encrypts = (trial: Trial, cut: string): Check => ({
  id: `multipart.${idOf(trial.type)}.encrypt.${cut}`,
  title: `CKM_${trial.type} encrypts in ${CUTS[cut]!.title} to the same as at once`,
  clause: 'PKCS#11 3.1, 5.8.3 C_EncryptUpdate',
  severity: cut === 'empty' ? 'minor' : 'major',
  needs: [trial.type],
  run(device) {
    const session = announced(device, trial.type, 'ENCRYPT')
    const key = keysFor(device, session, trial.key, ['DECRYPT'], ['ENCRYPT']).publicKey
    const how = mechanismOf(trial)
    const whole = device.encrypt(session, how, key, trial.data)
    same(device, whole, inParts(device, session, 'Encrypt', how, key, CUTS[cut]!.cut(trial.data)))
  },
})

const decrypts = (trial: Trial, cut: string): Check => ({
  id: `multipart.${idOf(trial.type)}.decrypt.${cut}`,
  title: `CKM_${trial.type} decrypts in ${CUTS[cut]!.title} to the same as at once`,
  clause: 'PKCS#11 3.1, 5.10.3 C_DecryptUpdate',
  severity: cut === 'empty' ? 'minor' : 'major',
  needs: [trial.type],
  run(device) {
    const session = announced(device, trial.type, 'DECRYPT')
    const key = keysFor(device, session, trial.key, ['DECRYPT'], ['ENCRYPT']).publicKey
    const how = mechanismOf(trial)
    const sealed = device.encrypt(session, how, key, trial.data)
    device.expect(sealed.rv, 'OK')
    const plain = { rv: CKR.OK, bytes: trial.data }
    same(device, plain, inParts(device, session, 'Decrypt', how, key, CUTS[cut]!.cut(sealed.bytes)))
  },
})

const signs = (trial: Trial, cut: string): Check => ({
  id: `multipart.${idOf(trial.type)}.sign.${cut}`,
  title: `CKM_${trial.type} signs and verifies in ${CUTS[cut]!.title} as at once`,
  clause: 'PKCS#11 3.1, 5.13.3 C_SignUpdate',
  severity: cut === 'empty' ? 'minor' : 'major',
  needs: [trial.type],
  patience: 60,
  run(device) {
    const session = announced(device, trial.type, 'SIGN')
    const { publicKey, privateKey } = keysFor(device, session, trial.key, ['SIGN'], ['VERIFY'])
    const how = mechanismOf(trial)
    const parts = CUTS[cut]!.cut(trial.data)
    const { rv, bytes } = inParts(device, session, 'Sign', how, privateKey, parts)
    device.expect(rv, 'OK')
    device.expect(device.verify(session, how, publicKey, trial.data, bytes), 'OK')
    device.expect(verifyInParts(device, session, how, publicKey, parts, bytes), 'OK')
  },
})

const digests = (type: keyof typeof DIGESTS, cut: string): Check => ({
  id: `multipart.${idOf(type)}.digest.${cut}`,
  title: `CKM_${type} of ${CUTS[cut]!.title} is that of the whole`,
  clause: 'PKCS#11 3.1, 5.12.3 C_DigestUpdate',
  severity: cut === 'empty' ? 'minor' : 'major',
  needs: [type],
  run(device) {
    const session = device.session()
    const data = Buffer.alloc(300, 0x61)
    const bytes = createHash(DIGESTS[type]).update(data).digest()
    same(device, { rv: CKR.OK, bytes }, inParts(device, session, 'Digest', { type }, undefined, CUTS[cut]!.cut(data)))
  },
})

/** No part at all: the digest, or the code, of nothing. */
const NOTHING: Check = {
  id: 'multipart.sha256.digest.none',
  title: 'A digest of no parts is that of the empty text',
  clause: 'PKCS#11 3.1, 5.12.5 C_DigestFinal',
  severity: 'minor',
  needs: ['SHA256'],
  run(device) {
    const bytes = createHash('sha256').digest()
    same(device, { rv: CKR.OK, bytes }, inParts(device, device.session(), 'Digest', { type: 'SHA256' }, undefined, []))
  },
}

const gcmTrial = CIPHERS.find(({ type }) => type === 'AES_GCM')!

const HOLDS_BACK: Check = {
  id: 'multipart.aes-gcm.decrypt.holds-back',
  title: 'AES-GCM gives out no plaintext before the tag was checked',
  clause: 'PKCS#11 3.1, 6.13.3 AES-GCM authenticated encryption; NIST SP 800-38D, 7.2',
  severity: 'major',
  needs: ['AES_GCM'],
  run(device) {
    const session = device.session()
    const { key, sealed } = tampered(device, session)
    device.expect(begin(device, session, 'Decrypt', mechanismOf(gcmTrial), key), 'OK')
    for (const part of sliced(sealed, 16)) {
      const { rv, bytes } = update(device, session, 'Decrypt', part)
      device.expect(rv, 'OK')
      device.require(bytes.length === 0, 'nothing out of C_DecryptUpdate', `${bytes.length} bytes of plaintext`)
    }
    refusesTag(finish(device, session, 'Decrypt'))
  },
}

const REFUSES_AT_LAST: Check = {
  id: 'multipart.aes-gcm.decrypt.tag',
  title: 'AES-GCM in parts refuses a changed tag at the end',
  clause: 'PKCS#11 3.1, 6.13.3 AES-GCM authenticated encryption',
  severity: 'critical',
  needs: ['AES_GCM'],
  run(device) {
    const session = device.session()
    const { key, sealed } = tampered(device, session)
    refusesTag(inParts(device, session, 'Decrypt', mechanismOf(gcmTrial), key, sliced(sealed, 16)))
  },
}

function refusesTag({ rv, bytes }: Given): void {
  if (rv === CKR.OK) throw new Finding('a changed tag to be refused', `CKR_OK with ${bytes.length} bytes`)
}

function tampered(device: Device, session: number): { readonly key: number; readonly sealed: Buffer } {
  const key = keysFor(device, session, 'aes', ['DECRYPT'], ['ENCRYPT']).publicKey
  const { rv, bytes } = device.encrypt(session, mechanismOf(gcmTrial), key, gcmTrial.data)
  device.expect(rv, 'OK')
  const sealed = Buffer.from(bytes)
  sealed[sealed.length - 1]! ^= 1
  return { key, sealed }
}

function announced(device: Device, type: MechanismName, flag: 'ENCRYPT' | 'DECRYPT' | 'SIGN'): number {
  if (!device.announces(CKM[type], flag)) device.skip(`CKF_${flag} is not announced`)
  return device.session()
}

function same(device: Device, whole: Given, parts: Given): void {
  device.expect(whole.rv, 'OK')
  device.expect(parts.rv, 'OK')
  const observed = `${parts.bytes.length} bytes${parts.bytes.length === whole.bytes.length ? ', others' : ''}`
  device.require(parts.bytes.equals(whole.bytes), `the same ${whole.bytes.length} bytes as at once`, observed)
}

const cuts = Object.keys(CUTS)
const SIGNED = SIGNERS.filter(({ parts, type }) => parts && !type.endsWith('_GENERAL'))

export const MULTIPART: readonly Check[] = [
  ...IN_PARTS.flatMap((trial) => cuts.flatMap((cut) => [encrypts(trial, cut), decrypts(trial, cut)])),
  ...SIGNED.flatMap((trial) => ['odd', 'empty'].map((cut) => signs(trial, cut))),
  ...(Object.keys(DIGESTS) as (keyof typeof DIGESTS)[]).flatMap((type) =>
    ['odd', 'empty'].map((cut) => digests(type, cut)),
  ),
  NOTHING,
  HOLDS_BACK,
  REFUSES_AT_LAST,
]
