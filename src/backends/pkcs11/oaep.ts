/**
 * RSAES-OAEP decoding (RFC 8017, 7.1.2), for tokens that decrypt with RSA and cannot take the padding off. Which of its
 * checks failed must not be told, not by an answer and not by the time it takes (Manger's attack): every byte is looked at
 * whatever the others were, and there is one decision at the end. JavaScript promises no constant time; no branch and no index
 * here depends on what is secret until that decision.
 */
import { createHash } from 'node:crypto'
import { KmsError } from '../../errors.ts'

/** The message in `encoded`, as long as the modulus, with no label; wipes it. Throws InvalidCiphertextException. */
export function oaepDecoded(encoded: Buffer, hash: 'sha1' | 'sha256'): Buffer {
  const size = createHash(hash).digest().length
  const seed = encoded.subarray(1, 1 + size)
  const block = encoded.subarray(1 + size)
  xor(seed, mgf1(block, size, hash))
  xor(block, mgf1(seed, block.length, hash))
  const label = createHash(hash).digest()
  let wrong = encoded[0]!
  for (let i = 0; i < size; i++) wrong |= block[i]! ^ label[i]!
  // The message begins behind the first 1 after zeros: `before` is 1 until it is met, and `start` counts what is before.
  let before = 1
  let start = 0
  for (let i = size; i < block.length; i++) {
    const byte = block[i]!
    const isOne = isZero(byte ^ 1)
    wrong |= before & (1 - isOne) & (1 - isZero(byte))
    before &= 1 - isOne
    start += before
  }
  wrong |= before
  const message = Buffer.from(block.subarray(Math.min(size + start + 1, block.length)))
  encoded.fill(0)
  if (wrong === 0) return message
  message.fill(0)
  throw new KmsError('InvalidCiphertextException')
}

/** 1 for 0, and 0 for every other byte. */
function isZero(byte: number): number {
  return ((byte - 1) >>> 8) & 1
}

function xor(bytes: Buffer, mask: Buffer): void {
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= mask[i]!
}

function mgf1(seed: Buffer, length: number, hash: string): Buffer {
  const blocks: Buffer[] = []
  for (let i = 0, made = 0; made < length; i++) {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(i)
    const block = createHash(hash).update(seed).update(counter).digest()
    blocks.push(block)
    made += block.length
  }
  return Buffer.concat(blocks).subarray(0, length)
}
