/** The contract of signatures: every algorithm over messages and digests, verified by node:crypto where it can. */
import { constants, createHash, randomBytes, verify } from 'node:crypto'
import test from 'ava'
import { SIGNING, SPECS } from '../../../src/algorithms.ts'
import type { KeySpec, MessageType, SigningAlgorithmSpec } from '../../../src/model/kms.ts'
import { verifiesEd25519ph } from '../../helpers/edwards.ts'
import { flipped, refuses, spki, type Workbench } from './workbench.ts'

const message = Buffer.from('attack at dawn')

/** Whether `signature` is right, by others; of the rest no one knows but the backend. */
type Judge = (publicKey: Uint8Array, signature: Uint8Array) => boolean

const hashed =
  (hash: string, pss = false): Judge =>
  (publicKey, signature) => {
    const salt = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    return verify(hash, message, pss ? { key: spki(publicKey), ...salt } : spki(publicKey), signature)
  }

const JUDGES: Readonly<Record<SigningAlgorithmSpec, { readonly hash: string; readonly judge?: Judge }>> = {
  RSASSA_PKCS1_V1_5_SHA_256: { hash: 'sha256', judge: hashed('sha256') },
  RSASSA_PKCS1_V1_5_SHA_384: { hash: 'sha384', judge: hashed('sha384') },
  RSASSA_PKCS1_V1_5_SHA_512: { hash: 'sha512', judge: hashed('sha512') },
  RSASSA_PSS_SHA_256: { hash: 'sha256', judge: hashed('sha256', true) },
  RSASSA_PSS_SHA_384: { hash: 'sha384', judge: hashed('sha384', true) },
  RSASSA_PSS_SHA_512: { hash: 'sha512', judge: hashed('sha512', true) },
  ECDSA_SHA_256: { hash: 'sha256', judge: hashed('sha256') },
  ECDSA_SHA_384: { hash: 'sha384', judge: hashed('sha384') },
  ECDSA_SHA_512: { hash: 'sha512', judge: hashed('sha512') },
  ED25519_SHA_512: {
    hash: '',
    judge: (publicKey, signature) => verify(null, message, spki(publicKey), signature),
  },
  ED25519_PH_SHA_512: {
    hash: 'sha512',
    // AWS hashes the digest once more.
    judge: (publicKey, signature) =>
      verifiesEd25519ph(publicKey.subarray(-32), createHash('sha512').update(message).digest(), signature),
  },
  ML_DSA_SHAKE_256: { hash: '' },
  SM2DSA: { hash: '' },
}

/** Digests are of `message`, so that both forms have one signature; of a μ only the length is known here. */
function inputOf(algorithm: SigningAlgorithmSpec, type: MessageType): Buffer {
  if (type === 'RAW') return message
  const { hash } = JUDGES[algorithm]
  return hash === '' ? randomBytes(SIGNING[algorithm].digest) : createHash(hash).update(message).digest()
}

export function signatureContract(bench: Workbench): void {
  for (const [spec, row] of Object.entries(SPECS) as [KeySpec, (typeof SPECS)[KeySpec]][]) {
    // RSA differs in its size alone, and takes long.
    if (!bench.hasSpec(spec) || spec === 'RSA_3072' || spec === 'RSA_4096') continue
    for (const algorithm of row.algorithms.SIGN_VERIFY ?? []) {
      for (const type of SIGNING[algorithm].types) signs(bench, spec, algorithm, type)
    }
  }
}

function signs(bench: Workbench, spec: KeySpec, algorithm: SigningAlgorithmSpec, type: MessageType): void {
  if (!bench.has(algorithm, type)) {
    test(`${spec}: refuses ${algorithm} of ${type}`, async (t) => {
      const { material } = await bench.shared(spec, 'SIGN_VERIFY')
      const { signer } = bench.backend
      const input = inputOf(algorithm, type)
      await refuses(t, 'UnsupportedOperationException', () => signer!.sign(material, algorithm, type, input))
      await refuses(t, 'UnsupportedOperationException', () =>
        signer!.verify(material, algorithm, type, input, Buffer.alloc(64)),
      )
    })
    return
  }
  test(`${spec}: signs ${algorithm} of ${type}, and knows right from wrong`, async (t) => {
    const { material, publicKey } = await bench.shared(spec, 'SIGN_VERIFY')
    const { signer } = bench.backend
    const input = inputOf(algorithm, type)
    const signature = Uint8Array.from(await signer!.sign(material, algorithm, type, input))
    const { judge } = JUDGES[algorithm]
    if (judge) t.true(judge(publicKey!, signature), 'others say so')
    const verifies = (signed: Uint8Array, by: Uint8Array) => signer!.verify(material, algorithm, type, signed, by)
    t.true(await verifies(input, signature))
    t.false(await verifies(flipped(input, 0), signature), 'another message')
    t.false(await verifies(input, flipped(signature, -1)), 'another bit at its end')
    t.false(await verifies(input, flipped(signature, 8)), 'another bit within')
    t.false(await verifies(input, signature.subarray(0, -1)), 'cut off')
    t.false(await verifies(input, Buffer.concat([signature, Buffer.of(0)])), 'drawn out')
    t.false(await verifies(input, Buffer.alloc(0)), 'nothing')
    t.false(await verifies(input, Buffer.alloc(signature.length)), 'zeros')
    t.true(await verifies(input, signature), 'and goes on')
  })

  if (type !== 'DIGEST' || JUDGES[algorithm].hash === '' || !SIGNING[algorithm].types.includes('RAW')) return
  test(`${spec}: ${algorithm} of a message is that of its digest`, async (t) => {
    const { material } = await bench.shared(spec, 'SIGN_VERIFY')
    const { signer } = bench.backend
    const digest = inputOf(algorithm, 'DIGEST')
    const ofMessage = await signer!.sign(material, algorithm, 'RAW', message)
    t.true(await signer!.verify(material, algorithm, 'DIGEST', digest, ofMessage))
    const ofDigest = await signer!.sign(material, algorithm, 'DIGEST', digest)
    t.true(await signer!.verify(material, algorithm, 'RAW', message, ofDigest))
  })
}
