/** Key material wrapped for its import by the world outside: openssl's command line, as AWS's guide has it, and node:crypto. */
import { execFileSync } from 'node:child_process'
import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Hash = 'sha1' | 'sha256'

/** RSAES_OAEP and RSA_AES_KEY_WRAP, by one tool. */
export interface Tool {
  oaep(publicKey: Uint8Array, material: Uint8Array, hash: Hash): Uint8Array
  keyWrap(publicKey: Uint8Array, material: Uint8Array, hash: Hash): Uint8Array
}

/** RFC 5649's initial value, as openssl wants it said. */
const IV = 'a65959a6'

export const openssl: Tool = {
  oaep: (publicKey, material, hash) =>
    inFolder((path) => {
      writeFileSync(path('public.der'), publicKey)
      writeFileSync(path('material'), material)
      const padding = ['rsa_padding_mode:oaep', `rsa_oaep_md:${hash}`, `rsa_mgf1_md:${hash}`]
      execFileSync('openssl', [
        ...['pkeyutl', '-encrypt', '-pubin', '-keyform', 'DER', '-inkey', path('public.der')],
        ...['-in', path('material'), '-out', path('wrapped')],
        ...padding.flatMap((option) => ['-pkeyopt', option]),
      ])
      return readFileSync(path('wrapped'))
    }),
  keyWrap(publicKey, material, hash) {
    const key = randomBytes(32)
    const wrapped = inFolder((path) => {
      writeFileSync(path('material'), material)
      const files = ['-in', path('material'), '-out', path('wrapped')]
      execFileSync('openssl', ['enc', '-id-aes256-wrap-pad', '-K', key.toString('hex'), '-iv', IV, ...files])
      return readFileSync(path('wrapped'))
    })
    return Buffer.concat([openssl.oaep(publicKey, key, hash), wrapped])
  },
}

export const node: Tool = {
  oaep(publicKey, material, oaepHash) {
    const key = createPublicKey({ key: Buffer.from(publicKey), type: 'spki', format: 'der' })
    return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, material)
  },
  keyWrap(publicKey, material, hash) {
    const key = randomBytes(32)
    const cipher = createCipheriv('id-aes256-wrap-pad', key, Buffer.from(IV, 'hex'))
    return Buffer.concat([node.oaep(publicKey, key, hash), cipher.update(material), cipher.final()])
  },
}

/** SM2PKE, by openssl alone. */
export function sm2(publicKey: Uint8Array, material: Uint8Array): Uint8Array {
  return inFolder((path) => {
    writeFileSync(path('public.der'), publicKey)
    const key = ['-pubin', '-keyform', 'DER', '-inkey', path('public.der')]
    return execFileSync('openssl', ['pkeyutl', '-encrypt', ...key], { input: material, stdio: 'pipe' })
  })
}

function inFolder<T>(act: (path: (name: string) => string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-wrapping-'))
  try {
    return act((name) => join(folder, name))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
