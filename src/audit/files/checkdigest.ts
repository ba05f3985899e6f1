/** Checks one digest: that it is ours, is itself, lies as it was written, and follows the one before it. */
import type { KeyObject } from 'node:crypto'
import { sha256, stringToSign, type Digest, type Removed, type Tail } from './digest.ts'
import { readObject, uncompressed } from './disk.ts'
import { signatureOf, type Chain } from './names.ts'
import { Offence } from './offence.ts'
import { fingerprintOf, isSignedBy } from './signing.ts'

export interface Place {
  readonly chain: Chain
  readonly key: KeyObject
  /** The digest before it; undefined when it is the first there is. */
  readonly tail: Tail | undefined
  /** What the chain may lack at its beginning. */
  readonly removed: Removed | undefined
}

/** The digest `object` and what the next one must say of it. Throws an Offence. */
export async function checkDigest(
  folder: string,
  object: string,
  place: Place,
): Promise<{ digest: Digest; tail: Tail }> {
  const changed = (why: string): never => {
    throw new Offence('changed', object, why)
  }
  const [file, beside] = await Promise.all([readObject(folder, object), readObject(folder, signatureOf(object))])
  if (!beside) throw new Offence('removed', signatureOf(object), 'a digest lacks its signature')
  const [, signature = '', lay = ''] = /^([0-9a-f]+)\n([0-9a-f]{64})\n$/.exec(beside.toString('latin1')) ?? []
  if (signature === '') throw new Offence('changed', signatureOf(object), 'it is no signature')
  if (sha256(file!) !== lay) changed('its bytes are not those that were written')
  const text = await uncompressed(file!).catch(() => changed('it cannot be uncompressed'))
  const digest = parse(text) ?? changed('it is no digest')
  if (digest.digestS3Object !== object || digest.awsAccountId !== place.chain.account) changed('it is another digest')
  if (digest.digestPublicKeyFingerprint !== fingerprintOf(place.key)) changed('it names another key')
  if (!isSignedBy(place.key, stringToSign(digest, text), signature)) changed('its signature is not good')
  follow(digest, place)
  return { digest, tail: { object, hash: sha256(text), signature, end: Date.parse(digest.digestEndTime) } }
}

/** Refuses a digest that does not follow the one before it. */
function follow(digest: Digest, { tail, removed }: Place): void {
  const { digestS3Object: object, previousDigestS3Object: previous, previousDigestHashValue: hash } = digest
  if (!tail) {
    const { through } = removed ?? {}
    const begins = previous === null || (previous === through?.digestS3Object && hash === through.hashValue)
    if (!begins) throw new Offence('removed', previous, `${object} follows this digest, and it is gone`)
    return
  }
  if (previous === tail.object && hash === tail.hash && digest.previousDigestSignature === tail.signature) return
  if (previous !== null && previous > tail.object) {
    throw new Offence('removed', previous, `${object} follows this digest, and it is gone`)
  }
  if (previous === tail.object)
    throw new Offence('changed', tail.object, `${object} follows another digest of this name`)
  throw new Offence('added', tail.object, `${object} follows ${previous ?? 'none'}`)
}

function parse(text: string): Digest | undefined {
  try {
    const digest = JSON.parse(text) as Digest
    return Array.isArray(digest.logFiles) ? digest : undefined
  } catch {
    return undefined
  }
}
