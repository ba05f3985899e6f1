/** What our own driver finds out about a token as it opens it: what a room may be told beforehand. */
import { pkcs11 } from '../backends/pkcs11.ts'
import type { Choice } from './token.ts'

/** The profile of the token, as docs/conformance/profile.schema.json has it. */
export async function profileOf(opening: Choice & { readonly module: string; readonly pin: string }): Promise<unknown> {
  const { module, tokenLabel, slot, pin } = opening
  const { backend, profile } = await pkcs11({ module, tokenLabel, slot, pin }).open()
  await backend.close()
  return profile
}
