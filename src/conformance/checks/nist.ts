/** Known answers of NIST: the modes of AES, digests of long texts, and key derivation in counter mode. */
import { createHash, createHmac } from 'node:crypto'
import type { Check } from '../check.ts'
import type { Mechanism, Template } from '../cryptoki/memory.ts'
import { CKK, CKM, CKO } from '../cryptoki/numbers.ts'
import { ecPair, hex, importedOrSkip, pointIn, READABLE, secretKey, SESSION } from '../keys.ts'
import { counterKdf, ctr, ecdh, HASHES, hkdf, type HashName } from '../parameters.ts'
import { inParts } from '../parts.ts'
import { idOf, type MechanismName } from '../trials.ts'
import { fileOf } from '../vectors.ts'

interface ModeVector {
  readonly mode: MechanismName
  readonly bits: number
  readonly key: string
  readonly iv: string
  readonly plaintext: string
  readonly ciphertext: string
}

const mode = (vector: ModeVector): Check => ({
  id: `${idOf(vector.mode)}.nist.${vector.bits}`,
  title: `CKM_${vector.mode} with ${vector.bits} bits gives the example of SP 800-38A`,
  clause: 'NIST SP 800-38A, appendix F',
  severity: 'critical',
  needs: [vector.mode],
  run(device) {
    const session = device.session()
    const key = importedOrSkip(device, session, secretKey('AES', hex(vector.key), 'ENCRYPT', 'DECRYPT'), 'an AES key')
    const how = mechanismOf(vector)
    const sealed = device.encrypt(session, how, key, hex(vector.plaintext))
    device.expect(sealed.rv, 'OK')
    device.require(sealed.bytes.toString('hex') === vector.ciphertext, vector.ciphertext, sealed.bytes.toString('hex'))
    const opened = device.decrypt(session, how, key, hex(vector.ciphertext))
    device.expect(opened.rv, 'OK')
    device.require(opened.bytes.toString('hex') === vector.plaintext, vector.plaintext, opened.bytes.toString('hex'))
  },
})

function mechanismOf({ mode, iv }: ModeVector): Mechanism {
  if (iv === '') return { type: mode }
  return { type: mode, parameter: mode === 'AES_CTR' ? ctr(hex(iv)) : hex(iv) }
}

/** FIPS 180-4's example of a million `a`, which takes many blocks and a counter. */
const million = (hash: HashName): Check => ({
  id: `digest.${hash}.million`,
  title: `The ${hash} of a million times the letter a, in parts`,
  clause: 'NIST FIPS 180-4 and FIPS 202, examples',
  severity: 'critical',
  run(device) {
    const { digest } = HASHES[hash]
    if (!device.announces(digest, 'DIGEST')) device.skip('the token does not announce it')
    const parts = Array.from({ length: 20 }, () => Buffer.alloc(50_000, 'a'))
    const { rv, bytes } = inParts(device, device.session(), 'Digest', { type: digest }, undefined, parts)
    device.expect(rv, 'OK')
    const right = createHash(hash).update(Buffer.concat(parts)).digest('hex')
    device.require(bytes.toString('hex') === right, right, bytes.toString('hex'))
  },
})

interface KdfVector {
  readonly count: number
  readonly bits: number
  readonly key: string
  readonly fixed: string
  readonly out: string
}

const OUT: Template = [
  { type: 'CLASS', value: CKO.SECRET_KEY },
  { type: 'KEY_TYPE', value: CKK.GENERIC_SECRET },
  ...SESSION,
  ...READABLE,
]

const counter = ({ count, bits, key, fixed, out }: KdfVector): Check => ({
  id: `sp800-108-counter.nist.${count}`,
  title: `Key derivation in counter mode by HMAC-SHA-256 gives ${bits} bits as NIST does`,
  clause: 'NIST CAVS 14.4, SP 800-108, KDFCTR_gen; PKCS#11 3.1, 6.42 SP 800-108 key derivation',
  severity: 'critical',
  needs: ['SP800_108_COUNTER_KDF'],
  run(device) {
    const session = device.session()
    const base = importedOrSkip(device, session, secretKey('GENERIC_SECRET', hex(key), 'DERIVE'), 'a generic secret')
    const how = { type: 'SP800_108_COUNTER_KDF', parameter: counterKdf(CKM.SHA256_HMAC, hex(fixed)) } as const
    const { rv, handle } = device.derive(session, how, base, [...OUT, { type: 'VALUE_LEN', value: bits / 8 }])
    device.expect(rv, 'OK')
    const value = device.get(session, handle, 'VALUE').bytes.toString('hex')
    device.require(value === out, 'the key that NIST has', 'another key')
  },
})

