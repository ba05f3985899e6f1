/** What callers entrust to a custom key store: the password of `kmsuser`, or the secret access key of a proxy, sealed. */
import type { KeyStore } from './keystores.ts'
import type { Secrets } from './secrets.ts'

/** A secret opens for its own store alone. */
const purposeOf = (id: string): string => `custom key store ${id}`

export function sealSecret(id: string, secret: string, secrets: Secrets): Promise<Uint8Array> {
  return secrets.seal(purposeOf(id), Buffer.from(secret))
}

export async function openSecret({ id, secret }: KeyStore, secrets: Secrets): Promise<string> {
  return Buffer.from(await secrets.open(purposeOf(id), secret)).toString()
}
