/** Encrypt and Decrypt: what does each storey cost, beside node:crypto's bare AES-256-GCM? */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms'
import { Hsm } from '../bindings/node/index.js'
import { HEADER, headerOf, writeAad } from '../src/ciphertext.ts'
import { CIPHERTEXT_OVERHEAD, Strongroom } from '../src/index.ts'
import { asyncRung, keep, ladder, rung, type Figure } from './ladder.ts'

const BATCH = 64
const context = { tenant: 'clinic-7', purpose: 'patient-record' }
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }

const room = await Strongroom.open({ memory: true, deviceRate: 1e9 })
const { KeyMetadata } = await room.createKey({})
const KeyId = KeyMetadata!.Arn!
const handle = room.key(KeyId)
const sdk = new KMSClient({ region: room.region, credentials, requestHandler: room.requestHandler() })
const listener = await room.listen()
const http = new KMSClient({ region: room.region, credentials, endpoint: listener.url })

const hsm = Hsm.create(randomBytes(32))
const slot = hsm.load(hsm.generate('AES_256', 3))
const verbs = hsm.verbs()
const header = headerOf('00'.repeat(32))
const aad = writeAad(header, context, verbs.scratch, 0)
const key = randomBytes(32)
const associated = Buffer.from(verbs.scratch.subarray(0, aad))

const suites: Record<string, Figure[]> = {}
for (const size of [32, 1024, 4096]) {
  const Plaintext = randomBytes(size)
  const out = Buffer.alloc(size + CIPHERTEXT_OVERHEAD)
  const many = Array.from({ length: BATCH }, () => Plaintext)
  suites[`Encrypt ${size} B`] = await ladder(`Encrypt ${size} B`, [
    rung('node:crypto createCipheriv', () => seal(Plaintext)),
    rung('core', () => verbs.encrypt(slot, Plaintext, 0, aad, HEADER, out, 0)),
    rung('handle, into a buffer', () => handle.encryptInto(Plaintext, out, context)),
    asyncRung('facade', () => room.encrypt({ KeyId, Plaintext, EncryptionContext: context })),
    { name: `batch of ${BATCH}`, lap: BATCH * 20, run: batches(() => handle.encryptMany(many, context)) },
    asyncRung(
      'SDK, no socket',
      () => sdk.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext: context })),
      20,
    ),
    asyncRung('SDK, HTTP', () => http.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext: context })), 20),
  ])

  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext, EncryptionContext: context })
  const blob = CiphertextBlob!
  const sealed = seal(Plaintext)
  verbs.encrypt(slot, Plaintext, 0, aad, HEADER, out, 0)
  const body = Buffer.from(out)
  suites[`Decrypt ${size} B`] = await ladder(`Decrypt ${size} B`, [
    rung('node:crypto createDecipheriv', () => open(sealed)),
    rung('core', () => verbs.decrypt(slot, body, HEADER, 0, aad, out, 0)),
    rung('handle, into a buffer', () => handle.decryptInto(blob, out, context)),
    asyncRung('facade', () => room.decrypt({ KeyId, CiphertextBlob: blob, EncryptionContext: context })),
    asyncRung('facade, key from the blob', () => room.decrypt({ CiphertextBlob: blob, EncryptionContext: context })),
    asyncRung(
      'SDK, no socket',
      () => sdk.send(new DecryptCommand({ CiphertextBlob: blob, EncryptionContext: context })),
      20,
    ),
    asyncRung(
      'SDK, HTTP',
      () => http.send(new DecryptCommand({ CiphertextBlob: blob, EncryptionContext: context })),
      20,
    ),
  ])
}
keep('encrypt', suites)
http.destroy()
await room.close()
hsm.close()

/** Nonce and tag with the ciphertext, as anybody who stores it must have them. */
function seal(plaintext: Uint8Array): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(associated)
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

function open(sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12)).setAAD(associated)
  decipher.setAuthTag(sealed.subarray(sealed.length - 16))
  return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()])
}

function batches(run: () => unknown): () => void {
  return () => {
    for (let i = 0; i < 20; i++) run()
  }
}
