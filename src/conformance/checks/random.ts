/** Keys and random bytes that nobody can guess, as far as can be told from outside: wide margins, so that only what is broken fails. */
import { Finding, type Check } from '../check.ts'
import { structure, wordIn } from '../cryptoki/memory.ts'
import { CKM, CKR } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { curvePublicKey } from '../der.ts'
import { aesKey, CURVES, ecPair, generatorOf, pointIn, rsaPair, type Curve } from '../keys.ts'
import { EMPTY } from '../parameters.ts'

const RANDOM = 'PKCS#11 3.1, 5.19.2 C_GenerateRandom'
const BITS = 20_000

/** Statistical tests of FIPS 140-1: intervals so wide that a good generator fails once in a million. */
const STATISTICS: Readonly<Record<string, { title: string; run(device: Device, bytes: Buffer): void }>> = {
  monobit: {
    title: 'about as many ones as zeros',
    run(device, bytes) {
      const ones = bitsOf(bytes).filter(Boolean).length
      device.require(ones > 9_654 && ones < 10_346, 'between 9,654 and 10,346 ones of 20,000', `${ones}`)
    },
  },
  poker: {
    title: 'all values of four bits about as often',
    run(device, bytes) {
      const counts = new Array<number>(16).fill(0)
      for (const byte of bytes) for (const nibble of [byte >> 4, byte & 15]) counts[nibble]!++
      const x = (16 / 5000) * counts.reduce((sum, count) => sum + count * count, 0) - 5000
      device.require(x > 1.03 && x < 57.4, 'between 1.03 and 57.4', x.toFixed(2))
    },
  },
  runs: {
    title: 'no run of 34 equal bits',
    run(device, bytes) {
      let [longest, run, last] = [0, 0, -1]
      for (const bit of bitsOf(bytes)) {
        run = bit === last ? run + 1 : 1
        last = bit
        longest = Math.max(longest, run)
      }
      device.require(longest < 34, 'runs shorter than 34', `${longest}`)
    },
  },
}

function bitsOf(bytes: Buffer): number[] {
  return [...bytes].flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((at) => (byte >> at) & 1))
}

const statistic = (name: string): Check => ({
  id: `random.${name}`,
  title: `In 20,000 random bits there are ${STATISTICS[name]!.title}`,
  clause: `${RANDOM}; FIPS 140-1, 4.11.1`,
  severity: 'critical',
  run(device) {
    const { rv, bytes } = device.random(device.session(), BITS / 8)
    if (rv === CKR.RANDOM_NO_RNG) device.skip('the token has no generator')
    device.expect(rv, 'OK')
    STATISTICS[name]!.run(device, bytes)
  },
})

const LENGTHS: readonly Check[] = [1, 15, 4096, 1 << 20].map((length) => ({
  id: `random.length.${length}`,
  title: `${length} random bytes fill the room they are given, and no byte more`,
  clause: RANDOM,
  severity: 'major',
  run(device) {
    const out = Buffer.alloc(length + 16)
    device.expect(device.call('C_GenerateRandom', device.session(), out, length), 'OK')
    const tail = out.subarray(Math.max(0, length - 8), length)
    device.require(length < 16 || tail.some((byte) => byte !== 0), 'random bytes to the end', 'zeros at the end')
    device.require(
      out.subarray(length).every((byte) => byte === 0),
      'nothing behind',
      'bytes behind the room given',
    )
  },
}))

const NONE: Check = {
  id: 'random.length.0',
  title: 'No random bytes are given, or refused as bad arguments, and the session goes on',
  clause: RANDOM,
  severity: 'note',
  run(device) {
    const session = device.session()
    device.expect(device.call('C_GenerateRandom', session, EMPTY, 0), 'OK', 'ARGUMENTS_BAD')
    device.expect(device.random(session, 16).rv, 'OK')
  },
}

