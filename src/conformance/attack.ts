/** What an attacker on the API of a token has: a sensitive key to get at, arithmetic of his own, and a way to know that he has it. */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Severity, Check } from './check.ts'
import type { Template } from './cryptoki/memory.ts'
import { CKR } from './cryptoki/numbers.ts'
import type { Device } from './device.ts'
import { sensitiveKey } from './samples.ts'
import { row } from './row.ts'

/** Papers that attacks are known from. */
export const PAPERS = {
  clulow: 'J. Clulow, On the Security of PKCS#11, CHES 2003',
  dks: 'Delaune, Kremer, Steel, Formal Analysis of PKCS#11, CSF 2008',
  tookan: 'Bortolozzo, Centenaro, Focardi, Steel, Attacking and Fixing PKCS#11 Security Tokens, CCS 2010',
  bleichenbacher:
    'D. Bleichenbacher, Chosen Ciphertext Attacks against RSA PKCS#1, CRYPTO 1998; Bardou et al., CRYPTO 2012',
  manger: 'J. Manger, A Chosen Ciphertext Attack on RSA-OAEP, CRYPTO 2001',
  vaudenay: 'S. Vaudenay, Security Flaws Induced by CBC Padding, EUROCRYPT 2002',
  curves: 'Biehl, Meyer, Müller, Differential Fault Attacks on Elliptic Curve Cryptosystems, CRYPTO 2000',
} as const

/** The key as somebody has it outside; undefined when the token did not let him. */
export type Steal = (device: Device, session: number, victim: number) => Buffer | undefined

/** An attack on a sensitive AES key, extractable as a KMS needs it for wrapping, with `more` to it. */
export function attack(
  id: string,
  severity: Severity,
  paper: keyof typeof PAPERS,
  title: string,
  needs: NonNullable<Check['needs']>,
  steal: Steal,
  more: Template = [],
): Check {
  const run = (device: Device): void => {
    const session = device.session()
    const victim = sensitiveKey(device, session, true, { type: 'ENCRYPT', value: true }, ...more)
    const loot = steal(device, session, victim)
    const stolen = loot !== undefined && opens(device, session, victim, loot)
    device.require(!stolen, 'a sensitive key stays in the token', 'its value, outside of the token')
  }
  return {
    ...row(`attack.${id}`, severity, '', title, run, { needs: ['AES_KEY_GEN', 'AES_ECB', ...needs] }),
    clause: PAPERS[paper],
  }
}

/** Whether these bytes are the key: they encrypt as it does. */
function opens(device: Device, session: number, victim: number, loot: Buffer): boolean {
  if (loot.length !== 32) return false
  const block = Buffer.alloc(16, 0x61)
  const cipher = createCipheriv('aes-256-ecb', loot, null)
  return cipher.update(block).equals(device.encrypt(session, { type: 'AES_ECB' }, victim, block).bytes)
}

type Block = (block: Buffer) => Buffer | undefined

/** AES key wrap undone with nothing but a decryption of single blocks (RFC 3394, 2.2.2). */
export function unwrappedBy(decrypt: Block, wrapped: Buffer): Buffer | undefined {
  const parts = eights(wrapped)
  const n = parts.length - 1
  for (let step = 6 * n; step > 0; step--) {
    const at = ((step - 1) % n) + 1
    const block = decrypt(Buffer.concat([counted(parts[0]!, step), parts[at]!]))
    if (!block) return undefined
    ;[parts[0], parts[at]] = [block.subarray(0, 8), block.subarray(8)]
  }
  return Buffer.concat(parts.slice(1))
}

/** AES key wrap done with nothing but an encryption of single blocks (RFC 3394, 2.2.1). */
export function wrappedBy(encrypt: Block, key: Buffer): Buffer | undefined {
  const parts = [Buffer.alloc(8, 0xa6), ...eights(key)]
  const n = parts.length - 1
  for (let step = 1; step <= 6 * n; step++) {
    const at = ((step - 1) % n) + 1
    const block = encrypt(Buffer.concat([parts[0]!, parts[at]!]))
    if (!block) return undefined
    ;[parts[0], parts[at]] = [counted(block.subarray(0, 8), step), block.subarray(8)]
  }
  return Buffer.concat(parts)
}

/** What a key of the token makes of a block; undefined when it may not. */
export function blocks(device: Device, session: number, key: number, verb: 'encrypt' | 'decrypt'): Block {
  return (block) => {
    const { rv, bytes } = device[verb](session, { type: 'AES_ECB' }, key, block)
    return rv === CKR.OK ? Buffer.from(bytes) : undefined
  }
}

/** AES key wrap undone by who has the key. */
export function unwrappedWith(key: Buffer, wrapped: Buffer): Buffer | undefined {
  const cipher = createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false)
  return unwrappedBy((block) => cipher.update(block), wrapped)
}

function eights(bytes: Buffer): Buffer[] {
  return Array.from({ length: bytes.length / 8 }, (_, i) => bytes.subarray(8 * i, 8 * i + 8))
}

function counted(eight: Buffer, step: number): Buffer {
  const bytes = Buffer.from(eight)
  bytes.writeUInt32BE((bytes.readUInt32BE(4) ^ step) >>> 0, 4)
  return bytes
}
