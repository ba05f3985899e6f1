/**
 * A PKCS#11 token as a backend: keys are made in it, sensitive and not extractable, and what stands for a key is its CKA_ID.
 * What the token can do is found out when it is opened; what it cannot is refused, or done for it where that is safe.
 */
import { fail } from '../errors.ts'
import type { Backend, BackendSource, OpenedBackend } from './backend.ts'
import { openIsolated } from './isolated.ts'
import { tokenAgreement } from './pkcs11/agreement.ts'
import { tokenAsymmetric } from './pkcs11/asymmetric.ts'
import { located, type TokenOptions } from './pkcs11/choice.ts'
import { TokenCipher } from './pkcs11/cipher.ts'
import { Library } from './pkcs11/cryptoki.ts'
import { tokenImporter } from './pkcs11/importer.ts'
import { tokenKeyPairs } from './pkcs11/keypairs.ts'
import { Keys } from './pkcs11/keys.ts'
import { tokenMac } from './pkcs11/mac.ts'
import { probe, type Abilities } from './pkcs11/probe.ts'
import { abilitiesFrom, deviceOf, profileOf, readProfile, type TokenProfile } from './pkcs11/profile.ts'
import { reportOf } from './pkcs11/report.ts'
import { tokenSigner } from './pkcs11/signer.ts'
import { Token } from './pkcs11/token.ts'
import { identityOf } from './pkcs11/uri.ts'

export interface Pkcs11Options extends TokenOptions {
  /** What is known of this kind of token, or the file that says so: it is opened without being probed. */
  readonly profile?: TokenProfile | string
  /** Has the module run in a process of its own, which is started anew should the module bring it down. */
  readonly isolate?: boolean
}

export interface Pkcs11Source extends BackendSource {
  open(): Promise<OpenedBackend & { readonly profile: TokenProfile }>
}

/** Keys in the token that `options` name. Opening rejects with an error whose `code` says what is in the way. */
export function pkcs11({ profile, isolate, ...options }: Pkcs11Options): Pkcs11Source {
  return {
    name: 'pkcs11',
    async open() {
      if (isolate) return openIsolated<TokenProfile>(import.meta.url, { ...options, ...(profile && { profile }) })
      const { module, choice } = located(options)
      const library = await Library.open(module)
      const token = new Token(library, choice)
      try {
        token.connect()
        const about = token.about()
        const device = deviceOf(token.cryptoki, about)
        const known = typeof profile === 'string' ? readProfile(profile) : profile
        const abilities = known ? abilitiesFrom(known, device) : await probe(token)
        return {
          backend: tokenBackend(token, abilities),
          abilities: reportOf(abilities),
          identity: identityOf(about),
          profile: profileOf(abilities, device),
        }
      } catch (error) {
        await token.close()
        throw error
      }
    },
  }
}

function tokenBackend(token: Token, { specs, algorithms, oaep, oaepRefusals, gcm, copies }: Abilities): Backend {
  const keys = new Keys(token, copies)
  const cipher = new TokenCipher(keys, gcm)
  const can = (algorithm: string) => algorithms.has(algorithm)
  return {
    create(spec, uses) {
      if (!specs.has(spec)) fail('UnsupportedOperationException', `the token makes no keys of the spec ${spec}`)
      return keys.create(spec, uses)
    },
    random: (length) => token.use((session) => token.cryptoki.C_GenerateRandom(session, Buffer.alloc(length))),
    cipher,
    asymmetric: tokenAsymmetric(keys, { unpadding: oaep, refusals: oaepRefusals }),
    signer: tokenSigner(keys, can),
    mac: tokenMac(keys, can),
    agreement: tokenAgreement(keys),
    keyPairs: tokenKeyPairs(cipher),
    importer: tokenImporter(keys, { unpadding: oaep, refusals: oaepRefusals }),
    release: (material) => {
      keys.release(material)
    },
    erase: (id) => {
      keys.erase(id)
    },
    forget: () => token.forget(),
    close: () => token.close(),
  }
}
