/** The Rust HSM as a backend: cheap verbs on the spot, and on the device's pool what takes it long. */
import type { Hsm } from '../../bindings/node/index.js'
import type { Backend } from './backend.ts'
import { nativeAgreement, nativeKem } from './native/agreement.ts'
import { nativeAsymmetric } from './native/asymmetric.ts'
import { NativeCipher } from './native/cipher.ts'
import { attempt, attemptAsync } from './native/faults.ts'
import { nativeImporter } from './native/importer.ts'
import { nativeKeyPairs } from './native/keypairs.ts'
import { nativeMac } from './native/mac.ts'
import { nativeRecipients, type Trust } from './native/recipients.ts'
import { nativeSigner } from './native/signer.ts'
import { Slots } from './native/slots.ts'

export function nativeBackend(hsm: Hsm, trust: Trust): Backend {
  const slots = new Slots(hsm)
  return {
    // Finding two primes takes a tenth of a second and more; every other key is made in microseconds.
    create: (spec, uses) =>
      spec.startsWith('RSA_') ? attemptAsync(() => hsm.createAsync(spec, uses)) : attempt(() => hsm.create(spec, uses)),
    random: (length) =>
      attempt(() => {
        const bytes = Buffer.allocUnsafeSlow(length)
        slots.verbs.random(bytes, 0, length)
        return bytes
      }),
    cipher: new NativeCipher(slots),
    asymmetric: nativeAsymmetric(slots),
    signer: nativeSigner(slots),
    mac: nativeMac(slots),
    agreement: nativeAgreement(slots),
    kem: nativeKem(slots),
    keyPairs: nativeKeyPairs(slots),
    importer: nativeImporter(hsm),
    recipients: nativeRecipients(slots, trust),
    release: (material) => slots.release(material),
    close: () => hsm.close(),
  }
}
