/** The Rust HSM as a backend: cheap verbs on the spot, and on the device's pool what takes it long. */
import type { Hsm } from '../../bindings/node/index.js'
import type { Backend } from './backend.ts'
import { NativeCipher } from './native/cipher.ts'
import { attempt } from './native/faults.ts'
import { nativeImporter } from './native/importer.ts'
import { NativeRecipients, type Trust } from './native/recipients.ts'
import { Slots } from './native/slots.ts'

export function nativeBackend(hsm: Hsm, trust: Trust): Backend {
  const slots = new Slots(hsm)
  return {
    create: (spec, uses) => attempt(() => ({ token: hsm.generate(spec, uses) })),
    random: (length) =>
      attempt(() => {
        const bytes = Buffer.allocUnsafeSlow(length)
        slots.verbs.random(bytes, 0, length)
        return bytes
      }),
    cipher: new NativeCipher(slots),
    importer: nativeImporter(hsm),
    recipients: new NativeRecipients(slots, trust),
    release: (material) => slots.release(material),
    close: () => hsm.close(),
  }
}
