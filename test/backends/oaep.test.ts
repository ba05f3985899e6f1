/** OAEP decoding in this process against OpenSSL's: what the one takes the other takes, and nothing else. */
import {
  constants,
  createPrivateKey,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'
import test from 'ava'
import { oaepDecoded } from '../../src/backends/pkcs11/oaep.ts'
import { below, seeded } from '../model/arbitrary.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
const key = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }))
const LENGTH = 128
const raw = { padding: constants.RSA_NO_PADDING }
const padding = (oaepHash: string) => ({ padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash })

/** The message, or undefined when it is refused; what was decoded has to be wiped in any case. */
function ours(encoded: Uint8Array, hash: 'sha1' | 'sha256'): string | undefined {
  const given = Buffer.from(encoded)
  const message = decoded(given, hash)
  return given.every((byte) => byte === 0) ? message : 'not wiped'
}

function decoded(encoded: Buffer, hash: 'sha1' | 'sha256'): string | undefined {
  try {
    return oaepDecoded(encoded, hash).toString('hex')
  } catch (error) {
    return (error as { code?: string }).code === 'InvalidCiphertextException' ? undefined : 'another error'
  }
}

function theirs(encoded: Uint8Array, oaepHash: string): string | undefined {
  try {
    return privateDecrypt({ key, ...padding(oaepHash) }, publicEncrypt({ key: publicKey, ...raw }, encoded)).toString(
      'hex',
    )
  } catch {
    return undefined
  }
}

for (const hash of ['sha1', 'sha256'] as const) {
  const most = LENGTH - 2 * (hash === 'sha1' ? 20 : 32) - 2

  test(`${hash}: messages of every length are taken out`, (t) => {
    for (let length = 0; length <= most; length++) {
      const message = randomBytes(length)
      const encoded = privateDecrypt({ key, ...raw }, publicEncrypt({ key: publicKey, ...padding(hash) }, message))
      t.is(ours(encoded, hash), message.toString('hex'))
    }
  })

  test(`${hash}: of what was changed, what OpenSSL refuses is refused`, (t) => {
    const random = seeded(7)
    const tally = { taken: 0, refused: 0 }
    for (let i = 0; i < 1500; i++) {
      const message = randomBytes(below(random, most + 1))
      const encoded = privateDecrypt({ key, ...raw }, publicEncrypt({ key: publicKey, ...padding(hash) }, message))
      const bit = below(random, LENGTH * 8)
      if (i % 10 !== 0) encoded[bit >> 3]! ^= 1 << (bit & 7)
      // Above the modulus there is nothing to compare: such a block never comes out of a decryption.
      if (encoded[0]! > 0) encoded[0] = 1
      const right = theirs(encoded, hash)
      tally[right === undefined ? 'refused' : 'taken']++
      t.is(ours(encoded, hash), right, `round ${i}`)
    }
    t.true(tally.taken > 100 && tally.refused > 100, JSON.stringify(tally))
  })

  test(`${hash}: blocks without a message are refused`, (t) => {
    for (const fill of [0x00, 0x01, 0xff]) t.is(ours(Buffer.alloc(LENGTH, fill), hash), undefined)
  })
}
