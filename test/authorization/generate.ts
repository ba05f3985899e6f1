/** Requests at random, out of so few words that policies and requests often meet. */
import type { NaivePolicy, NaiveRequest, NaiveStatement } from './naive.ts'

const [OWN, OTHER] = ['111122223333', '444455556666']
const KEYS = [`arn:aws:kms:eu-central-1:${OWN}:key/1234abcd-12ab-34cd-56ef-1234567890ab`]
const ACTIONS = ['kms:Decrypt', 'kms:Encrypt', 'kms:DisableKey']
const PRINCIPALS = [OWN, OTHER].flatMap((id) => [
  `arn:aws:iam::${id}:root`,
  `arn:aws:iam::${id}:user/alice`,
  `arn:aws:sts::${id}:assumed-role/app/one`,
])
const NAMES = ['*', OWN, OTHER, ...PRINCIPALS, `arn:aws:iam::${OWN}:role/app`, `arn:aws:iam::${OTHER}:role/app`]
const WANTED = ['kms:*', '*', 'kms:D*', 'kms:?ncrypt', 'KMS:decrypt']
const RESOURCES = [
  '*',
  '*',
  '*',
  ...KEYS,
  'arn:aws:kms:*:*:key/*',
  'arn:aws:kms:*:*:key/${kms:KeyName}*',
  'arn:aws:s3:::b',
]
const NOUNS = ['radiology', 'Radiology', 'true', '7', '12', '1234abcd', `arn:aws:iam::${OWN}:role/app`]
const VALUES = [...NOUNS, 'rad*', '*', '${kms:KeyName}', "${aws:userid, 'radiology'}", 'arn:aws:iam::*:role/*', 'false']
const CONDITION_KEYS = ['kms:EncryptionContext:dept', 'KMS:KeyName', 'aws:PrincipalArn', 'aws:TagKeys', 'aws:userid']
const OPERATORS = [
  ...['StringEquals', 'StringNotEquals', 'StringEqualsIgnoreCase', 'StringLike', 'StringNotLike', 'ArnLike'],
  ...['ArnNotLike', 'NumericEquals', 'NumericNotEquals', 'NumericLessThan', 'NumericGreaterThanEquals', 'Bool'],
]

export type Random = () => number

/** The same numbers for the same seed (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function generate(random: Random): NaiveRequest {
  const chance = (share: number) => random() < share
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const many = <T>(most: number, make: () => T): T[] => Array.from({ length: Math.floor(random() * (most + 1)) }, make)
  const some = <T>(list: readonly T[]): T[] => [pick(list), ...many(1, () => pick(list))]

  const condition = () => {
    if (chance(0.1)) return { Null: { [pick(CONDITION_KEYS)]: [pick(['true', 'false'])] } }
    const operator = `${pick(['', '', 'ForAllValues:', 'ForAnyValue:'])}${pick(OPERATORS)}${pick(['', '', 'IfExists'])}`
    return { [operator]: { [pick(CONDITION_KEYS)]: some(VALUES) } }
  }
  const statement = (denies: number, who: object): NaiveStatement => ({
    Effect: chance(denies) ? 'Deny' : 'Allow',
    ...who,
    ...(chance(0.15) ? { NotAction: pick(ACTIONS) } : { Action: pick([...WANTED, ...ACTIONS]) }),
    Resource: pick(RESOURCES),
    ...(chance(0.4) && { Condition: condition() }),
  })
  const policy = (denies: number, who: () => object = () => ({})): NaivePolicy => ({
    Version: pick(['2012-10-17', '2012-10-17', '2008-10-17']),
    Statement: [statement(denies, who()), ...many(2, () => statement(denies, who()))],
  })
  const named = () => ({
    [chance(0.1) ? 'NotPrincipal' : 'Principal']: { AWS: [...some(NAMES), ...many(2, () => pick(NAMES))] },
  })
  const principal = pick(PRINCIPALS)
  return {
    principal,
    action: pick(ACTIONS),
    resource: pick(KEYS),
    context: {
      ...(chance(0.6) && { 'kms:encryptioncontext:Dept': pick(NOUNS) }),
      ...(chance(0.6) && { 'kms:KeyName': pick(NOUNS) }),
      ...(chance(0.5) && { 'aws:TagKeys': many(3, () => pick(NOUNS)) }),
    },
    keyPolicy: policy(0.08, named),
    identityPolicies: [...many(2, () => policy(0.08)), policy(0.04)],
    ...(chance(0.25) && { permissionsBoundary: policy(0.05) }),
    ...(principal.includes('assumed-role') && chance(0.4) && { sessionPolicies: many(2, () => policy(0.05)) }),
    serviceControlPolicies: chance(0.2) ? many(2, () => [policy(0.05), policy(0.02)]) : [],
    resourceControlPolicies: chance(0.1) ? [policy(0.2, () => ({ Principal: { AWS: ['*'] } }))] : [],
  }
}
