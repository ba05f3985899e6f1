/** What our own driver can do with a token, as a room that is opened on it would say. */
import { pkcs11 } from '../backends/pkcs11.ts'
import type { Capability } from './report.ts'
import type { Choice } from './token.ts'

/** Opens the token as a backend, which probes it, and closes it again. What abilities are of, is in `algorithm`. */
export async function driverAbilities(
  opening: Choice & { readonly module: string; readonly pin: string },
): Promise<readonly Capability[]> {
  const { module, tokenLabel, slot, pin } = opening
  const { backend, abilities } = await pkcs11({ module, tokenLabel, slot, pin }).open()
  await backend.close()
  return abilities.map(({ what, support, how }) => ({ spec: '', algorithm: what, support, how }))
}
