/** Grant tokens: opaque text that names a grant, and that nobody but this KMS can have written. */
import { fail, KmsError } from './errors.ts'
import type { Grant } from './grants.ts'
import type { Secrets } from './secrets.ts'

/** Which grant a token names, whether or not it is still there. */
export type GrantName = Pick<Grant, 'region' | 'account' | 'keyId' | 'id'>

const PURPOSE = 'grant token'

/** A token for `grant`, unlike any other, and as good as any other. */
export async function writeGrantToken({ region, account, keyId, id }: GrantName, secrets: Secrets): Promise<string> {
  const sealed = await secrets.seal(PURPOSE, Buffer.from([region, account, keyId, id].join(' ')))
  return Buffer.from(sealed).toString('hex')
}

/** What a token names. Throws InvalidGrantTokenException for text that is none of ours. */
export async function readGrantToken(text: string, secrets: Secrets): Promise<GrantName> {
  const sealed = Buffer.from(text, 'hex')
  if (sealed.toString('hex') !== text) fail('InvalidGrantTokenException')
  try {
    const name = Buffer.from(await secrets.open(PURPOSE, sealed)).toString()
    const [region, account, keyId, id] = name.split(' ') as [string, string, string, string]
    return { region, account, keyId, id }
  } catch (error) {
    const foreign = error instanceof KmsError && error.code === 'InvalidCiphertextException'
    throw foreign ? new KmsError('InvalidGrantTokenException') : error
  }
}

/** The ids of the grants that `tokens` name. Tokens nobody was given are refused; those of grants that are gone are no offence. */
export async function tokensOf(tokens: readonly string[], secrets: Secrets): Promise<ReadonlySet<string>> {
  const names = await Promise.all(tokens.map((token) => readGrantToken(token, secrets)))
  return new Set(names.map(({ id }) => id))
}