/** The KDF of X9.63, on a secret that the token made with a key of its own. */
const x963 = (hash: HashName): Check => ({
  id: `ecdh.x963-${hash}`,
  title: `ECDH with the KDF of X9.63 and ${hash} gives what the hash of the bare secret does`,
  clause: 'PKCS#11 3.1, 6.3.16 EC mechanism parameters; SEC 1, 3.6.1',
  severity: 'major',
  needs: ['ECDH1_DERIVE', 'EC_KEY_PAIR_GEN'],
  run(device) {
    const session = device.session()
    const [one, two] = [0, 1].map(() => ecPair(device, session, 'secp256r1', [], ['DERIVE']))
    const point = pointIn(device.get(session, two!.publicKey, 'EC_POINT').bytes)
    const [info, length] = [Buffer.from('shared info'), 80]
    const derive = (parameter: Buffer, bytes: number): { rv: number; value: Buffer } => {
      const how = { type: 'ECDH1_DERIVE', parameter } as const
      const { rv, handle } = device.derive(session, how, one!.privateKey, [...OUT, { type: 'VALUE_LEN', value: bytes }])
      return { rv, value: rv === 0 ? device.get(session, handle, 'VALUE').bytes : Buffer.alloc(0) }
    }
    const secret = derive(ecdh(point), 32)
    device.expect(secret.rv, 'OK')
    const { rv, value } = derive(ecdh(point, HASHES[hash].kdf, info), length)
    if (rv !== 0) {
      device.expect(rv, 'MECHANISM_PARAM_INVALID')
      device.skip('the token does not have this KDF')
    }
    const blocks = Array.from({ length: Math.ceil(length / HASHES[hash].length) }, (_, i) =>
      createHash(hash)
        .update(secret.value)
        .update(Buffer.of(0, 0, 0, i + 1))
        .update(info)
        .digest(),
    )
    const right = Buffer.concat(blocks).subarray(0, length)
    device.require(value.equals(right), `${length} bytes by X9.63`, 'other bytes')
  },
})

/** HKDF's two steps by themselves. */
const hkdfStep = (step: 'extract' | 'expand'): Check => ({
  id: `hkdf.${step}-only`,
  title: `HKDF does its step of ${step} by itself`,
  clause: 'PKCS#11 3.1, 6.62.2 HKDF derive; RFC 5869',
  severity: 'minor',
  needs: ['HKDF_DERIVE'],
  run(device) {
    const session = device.session()
    const [ikm, salt, info] = [Buffer.alloc(32, 0x0b), Buffer.alloc(13, 1), Buffer.from('info')]
    const base = importedOrSkip(device, session, secretKey('GENERIC_SECRET', ikm, 'DERIVE'), 'a generic secret')
    const parameter = hkdf('sha256', salt, info, step === 'extract', step === 'expand')
    const wanted: Template = [...OUT, { type: 'VALUE_LEN', value: 32 }]
    const { rv, handle } = device.derive(session, { type: 'HKDF_DERIVE', parameter }, base, wanted)
    device.expect(rv, 'OK')
    const right =
      step === 'extract'
        ? createHmac('sha256', salt).update(ikm).digest()
        : createHmac('sha256', ikm).update(info).update(Buffer.of(1)).digest()
    const value = device.get(session, handle, 'VALUE').bytes
    device.require(value.equals(right), 'the key of RFC 5869', 'another key')
  },
})

export const NIST: readonly Check[] = [
  ...fileOf<ModeVector>('nist-aes-modes').map(mode),
  ...(Object.keys(HASHES) as HashName[]).map(million),
  ...fileOf<KdfVector>('nist-kbkdf').map(counter),
  ...(['sha1', 'sha256', 'sha384', 'sha512'] as const).map(x963),
  hkdfStep('extract'),
  hkdfStep('expand'),
]
