/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) at the server's end: a password proves itself without being sent, against a verifier
 * as PostgreSQL keeps it.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto'
import { fromBase64, toBase64 } from '../../model/json.ts'

export const MECHANISM = 'SCRAM-SHA-256'
const ITERATIONS = 4096
const LENGTH = 32
const SALT_LENGTH = 16

interface Verifier {
  readonly iterations: number
  readonly salt: Uint8Array
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

/** What is kept of a password. */
export function verifierOf(password: string): string {
  const salt = randomBytes(SALT_LENGTH)
  const { storedKey, serverKey } = keysOf(password, salt, ITERATIONS)
  return `${MECHANISM}$${ITERATIONS}:${toBase64(salt)}$${toBase64(storedKey)}:${toBase64(serverKey)}`
}

/** A verifier as it is kept; undefined for what is none. */
function parsed(text: string): Verifier | undefined {
  const [, iterations, salt, storedKey, serverKey] = /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/.exec(text) ?? []
  if (serverKey === undefined) return undefined
  const bytes = (part: string) => fromBase64(part) ?? Buffer.alloc(0)
  return {
    ...{ iterations: Number(iterations), salt: bytes(salt!) },
    ...{ storedKey: bytes(storedKey!), serverKey: bytes(serverKey) },
  }
}

/** What names that nobody has get their salts by, so that each has the same one every time. */
const SALT_KEY = randomBytes(LENGTH)

/** For whom there is not: the attempt goes its way as any would, and fails. */
function nobodys(user: string): Verifier {
  const salt = hmac(SALT_KEY, user).subarray(0, SALT_LENGTH)
  return { iterations: ITERATIONS, salt, storedKey: randomBytes(LENGTH), serverKey: randomBytes(LENGTH) }
}

/** A server's half of one attempt. */
export class Proving {
  readonly #verifier: Verifier
  readonly #known: boolean
  #nonce = ''
  #sent = ''
  #heard = ''

  constructor(user: string, verifier: string | undefined) {
    const known = verifier === undefined ? undefined : parsed(verifier)
    this.#known = known !== undefined
    this.#verifier = known ?? nobodys(user)
  }

  /** The answer to a client's first message; undefined if that is none. */
  challenge(first: string): string | undefined {
    // Without a channel to bind to, and in nobody else's name.
    const [, bare, nonce] = /^[ny],,(n=[^,]*,r=([!-+\--~]+).*)$/s.exec(first) ?? []
    if (nonce === undefined) return undefined
    this.#heard = bare!
    this.#nonce = nonce + randomBytes(18).toString('hex')
    this.#sent = `r=${this.#nonce},s=${toBase64(this.#verifier.salt)},i=${this.#verifier.iterations}`
    return this.#sent
  }

  /** The server's own proof, if the client's is one. */
  answer(final: string): string | undefined {
    const [, unproven, nonce, proof] = /^(c=(?:biws|eSws),r=([^,]+)),p=([^,]+)$/.exec(final) ?? []
    if (proof === undefined || nonce !== this.#nonce || this.#nonce === '') return undefined
    const said = `${this.#heard},${this.#sent},${unproven}`
    const clientKey = xor(fromBase64(proof) ?? Buffer.alloc(0), hmac(this.#verifier.storedKey, said))
    const isRight = timingSafeEqual(hash(clientKey), this.#verifier.storedKey)
    return isRight && this.#known ? `v=${toBase64(hmac(this.#verifier.serverKey, said))}` : undefined
  }
}

function keysOf(password: string, salt: Uint8Array, iterations: number) {
  const salted = pbkdf2Sync(password, salt, iterations, LENGTH, 'sha256')
  return { storedKey: hash(hmac(salted, 'Client Key')), serverKey: hmac(salted, 'Server Key') }
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function hash(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** As long as the second; what is too short proves nothing. */
function xor(one: Uint8Array, other: Uint8Array): Uint8Array {
  return Uint8Array.from(other, (byte, i) => byte ^ (one[i] ?? 0))
}
