/** Seeded values of the API model's shapes, and their JSON by the plainest means, as an oracle for the walkers. */

import { SHAPES, type Shape } from '../../src/model/kms.ts'

export type Random = () => number

/** Mulberry32: the same seed gives the same sequence everywhere. */
export function seeded(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export const below = (random: Random, limit: number): number => Math.floor(random() * limit)
export const pick = <T>(random: Random, from: readonly T[]): T => from[below(random, from.length)]!

/** One value for each pattern of the model; a pattern that is new to us fails here rather than going untested. */
const MATCHING: Record<string, string> = {
  AccountIdType: '111122223333',
  AliasNameType: 'alias/orders:2026_a-b',
  BackingKeyIdResponseType: 'ab12',
  BackingKeyIdType: '0123456789abcdef'.repeat(4),
  CloudHsmClusterIdType: 'cluster-abcdefg2345',
  GrantConstraintSourceArnType: 'arn:aws:s3:us-east-1:111122223333:bucket',
  GrantNameType: 'reader:1',
  KeyMaterialDescriptionType: 'made on\tMonday',
  MarkerType: 'page 2 of ÿ',
  PolicyNameType: 'default',
  PolicyType: '{"Version":"2012-10-17",\n"Statement":[]}ÿ',
  PrincipalIdType: 'arn:aws:iam::111122223333:user/alice@example.com',
  RegionType: 'us-gov-west-1',
  ServicePrincipalType: 's3.us-east-1.amazonaws.com',
  XksKeyIdType: 'key-1_a.b',
  XksProxyAuthenticationAccessKeyIdType: 'ABCDEFGHIJKLMNOPQRST',
  XksProxyAuthenticationRawSecretAccessKeyType: 'abc/+='.repeat(8),
  XksProxyUriEndpointType: 'https://xks.example.com',
  XksProxyUriPathType: '/tenant/kms/xks/v1',
  XksProxyVpcEndpointServiceNameType: 'com.amazonaws.vpce.us-east-1.vpce-svc-0a1b2c',
}

const LETTERS = [
  'a',
  'Z',
  '0',
  ' ',
  '"',
  '\\',
  '/',
  '\n',
  '\u0000',
  '\u001f',
  '\u007f',
  'é',
  '€',
  '𝄞',
  '\u2028',
  '{',
  '}',
]

export const shapeOf = (name: string): Shape => (SHAPES as Record<string, Shape>)[name]!

/** A value that the shape `name` admits; optional members come and go. */
export function arbitrary(name: string, random: Random): unknown {
  const shape = shapeOf(name)
  switch (shape.type) {
    case 'structure': {
      const value: Record<string, unknown> = {}
      for (const [member, target] of Object.entries(shape.members))
        if (shape.required?.includes(member) || random() < 0.6) value[member] = arbitrary(target, random)
      return value
    }
    case 'list':
      return Array.from({ length: Math.max(shape.min ?? 0, below(random, 3)) }, () => arbitrary(shape.member, random))
    case 'map':
      return Object.fromEntries(
        Array.from({ length: below(random, 4) }, () => [text(random, 1, 9), arbitrary(shape.value, random)]),
      )
    case 'string':
      if (shape.enum) return pick(random, shape.enum)
      if (shape.pattern === undefined) return text(random, shape.min ?? 0, shape.max ?? Infinity)
      if (!(name in MATCHING)) throw new Error(`no example for the pattern of ${name}`)
      return MATCHING[name]
    case 'integer':
      return (shape.min ?? 0) + below(random, (shape.max ?? 1000) - (shape.min ?? 0) + 1)
    case 'boolean':
      return random() < 0.5
    case 'timestamp':
      return new Date(below(random, 4e12) - 1e12)
    case 'blob': {
      const least = shape.min ?? 0
      const length = least + below(random, Math.min(100, (shape.max ?? 100) - least))
      return Buffer.from(Array.from({ length }, () => below(random, 256)))
    }
  }
}

/** `least` UTF-16 units and a few more. */
function text(random: Random, least: number, most: number): string {
  const goal = Math.min(most, least + below(random, 12))
  let value = ''
  while (value.length < goal) value += goal - value.length > 1 ? pick(random, LETTERS) : 'x'
  return value
}

/** What JSON.stringify should be given for a value of the shape `name`. */
export function wire(name: string, value: unknown): unknown {
  const shape = shapeOf(name)
  if (shape.type === 'structure') return mapped(value, (member, it) => wire(shape.members[member]!, it))
  if (shape.type === 'list') return (value as unknown[]).map((it) => wire(shape.member, it))
  if (shape.type === 'blob') return Buffer.from(value as Uint8Array).toString('base64')
  if (shape.type === 'timestamp') return (value as Date).getTime() / 1000
  return value
}

/** The other way, from what JSON.parse gave. */
export function unwire(name: string, value: unknown): unknown {
  const shape = shapeOf(name)
  if (shape.type === 'structure') return mapped(value, (member, it) => unwire(shape.members[member]!, it))
  if (shape.type === 'list') return (value as unknown[]).map((it) => unwire(shape.member, it))
  if (shape.type === 'blob') return Buffer.from(value as string, 'base64')
  if (shape.type === 'timestamp') return new Date(Math.round((value as number) * 1000))
  return value
}

const mapped = (value: unknown, change: (key: string, it: unknown) => unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value as object).map(([key, it]) => [key, change(key, it)]))