const DISTINCT: Check = {
  id: 'random.distinct',
  title: 'A thousand times sixteen random bytes are never the same, in two sessions',
  clause: RANDOM,
  severity: 'critical',
  run(device) {
    const sessions = [device.session(), device.session()]
    const seen = new Set(
      Array.from({ length: 1000 }, (_, i) => device.random(sessions[i % 2]!, 16).bytes.toString('hex')),
    )
    device.require(seen.size === 1000, '1000 values', `${seen.size}`)
  },
}

const SEED: Check = {
  id: 'random.seed',
  title: 'The same seed does not make the same random bytes again',
  clause: 'PKCS#11 3.1, 5.19.1 C_SeedRandom',
  severity: 'critical',
  run(device) {
    const session = device.session()
    const values = [0, 1].map(() => {
      const rv = device.call('C_SeedRandom', session, Buffer.alloc(32, 0x11), 32)
      device.expect(rv, 'OK', 'RANDOM_SEED_NOT_SUPPORTED', 'RANDOM_NO_RNG', 'FUNCTION_NOT_SUPPORTED')
      return device.random(session, 32).bytes
    })
    device.require(!values[0]!.equals(values[1]!), 'other bytes', 'the same bytes')
  },
}

const AES_DISTINCT: Check = {
  id: 'keygen.aes.distinct',
  title: 'A hundred AES keys are a hundred keys',
  clause: 'PKCS#11 3.1, 6.10.3 AES key generation',
  severity: 'critical',
  needs: ['AES_KEY_GEN'],
  run(device) {
    const session = device.session()
    const values = Array.from({ length: 100 }, () => device.get(session, aesKey(device, session, []), 'VALUE').bytes)
    if (values[0]!.length === 0) device.skip('values cannot be read')
    const seen = new Set(values.map((value) => value.toString('hex')))
    device.require(seen.size === 100, '100 keys', `${seen.size}`)
  },
}

const onCurve = (curve: Curve): Check => ({
  id: `keygen.${curve}.on-curve`,
  title: `Public keys on ${curve} are points of it, and never the same`,
  clause: 'PKCS#11 3.1, 6.3.3 Elliptic curve public key objects',
  severity: 'critical',
  needs: [generatorOf(curve)],
  run(device) {
    const session = device.session()
    const agrees = curve.startsWith('curve')
    const points = Array.from({ length: 5 }, () => {
      const { rv, publicKey } = ecPair(device, session, curve, agrees ? [] : ['VERIFY'], agrees ? ['DERIVE'] : ['SIGN'])
      if (rv !== CKR.OK) device.skip(`the token does not have ${curve}`)
      return pointIn(device.get(session, publicKey, 'EC_POINT').bytes)
    })
    for (const point of points)
      if (!valid(curve, point)) throw new Finding(`a point on ${curve}`, `${point.length} bytes that are none`)
    const seen = new Set(points.map((point) => point.toString('hex')))
    device.require(seen.size === points.length, `${points.length} points`, `${seen.size}`)
  },
})

/** Whether Node takes these bytes for a public key of the curve. */
function valid(curve: Curve, point: Buffer): boolean {
  try {
    curvePublicKey(curve, point)
    return true
  } catch {
    return false
  }
}

const rsaNumbers = (bits: number): Check => ({
  id: `keygen.rsa-${bits}.numbers`,
  title: `RSA of ${bits} bits: an odd modulus of that size, the exponent that was asked for, primes that are apart`,
  clause: 'PKCS#11 3.1, 6.1.4 PKCS #1 RSA key pair generation; NIST FIPS 186-5, A.1.3',
  severity: 'critical',
  needs: ['RSA_PKCS_KEY_PAIR_GEN'],
  patience: 120,
  run(device) {
    const session = device.session()
    const { rv, publicKey, privateKey } = rsaPair(device, session, ['VERIFY'], ['SIGN'], bits)
    device.expect(rv, 'OK')
    const number = (
      object: number,
      type: 'MODULUS' | 'PUBLIC_EXPONENT' | 'PRIME_1' | 'PRIME_2',
    ): bigint | undefined => {
      const { bytes } = device.get(session, object, type)
      return bytes.length === 0 ? undefined : BigInt(`0x${bytes.toString('hex')}`)
    }
    const [modulus, exponent] = [number(publicKey, 'MODULUS')!, number(publicKey, 'PUBLIC_EXPONENT')!]
    const size = modulus.toString(2).length
    device.require(size === bits, `${bits} bits`, `${size}`)
    device.require((modulus & 1n) === 1n, 'an odd modulus', 'an even one')
    device.require(exponent === 65537n, '65537', `${exponent}`)
    const [p, q] = [number(privateKey, 'PRIME_1'), number(privateKey, 'PRIME_2')]
    if (p === undefined || q === undefined) return
    device.require(p * q === modulus, 'primes whose product is the modulus', 'another product')
    const distance = (p > q ? p - q : q - p).toString(2).length
    device.require(
      distance > bits / 2 - 100,
      `primes that differ in their upper 100 bits`,
      `a difference of ${distance} bits`,
    )
  },
})

