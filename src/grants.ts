/** A grant as a record, and the pure rules about it: whom it may name, what it may allow, when two are one. */
import { createHash } from 'node:crypto'
import { arnOf, partitionOf } from './arn.ts'
import { NEVER, type Instant } from './clock.ts'
import { fail } from './errors.ts'
import type { Key } from './keys.ts'
import type { CreateGrantRequest, GrantConstraints, GrantListEntry, GrantOperation, KeyUsageType } from './model/kms.ts'
import { accountOf, isAccountId, isPrincipalArn } from './policy/principal.ts'

export const GRANTS_PER_KEY = 50_000

const PAIRS_PER_CONSTRAINT = 8
const CONSTRAINT_VALUE_LENGTH = 384

export interface Grant {
  readonly region: string
  /** The account of the key. */
  readonly account: string
  readonly keyId: string
  /** 64 lower-case hex digits. */
  readonly id: string
  /** '' for none. */
  readonly name: string
  readonly created: Instant
  /** When it stops working; NEVER unless strongroom was asked for an end, for AWS's grants have none. */
  readonly expires: Instant
  /** The account of who made it. */
  readonly issuer: string
  /** The ARN of a principal, or the name of a service. */
  readonly grantee: string
  /** The same, and '' for none. */
  readonly retiring: string
  readonly operations: readonly GrantOperation[]
  readonly constraints: GrantConstraints | undefined
  /** Equal for grants of one name that are the same in all else; unlike that of any other grant without a name. */
  readonly request: string
  /** The version of the stored row, for optimistic commits; 0 before the first. */
  readonly version: number
}

type Principals = Pick<
  CreateGrantRequest,
  'GranteePrincipal' | 'GranteeServicePrincipal' | 'RetiringPrincipal' | 'RetiringServicePrincipal'
>

/** What CreateGrant asks across its fields; the sentences are ours, AWS's own are unknown. */
export function requireGrant(input: CreateGrantRequest): void {
  const { GranteeServicePrincipal, Constraints, Operations } = input
  if (granteeOf(input) === undefined) refuse('You must specify a GranteePrincipal or a GranteeServicePrincipal.')
  const retiring = retiringOf(input)
  if (GranteeServicePrincipal && !Constraints?.SourceArn) {
    refuse('You must specify a SourceArn constraint with a GranteeServicePrincipal.')
  }
  if (GranteeServicePrincipal && retiring === undefined) {
    refuse('You must specify a RetiringPrincipal or a RetiringServicePrincipal with a GranteeServicePrincipal.')
  }
  if (Operations.length === 0) refuse('You must specify at least one operation.')
  const { EncryptionContextEquals, EncryptionContextSubset } = Constraints ?? {}
  if (EncryptionContextEquals && EncryptionContextSubset) {
    refuse('You can specify EncryptionContextEquals or EncryptionContextSubset, but not both.')
  }
  requirePairs(EncryptionContextEquals ?? EncryptionContextSubset ?? {})
}

export function granteeOf(input: Principals): string | undefined {
  return oneOf('Grantee', input.GranteePrincipal, input.GranteeServicePrincipal)
}

export function retiringOf(input: Principals): string | undefined {
  return oneOf('Retiring', input.RetiringPrincipal, input.RetiringServicePrincipal)
}

/** A principal as it is stored, from the pair of fields it can come in. */
function oneOf(role: string, principal: string | undefined, service: string | undefined): string | undefined {
  if (principal && service) {
    refuse(`You can specify a ${role}Principal or a ${role}ServicePrincipal, but not both.`)
  }
  return principal ? principalOf(principal) : (service ?? undefined)
}

/**
 * An account named by its id is its root, and an instance named as EC2 names it, `<account>:aws:ec2-infrastructure:<instance>`,
 * the session that EC2 has for it. Anybody who may make grants may write either: nobody gets such a session who may not grant
 * it the same by attaching a volume. That there is such a principal cannot be seen; its form can.
 */
