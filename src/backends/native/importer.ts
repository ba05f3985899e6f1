/** Keys from outside, into the Rust HSM. */
import type { Hsm } from '../../../bindings/node/index.js'
import { SPECS, USES } from '../../algorithms.ts'
import { KmsError } from '../../errors.ts'
import type { Key } from '../../keys.ts'
import type { Importer } from '../backend.ts'
import { translate } from './faults.ts'

const utf8 = new TextEncoder()

export function nativeImporter(hsm: Hsm): Importer {
  return {
    parameters: (key, spec, scheme, expiry) => told(hsm.wrappingKey(spec, { scheme, expiry, binding: placeOf(key) })),
    async import(key, token, wrapped, now) {
      const imported = await told(
        hsm.importWrapped({
          token,
          binding: placeOf(key),
          now,
          wrapped,
          spec: SPECS[key.spec].hsm,
          usages: USES[key.usage],
          // The id alone: related keys of a multi-Region key give the same material the same id.
          label: utf8.encode(key.id),
        }),
      )
      const { publicKey, digest } = imported
      return { token: imported.token, publicKey, id: digest.toString('hex') }
    },
  }
}

/** What an import token is bound to: this key, in this Region, and no other. */
function placeOf(key: Key): Uint8Array {
  return utf8.encode(key.arn)
}

async function told<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if ((error as { code?: string }).code === 'InvalidToken') throw new KmsError('InvalidImportTokenException')
    throw translate(error)
  }
}