const RSA_DISTINCT: Check = {
  id: 'keygen.rsa.distinct',
  title: 'Four RSA moduli share no factor',
  clause: 'PKCS#11 3.1, 6.1.4 PKCS #1 RSA key pair generation',
  severity: 'critical',
  needs: ['RSA_PKCS_KEY_PAIR_GEN'],
  patience: 120,
  run(device) {
    const session = device.session()
    const moduli = Array.from({ length: 4 }, () => {
      const { rv, publicKey } = rsaPair(device, session, ['VERIFY'], ['SIGN'])
      device.expect(rv, 'OK')
      return BigInt(`0x${device.get(session, publicKey, 'MODULUS').bytes.toString('hex')}`)
    })
    const pairs = moduli.flatMap((one, i) => moduli.slice(i + 1).map((other) => gcd(one, other)))
    device.require(
      pairs.every((common) => common === 1n),
      'no common factor',
      'a common factor',
    )
  },
}

function gcd(one: bigint, other: bigint): bigint {
  return other === 0n ? one : gcd(other, one % other)
}

/** A message's IV that the token makes: CK_GCM_MESSAGE_PARAMS. */
const MESSAGE_IV: Check = {
  id: 'random.aes-gcm.message-iv',
  title: 'IVs that the token makes for messages are never the same',
  clause: 'PKCS#11 3.1, 6.13.2 AES-GCM message encryption; NIST SP 800-38D, 8.2',
  severity: 'critical',
  needs: ['AES_GCM'],
  run(device) {
    if (!device.announces(CKM.AES_GCM, 'MESSAGE_ENCRYPT')) device.skip('the token does not encrypt messages')
    const session = device.session()
    const key = aesKey(device, session, ['ENCRYPT', 'DECRYPT'])
    const GENERATE_RANDOM = 3
    const [iv, tag] = [Buffer.alloc(12), Buffer.alloc(16)]
    const parameter = structure(iv, iv.length, 0, GENERATE_RANDOM, tag, 128)
    const how = structure(CKM.AES_GCM, parameter, parameter.length)
    device.expect(device.call('C_MessageEncryptInit', session, how, key), 'OK')
    const ivs = Array.from({ length: 50 }, () => {
      const [out, length] = [Buffer.alloc(64), structure(64)]
      const args = [parameter, parameter.length, null, 0, Buffer.alloc(16), 16, out, length] as const
      device.expect(device.call('C_EncryptMessage', session, ...args), 'OK')
      device.require(wordIn(length) === 16, '16 bytes', `${wordIn(length)}`)
      return iv.toString('hex')
    })
    device.require(new Set(ivs).size === ivs.length, '50 IVs', `${new Set(ivs).size}`)
  },
}

export const RANDOMNESS: readonly Check[] = [
  ...Object.keys(STATISTICS).map(statistic),
  ...LENGTHS,
  NONE,
  DISTINCT,
  SEED,
  AES_DISTINCT,
  ...(Object.keys(CURVES) as Curve[]).map(onCurve),
  ...[2048, 3072].map(rsaNumbers),
  RSA_DISTINCT,
  MESSAGE_IV,
]
