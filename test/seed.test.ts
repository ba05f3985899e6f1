/** A seeded room repeats itself, says that it is no secret, and keeps to folders of its own kind. */
import test, { type ExecutionContext } from 'ava'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Strongroom, type KeySpec, type KeyUsageType, type StrongroomOptions } from '../src/index.ts'
import { bytes } from './helpers/scene.ts'

const now = () => new Date('2026-01-01T00:00:00Z')
const SPECS: [KeySpec, KeyUsageType][] = [
  ['SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'],
  ['ECC_NIST_P256', 'SIGN_VERIFY'],
  ['ECC_NIST_EDWARDS25519', 'SIGN_VERIFY'],
  ['HMAC_256', 'GENERATE_VERIFY_MAC'],
  ['ML_DSA_44', 'SIGN_VERIFY'],
  ['ML_KEM_512', 'ENCAPSULATE_DECAPSULATE'],
]

/** What a room gives that chance has a hand in. */
async function told(options: StrongroomOptions): Promise<string[]> {
  const room = await Strongroom.open({ now, ...options })
  try {
    const all: unknown[] = [await room.generateRandom({ NumberOfBytes: 32 })]
    for (const [KeySpec, KeyUsage] of SPECS) {
      const { KeyMetadata } = await room.createKey({ KeySpec, KeyUsage })
      const { KeyId } = KeyMetadata!
      all.push(KeyMetadata)
      if (KeySpec === 'SYMMETRIC_DEFAULT') all.push(await room.encrypt({ KeyId, Plaintext: bytes('x') }))
      else if (KeySpec === 'HMAC_256')
        all.push(await room.generateMac({ KeyId, Message: bytes('x'), MacAlgorithm: 'HMAC_SHA_256' }))
      else all.push(await room.getPublicKey({ KeyId }))
    }
    return all.map((each) => JSON.stringify(each))
  } finally {
    await room.close()
  }
}

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'strongroom-seed-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

test('one seed, the same calls: the same ids, materials, public keys, MACs and ciphertexts', async (t) => {
  const one = await told({ seed: 42 })
  t.deepEqual(await told({ seed: 42 }), one)
  const other = await told({ seed: 43 })
  for (const [i, each] of one.entries()) t.not(other[i], each)
  t.notDeepEqual(await told({}), await told({}))
})

test('in a folder, too; and after a restart nothing is drawn a second time', async (t) => {
  const [a, b] = [await folder(t), await folder(t)]
  const first = await told({ seed: 42, data: a })
  const second = await told({ seed: 42, data: a })
  t.is(new Set([...first, ...second]).size, first.length + second.length)
  t.deepEqual(await told({ seed: 42, data: b }), first)
  t.deepEqual(await told({ seed: 42, data: b }), second)
})

test('a folder made without a seed, or with another, is refused; and one made with a seed wants it', async (t) => {
  const [secret, seeded] = [await folder(t), await folder(t)]
  await told({ data: secret })
  await told({ data: seeded, seed: 1 })
  await t.throwsAsync(told({ data: secret, seed: 1 }), { code: 'SeedRefused', message: /was made without `seed`/ })
  await t.throwsAsync(told({ data: seeded, seed: 2 }), { code: 'SeedRefused', message: /with another `seed`/ })
  await t.throwsAsync(told({ data: seeded }), { code: 'SeedMissing' })
  await t.notThrowsAsync(told({ data: secret }))
  t.is(await readFile(join(seeded, 'seed'), 'utf8'), '1 1')
})

test('that such keys are no secret is said aloud', async (t) => {
  const lines: string[] = []
  await told({ seed: 1, log: (line) => lines.push(line) })
  t.deepEqual(lines, ['keys are made from a seed and are not secret: for tests alone'])
})
