/** Key pairs for use outside, made here because they leave anyway; a token could only hand out what it is told not to hide. */
import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { fail } from '../../errors.ts'
import type { Cipher, KeyPair, KeyPairs } from '../backend.ts'
import { TOKEN_SPECS, type Spec } from './specs.ts'

export function tokenKeyPairs(cipher: Cipher): KeyPairs {
  return {
    async generate(material, name, context, plaintext): Promise<KeyPair> {
      const spec = TOKEN_SPECS[name]
      if (!spec || spec.lattice) fail('UnsupportedOperationException', 'the backend of the key cannot do this')
      const { publicKey, privateKey } = await pairOf(spec)
      const blob = await cipher.seal(material, privateKey, context)
      if (!plaintext) privateKey.fill(0)
      return { publicKey, blob, plaintext: plaintext ? privateKey : undefined }
    },
  }
}

const make = promisify(generateKeyPair)

async function pairOf({ family, size, name }: Spec): Promise<{ publicKey: Buffer; privateKey: Buffer }> {
  const { publicKey, privateKey } =
    family === 'rsa'
      ? await make('rsa', { modulusLength: size })
      : family === 'ec'
        ? await make('ec', { namedCurve: name! })
        : await make('ed25519')
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }),
  }
}
