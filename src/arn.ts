/** The names KMS resources go by: key ids, key ARNs, alias names and alias ARNs, parsed once at the door. */
import { fail } from './errors.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const MULTI_REGION = /^mrk-[0-9a-f]{32}$/
const ARN = /^arn:([a-z-]+):kms:([a-z0-9-]*):(\d{12}):(key|alias)\/(.+)$/

/** What an identifier names. `account` and `region` are absent where the form leaves them to the caller's own. */
export type Identifier =
  | { readonly kind: 'key'; readonly id: string; readonly region?: string; readonly account?: string }
  | { readonly kind: 'alias'; readonly name: string; readonly region?: string; readonly account?: string }

/**
 * Reads an identifier in any of the four forms. Throws NotFoundException for what can be no key id, InvalidArnException
 * for what begins like an ARN and is none.
 */
export function parseIdentifier(text: string): Identifier {
  if (text.startsWith('arn:')) return parseArn(text)
  if (text.startsWith('alias/')) return { kind: 'alias', name: text }
  if (!isKeyId(text)) fail('NotFoundException', `Invalid keyId '${text}'`)
  return { kind: 'key', id: text }
}

function parseArn(text: string): Identifier {
  const [, partition, region, account, resource, rest] =
    ARN.exec(text) ?? fail('InvalidArnException', `Invalid arn ${text}`)
  if (partition !== partitionOf(region!)) fail('InvalidArnException', `Invalid arn ${text}`)
  if (resource === 'alias') return { kind: 'alias', name: `alias/${rest!}`, region, account }
  if (!isKeyId(rest!)) fail('NotFoundException', `Invalid keyId '${rest!}'`)
  return { kind: 'key', id: rest!, region, account }
}

function isKeyId(text: string): boolean {
  return UUID.test(text) || MULTI_REGION.test(text)
}

/** The partition a Region belongs to, as its name tells. */
export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn'
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
}

/** `resource` is `key/<id>` or an alias name, which already begins with `alias/`. */
export function arnOf(region: string, account: string, resource: string): string {
  return `arn:${partitionOf(region)}:kms:${region}:${account}:${resource}`
}