function principalOf(text: string): string {
  if (isAccountId(text)) return `arn:aws:iam::${text}:root`
  const [, account, instance] = INSTANCE.exec(text) ?? []
  if (instance !== undefined) return `arn:aws:sts::${account}:assumed-role/${EC2_ROLE}/${instance}`
  return isPrincipalArn(text) ? text : fail('InvalidArnException', `ARN does not refer to a valid principal: ${text}`)
}

/** The role whose sessions are EC2 at work for an instance. */
const EC2_ROLE = 'aws:ec2-infrastructure'
const INSTANCE = new RegExp(String.raw`^(\d{12}):${EC2_ROLE}:(i-[0-9a-f]{8,17})$`)

/** The account a principal belongs to; a service belongs to none. */
export function ownerOf(principal: string): string | undefined {
  return accountOf(principal)
}

function requirePairs(context: Readonly<Record<string, string>>): void {
  const names = Object.keys(context)
  if (names.length > PAIRS_PER_CONSTRAINT) {
    refuse(`A constraint can have ${PAIRS_PER_CONSTRAINT} encryption context pairs at the most.`)
  }
  if (Object.values(context).some((value) => value.length > CONSTRAINT_VALUE_LENGTH)) {
    refuse(`An encryption context value in a constraint can have ${CONSTRAINT_VALUE_LENGTH} characters at the most.`)
  }
  // AWS's pages disagree whether a grant compares names by case; so no grant may hang on it.
  if (new Set(names.map((name) => name.toLowerCase())).size < names.length) {
    refuse('A constraint cannot have encryption context pairs whose keys differ by case alone.')
  }
}

const PUBLIC: readonly GrantOperation[] = ['GetPublicKey']
const ANY: readonly GrantOperation[] = ['CreateGrant', 'RetireGrant', 'DescribeKey']
const ENCRYPTION: readonly GrantOperation[] = ['Encrypt', 'Decrypt', 'ReEncryptFrom', 'ReEncryptTo']

const SYMMETRIC: readonly GrantOperation[] = [
  ...ENCRYPTION,
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
]

const ASYMMETRIC: Readonly<Record<KeyUsageType, readonly GrantOperation[]>> = {
  ENCRYPT_DECRYPT: [...ENCRYPTION, ...PUBLIC],
  SIGN_VERIFY: ['Sign', 'Verify', ...PUBLIC],
  GENERATE_VERIFY_MAC: ['GenerateMac', 'VerifyMac'],
  KEY_AGREEMENT: ['DeriveSharedSecret', ...PUBLIC],
  ENCAPSULATE_DECAPSULATE: ['Encapsulate', 'Decapsulate', ...PUBLIC],
}

/** Refuses a grant of what cannot be done with the key, or under a context it never has. */
export function requireFit({ Operations, Constraints }: CreateGrantRequest, key: Key): void {
  const symmetric = key.spec === 'SYMMETRIC_DEFAULT'
  const legal = [...ANY, ...(symmetric ? SYMMETRIC : ASYMMETRIC[key.usage])]
  const illegal = Operations.filter((operation) => !legal.includes(operation))
  if (illegal.length > 0) {
    refuse(`Grant operations [${illegal.join(', ')}] are not supported on a ${key.spec} key for ${key.usage}.`)
  }
  if (!symmetric && (Constraints?.EncryptionContextEquals ?? Constraints?.EncryptionContextSubset)) {
    refuse('Encryption context constraints are supported on symmetric encryption keys alone.')
  }
}

/** The grant that `input` asks for on `key`, for so many milliseconds. */
export function grantOf(
  input: CreateGrantRequest,
  key: Key,
  id: string,
  issuer: string,
  now: Instant,
  expiresIn: number | undefined,
): Grant {
  const { region, account, id: keyId } = key
  const { Name: name = '', Constraints } = input
  const [grantee, retiring = ''] = [granteeOf(input)!, retiringOf(input)]
  const operations = [...new Set(input.Operations)]
  const constraints = Constraints && Object.values(Constraints).some((it) => it) ? Constraints : undefined
  const request =
    name === ''
      ? id
      : digest([name, issuer, grantee, retiring, operations.toSorted(), sorted(constraints), expiresIn ?? null])
  return {
    region,
    account,
    keyId,
    id,
    name,
    created: now,
    expires: expiresIn === undefined ? NEVER : now + expiresIn,
    issuer,
    grantee,
    retiring,
    operations,
    constraints,
    request,
    version: 0,
  }
}

