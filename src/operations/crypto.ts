/** Encrypt, Decrypt, ReEncrypt: a few bytes under a KMS key, symmetric or not. */
import { maxPlaintext } from '../algorithms.ts'
import { after, offered, type Backend, type Disclosing, type Eventually } from '../backends/backend.ts'
import type { EncryptionContext } from '../ciphertext.ts'
import { fail } from '../errors.ts'
import { shownMaterialId, type Key, type Material } from '../keys.ts'
import type { EncryptionAlgorithmSpec } from '../model/kms.ts'
import { ciphertextKey, usable } from '../locators.ts'
import { operation } from '../operation.ts'
import { disclosing } from '../recipient.ts'

export const encrypt = operation('Encrypt', {
  on: { key: usable('KeyId', 'ENCRYPT_DECRYPT', 'EncryptionAlgorithm') },
  require({ input, key }) {
    if (key.spec === 'SYMMETRIC_DEFAULT') return
    refuseContext(key, input.EncryptionContext)
    requireRoom(key, input.EncryptionAlgorithm!, input.Plaintext)
  },
  run(call) {
    const { input, key } = call
    const EncryptionAlgorithm = input.EncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'
    const sealed = seal(call.backendOf(key), key, EncryptionAlgorithm, input.Plaintext, input.EncryptionContext)
    return after(sealed, (CiphertextBlob) => ({ CiphertextBlob, KeyId: key.arn, EncryptionAlgorithm }))
  },
})

export const decrypt = operation('Decrypt', {
  on: { key: ciphertextKey('KeyId', 'EncryptionAlgorithm') },
  require({ input, key }) {
    if (key.spec !== 'SYMMETRIC_DEFAULT') refuseContext(key, input.EncryptionContext)
  },
  run(call) {
    const { input, key, material, recipient } = call
    const EncryptionAlgorithm = input.EncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'
    const backend = call.backendOf(key)
    const from = recipient ? disclosing(backend, recipient) : backend
    const opened = open(from, material, EncryptionAlgorithm, input.CiphertextBlob!, input.EncryptionContext)
    return after(opened, (bytes) =>
      recipient
        ? { KeyId: key.arn, EncryptionAlgorithm, CiphertextForRecipient: bytes }
        : { KeyId: key.arn, Plaintext: bytes, EncryptionAlgorithm, KeyMaterialId: shownMaterialId(key, material) },
    )
  },
})

export const reEncrypt = operation('ReEncrypt', {
  on: {
    source: ciphertextKey('SourceKeyId', 'SourceEncryptionAlgorithm', 'kms:ReEncryptFrom'),
    destination: usable('DestinationKeyId', 'ENCRYPT_DECRYPT', 'DestinationEncryptionAlgorithm', 'kms:ReEncryptTo'),
  },
  require({ input, source, destination }) {
    if (source.spec !== 'SYMMETRIC_DEFAULT') refuseContext(source, input.SourceEncryptionContext)
    if (destination.spec !== 'SYMMETRIC_DEFAULT') refuseContext(destination, input.DestinationEncryptionContext)
  },
  run(call) {
    const { input, source, destination, material } = call
    const [backend, onward] = [call.backendOf(source), call.backendOf(destination)]
    const { SourceEncryptionContext: from, DestinationEncryptionContext: to } = input
    const SourceEncryptionAlgorithm = input.SourceEncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'
    const DestinationEncryptionAlgorithm = input.DestinationEncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'
    const blob = input.CiphertextBlob!
    const symmetric = SourceEncryptionAlgorithm === 'SYMMETRIC_DEFAULT' && destination.spec === 'SYMMETRIC_DEFAULT'
    const within = symmetric && backend === onward
    const resealed = within
      ? backend.cipher.reseal(material, blob, from, destination.current!, to)
      : carry(open(backend, material, SourceEncryptionAlgorithm, blob, from), (plaintext) => {
          requireRoom(destination, DestinationEncryptionAlgorithm, plaintext)
          return seal(onward, destination, DestinationEncryptionAlgorithm, plaintext, to)
        })
    return after(resealed, (CiphertextBlob) => ({
      CiphertextBlob,
      SourceKeyId: source.arn,
      KeyId: destination.arn,
      SourceEncryptionAlgorithm,
      DestinationEncryptionAlgorithm,
      SourceKeyMaterialId: shownMaterialId(source, material),
      DestinationKeyMaterialId: shownMaterialId(destination, destination.current!),
    }))
  },
})

function seal(
  backend: Backend,
  key: Key,
  algorithm: EncryptionAlgorithmSpec,
  plaintext: Uint8Array,
  context: EncryptionContext | undefined,
): Eventually<Uint8Array> {
  return algorithm === 'SYMMETRIC_DEFAULT'
    ? backend.cipher.seal(key.current!, plaintext, context)
    : offered(backend.asymmetric).encrypt(key.current!, algorithm, plaintext)
}

function open(
  from: Disclosing,
  material: Material,
  algorithm: EncryptionAlgorithmSpec,
  blob: Uint8Array,
  context: EncryptionContext | undefined,
): Eventually<Uint8Array> {
  return algorithm === 'SYMMETRIC_DEFAULT'
    ? from.cipher.open(material, blob, context)
    : offered(from.asymmetric).decrypt(material, algorithm, blob)
}

/** From key to key where one is asymmetric, or each is in another device: the plaintext has to come out of the HSM for it, and is wiped. */
async function carry(
  opened: Eventually<Uint8Array>,
  onward: (plaintext: Uint8Array) => Eventually<Uint8Array>,
): Promise<Uint8Array> {
  const plaintext = await opened
  try {
    return await onward(plaintext)
  } finally {
    plaintext.fill(0)
  }
}

function requireRoom(key: Key, algorithm: EncryptionAlgorithmSpec, plaintext: Uint8Array): void {
  const most = maxPlaintext(key.spec, algorithm)
  if (plaintext.length > most) {
    fail(
      'ValidationException',
      `Algorithm ${algorithm} and key spec ${key.spec} cannot encrypt data larger than ${most} bytes.`,
    )
  }
}

/** An encryption context belongs to symmetric keys; AWS's words for one with another key are unconfirmed. */
function refuseContext(key: Key, context: EncryptionContext | undefined): void {
  if (context && Object.keys(context).length > 0) {
    fail('ValidationException', `EncryptionContext is not supported with key spec ${key.spec}.`)
  }
}
