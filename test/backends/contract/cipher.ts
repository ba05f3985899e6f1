/** The contract of symmetric encryption: whole frames, under a context, and not a bit of them may change. */
import { randomBytes } from 'node:crypto'
import test from 'ava'
import { BODY_OVERHEAD, HEADER, isUnder, type EncryptionContext } from '../../../src/ciphertext.ts'
import { flipped, refuses, type Workbench } from './workbench.ts'

const hello = Buffer.from('attack at dawn')
const FOR_BOB: EncryptionContext = { to: 'bob' }

const SIZES = [0, 1, 15, 16, 17, 255, 4096, 16_384]

const CONTEXTS: readonly (readonly [what: string, context: EncryptionContext | undefined])[] = [
  ['no context', undefined],
  ['an empty context', {}],
  ['one pair', FOR_BOB],
  ['pairs in any order', { b: '2', a: '1', c: '3' }],
  ['letters of any script', { størrelse: 'åtte', 名: '前', '🔑': '🚪' }],
  ['a long context', { data: 'x'.repeat(8000) }],
]

/** What is done to a ciphertext for `to: bob`. */
const DAMAGE: readonly (readonly [what: string, damage: (blob: Uint8Array) => Uint8Array])[] = [
  ['the first bit of the nonce is another', (blob) => flipped(blob, HEADER)],
  ['the last bit of the IV is another', (blob) => flipped(blob, HEADER + 27)],
  ['a bit of the ciphertext is another', (blob) => flipped(blob, HEADER + 28)],
  ['a bit of the tag is another', (blob) => flipped(blob, -1)],
  ['the last byte is missing', (blob) => blob.subarray(0, -1)],
  ['there is one byte more', (blob) => Buffer.concat([blob, Buffer.of(0)])],
  ['the body is zeros', (blob) => Buffer.concat([blob.subarray(0, HEADER), Buffer.alloc(blob.length - HEADER)])],
]

const OTHERS: readonly (readonly [what: string, context: EncryptionContext | undefined])[] = [
  ['without the context', undefined],
  ['another value', { to: 'eve' }],
  ['another name', { To: 'bob' }],
  ['one pair more', { to: 'bob', cc: 'eve' }],
]

