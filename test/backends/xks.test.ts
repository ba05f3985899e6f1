/** The contract of the backends as far as it is about symmetric encryption, fulfilled by keys that are in two places. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { Hsm } from '../../bindings/node/index.js'
import { nativeBackend } from '../../src/backends/native.ts'
import { xksBackend, type External } from '../../src/backends/xks.ts'
import { KmsError } from '../../src/errors.ts'
import { Roots } from '../../src/roots.ts'
import { contract } from './contract.ts'
import { cipherContract } from './contract/cipher.ts'

const KEY = randomBytes(32)

/** An external key that is right here. */
const external: External = {
  encrypt(plaintext, additional) {
    const initializationVector = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', KEY, initializationVector).setAAD(additional)
    const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
    return Promise.resolve({ ciphertext, initializationVector, authenticationTag: cipher.getAuthTag() })
  },
  async decrypt({ ciphertext, initializationVector, authenticationTag }, additional) {
    try {
      const decipher = createDecipheriv('aes-256-gcm', KEY, initializationVector).setAAD(additional)
      decipher.setAuthTag(authenticationTag)
      return await Promise.resolve(Buffer.concat([decipher.update(ciphertext), decipher.final()]))
    } catch (cause) {
      throw new KmsError('InvalidCiphertextException', '', { cause })
    }
  },
}

contract(
  {
    name: 'external',
    /** Two lengths, an IV and a tag. */
    overhead: 2 + 12 + 16,
    open: () =>
      Promise.resolve(
        xksBackend(nativeBackend(Hsm.create(randomBytes(32)), { roots: new Roots([]), window: 300_000 }), external),
      ),
  },
  [cipherContract],
)