/** A grant that has ended is none, whether or not it was swept yet. */
export function isAlive({ expires }: Grant, now: Instant): boolean {
  return now < expires
}

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const LONGEST = 3650 * UNITS.d

/** Milliseconds in `24h`, `30m`, `7d`, `90s`, or in so many seconds. */
export function durationOf(text: string | number): number {
  const [, count, unit = 's'] = /^(\d{1,10})([smhd]?)$/.exec(String(text)) ?? []
  const millis = Number(count) * UNITS[(unit || 's') as keyof typeof UNITS]
  if (millis >= 1000 && millis <= LONGEST) return millis
  return refuse(`A grant can last from 1s to 3650d, not '${text}'.`)
}

/**
 * By what a grant is found in a crowd of them: the resource that its constraints name, the whole context, or of a part of one
 * the pair with the longest value, which is the likeliest to be told from others. '' when they name neither.
 */
export function markOf(constraints: GrantConstraints | undefined): string {
  const { SourceArn: source, EncryptionContextEquals: whole, EncryptionContextSubset: part } = constraints ?? {}
  if (source) return MARKS.source(source)
  if (whole) return MARKS.context(whole)
  const [pair] = Object.entries(part ?? {}).toSorted(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1))
  return pair ? MARKS.pair(pair) : ''
}

/** The marks of all grants whose constraints a request with this context, for this resource, can meet. */
export function marksOf(context: Readonly<Record<string, string>>, source: string | undefined): string[] {
  const bySource = source === undefined ? [] : [MARKS.source(source)]
  return [...bySource, MARKS.context(context), ...Object.entries(context).map(MARKS.pair), '']
}

const MARKS = {
  source: (arn: string) => digest(['source', arn]),
  context: (context: object) => digest(['context', sorted(context)]),
  pair: (pair: readonly [string, string]) => digest(['pair', pair]),
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}

/** The pairs of a map, and of the maps in it, in the order of their names. */
function sorted(value: object | undefined): unknown[] {
  const entries = Object.entries(value ?? {}).filter(([, it]) => it !== undefined)
  const ordered = entries.toSorted(([a], [b]) => (a < b ? -1 : 1))
  return ordered.map(([name, it]: [string, unknown]) => [name, isMap(it) ? sorted(it) : it])
}

function isMap(value: unknown): value is object {
  return typeof value === 'object'
}

/** Whether `text` can be the id of a grant at all. */
export function requireGrantId(text: string): void {
  if (!/^[0-9a-f]{64}$/.test(text)) fail('InvalidGrantIdException', `Invalid grant id ${text}`)
}

/** A grant as ListGrants shows it; one without a name shows an empty one, as in AWS's own examples. */
export function entryOf(grant: Grant): GrantListEntry {
  const { region, account, keyId, grantee, retiring } = grant
  const principal = (text: string, isWanted: boolean) => (text !== '' && isWanted ? text : undefined)
  return {
    KeyId: arnOf(region, account, `key/${keyId}`),
    GrantId: grant.id,
    Name: grant.name,
    CreationDate: new Date(grant.created),
    GranteePrincipal: principal(grantee, isArn(grantee)),
    GranteeServicePrincipal: principal(grantee, !isArn(grantee)),
    RetiringPrincipal: principal(retiring, isArn(retiring)),
    RetiringServicePrincipal: principal(retiring, !isArn(retiring)),
    IssuingAccount: `arn:${partitionOf(region)}:iam::${grant.issuer}:root`,
    Operations: [...grant.operations],
    Constraints: grant.constraints,
  }
}

function isArn(principal: string): boolean {
  return principal.startsWith('arn:')
}

function refuse(message: string): never {
  fail('ValidationException', message)
}