export function cipherContract(bench: Workbench): void {
  const aes = () => bench.shared('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')

  for (const size of SIZES) {
    test(`seals and opens ${size} bytes`, async (t) => {
      const { material } = await aes()
      const plaintext = randomBytes(size)
      const blob = await bench.backend.cipher.seal(material, plaintext, FOR_BOB)
      t.is(blob.length, HEADER + BODY_OVERHEAD + bench.overhead + size)
      t.true(isUnder(blob, material))
      t.deepEqual(Buffer.from(await bench.backend.cipher.open(material, blob, FOR_BOB)), plaintext)
    })
  }

  for (const [what, context] of CONTEXTS) {
    test(`seals and opens under ${what}`, async (t) => {
      const { material } = await aes()
      const blob = await bench.backend.cipher.seal(material, hello, context)
      t.deepEqual(Buffer.from(await bench.backend.cipher.open(material, blob, context)), hello)
    })
  }

  for (const [what, damage] of DAMAGE) {
    test(`does not open a ciphertext when ${what}`, async (t) => {
      const { material } = await aes()
      const blob = Uint8Array.from(await bench.backend.cipher.seal(material, hello, FOR_BOB))
      await refuses(t, 'InvalidCiphertextException', () => bench.backend.cipher.open(material, damage(blob), FOR_BOB))
      t.deepEqual(Buffer.from(await bench.backend.cipher.open(material, blob, FOR_BOB)), hello, 'and goes on')
    })
  }

  for (const [what, context] of OTHERS) {
    test(`does not open a ciphertext ${what}`, async (t) => {
      const { material } = await aes()
      const blob = await bench.backend.cipher.seal(material, hello, FOR_BOB)
      await refuses(t, 'InvalidCiphertextException', () => bench.backend.cipher.open(material, blob, context))
    })
  }

  test('does not open a ciphertext of another key', async (t) => {
    const [{ material }, other] = await Promise.all([aes(), bench.make('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')])
    const blob = await bench.backend.cipher.seal(material, hello, FOR_BOB)
    await refuses(t, 'InvalidCiphertextException', () => bench.backend.cipher.open(other.material, blob, FOR_BOB))
  })

  test('does not seal under a context that has no UTF-8', async (t) => {
    const { material } = await aes()
    await refuses(t, 'ValidationException', () => bench.backend.cipher.seal(material, hello, { a: '\ud800' }))
  })

  test('seals the same twice, and nothing shows it', async (t) => {
    const { material } = await aes()
    const [one, two] = [
      Buffer.from(await bench.backend.cipher.seal(material, hello, FOR_BOB)),
      Buffer.from(await bench.backend.cipher.seal(material, hello, FOR_BOB)),
    ]
    t.notDeepEqual(one.subarray(HEADER, HEADER + 28), two.subarray(HEADER, HEADER + 28))
    t.notDeepEqual(one.subarray(HEADER + 28), two.subarray(HEADER + 28))
  })

  test('seals into a buffer, and opens into one', async (t) => {
    const { material } = await aes()
    const { cipher } = bench.backend
    const out = Buffer.alloc(300, 0xaa)
    const length = await cipher.sealInto(material, hello, FOR_BOB, out)
    t.is(length, HEADER + BODY_OVERHEAD + bench.overhead + hello.length)
    t.true(out.subarray(length).every((byte) => byte === 0xaa))
    const plaintext = Buffer.alloc(hello.length + 5, 0xbb)
    t.is(await cipher.openInto(material, out.subarray(0, length), FOR_BOB, plaintext), hello.length)
    t.deepEqual(plaintext, Buffer.concat([hello, Buffer.alloc(5, 0xbb)]))
  })

  test('seals many at once, each in a frame of its own', async (t) => {
    const { material } = await aes()
    const plaintexts = [0, 1, 100, 4096].map((size) => randomBytes(size))
    const blobs = await bench.backend.cipher.sealMany(material, plaintexts, FOR_BOB)
    t.is(blobs.length, plaintexts.length)
    for (const [i, blob] of blobs.entries()) {
      t.deepEqual(Buffer.from(await bench.backend.cipher.open(material, blob, FOR_BOB)), plaintexts[i]!)
    }
    t.deepEqual(await bench.backend.cipher.sealMany(material, [], FOR_BOB), [])
  })

  test('makes data keys, shown and sealed, or sealed alone', async (t) => {
    const { material } = await aes()
    const { cipher } = bench.backend
    for (const length of [1, 16, 32, 1024]) {
      const { blob, plaintext } = await cipher.dataKey(material, length, FOR_BOB, true)
      t.is(plaintext!.length, length)
      t.deepEqual(Buffer.from(await cipher.open(material, blob, FOR_BOB)), Buffer.from(plaintext!))
      const sealed = await cipher.dataKey(material, length, FOR_BOB, false)
      t.is(sealed.plaintext, undefined)
      t.is((await cipher.open(material, sealed.blob, FOR_BOB)).length, length)
    }
    const [one, two] = [0, 1].map(() => cipher.dataKey(material, 32, undefined, true))
    t.notDeepEqual(Buffer.from((await one!).plaintext!), Buffer.from((await two!).plaintext!))
  })

  test('carries a message from one key and context to another', async (t) => {
    const [{ material }, other] = await Promise.all([aes(), bench.make('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')])
    const { cipher } = bench.backend
    const blob = Uint8Array.from(await cipher.seal(material, hello, FOR_BOB))
    const carried = await cipher.reseal(material, blob, FOR_BOB, other.material, { to: 'carol' })
    t.true(isUnder(carried, other.material))
    t.deepEqual(Buffer.from(await cipher.open(other.material, carried, { to: 'carol' })), hello)
    await refuses(t, 'InvalidCiphertextException', () => cipher.open(other.material, carried, FOR_BOB))
    await refuses(t, 'InvalidCiphertextException', () =>
      cipher.reseal(material, blob, { to: 'eve' }, other.material, FOR_BOB),
    )
    await refuses(t, 'ValidationException', () =>
      cipher.reseal(material, blob, FOR_BOB, other.material, { a: '\udfff' }),
    )
  })

  test('goes on with a key that was let go of', async (t) => {
    const { material } = await bench.make('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')
    const blob = await bench.backend.cipher.seal(material, hello, FOR_BOB)
    bench.backend.release(material)
    bench.backend.release(material)
    t.deepEqual(Buffer.from(await bench.backend.cipher.open(material, blob, FOR_BOB)), hello)
  })

  test('keeps many keys apart', async (t) => {
    const made = await Promise.all(Array.from({ length: 20 }, () => bench.make('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')))
    const blobs: Uint8Array[] = []
    for (const [i, { material }] of made.entries()) {
      blobs.push(await bench.backend.cipher.seal(material, Buffer.of(i), undefined))
    }
    for (const [i, { material }] of made.entries()) {
      t.deepEqual([...(await bench.backend.cipher.open(material, blobs[i]!, undefined))], [i])
    }
  })

  test('does with a key only what it was made for', async (t) => {
    const { material } = await bench.make('HMAC_256', 'GENERATE_VERIFY_MAC')
    await refuses(t, 'KMSInternalException', () => bench.backend.cipher.seal(material, hello, undefined))
  })

  test('gives random bytes, never the same', async (t) => {
    for (const length of [1, 16, 1024]) t.is((await bench.backend.random(length)).length, length)
    const drawn = new Set<string>()
    for (let i = 0; i < 50; i++) drawn.add(Buffer.from(await bench.backend.random(16)).toString('hex'))
    t.is(drawn.size, 50)
  })
}
