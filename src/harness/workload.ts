/** What is asked for, of which keys and by whom: mixes that have a name, and files that people write. */
import type { ParsedNode } from 'yaml'
import type { KeySpec } from '../model/kms.ts'
import { SPECS } from '../algorithms.ts'
import { nearest } from '../nearest.ts'
import { integer, list, oneOf, parseYaml, record, text, type Reader } from '../schema.ts'
import type { Distribution } from './measured.ts'
import { algorithmsOf, defaultSpec, MEASURABLES, misfit, type Measurable } from './operations.ts'

export interface Workload {
  readonly name: string
  readonly operations: readonly Mixed[]
  /** Bytes of plaintext, message or data. */
  readonly size: number
  readonly contextPairs: number
  /** How many keys there are of each kind. */
  readonly keys: number
  readonly principals: number
  readonly distribution: Distribution
  readonly seed: number
  /** What an application does with one request: an envelope whose data key is cached is for many messages. */
  readonly messagesPerRequest?: number
}

/** One operation of a mix. */
export interface Mixed {
  readonly operation: Measurable
  readonly keySpec: KeySpec
  readonly algorithm: string
  readonly weight: number
}

/** As people write it: what is left out is as it usually is. */
export interface Written extends Partial<Omit<Workload, 'operations' | 'distribution'>> {
  readonly operations?: readonly WrittenOperation[]
  readonly distribution?: Distribution['kind']
  /** Of zipf. */
  readonly exponent?: number
}

export interface WrittenOperation {
  readonly operation: Measurable
  readonly keySpec?: KeySpec
  readonly algorithm?: string
  readonly weight?: number
}

/** What a number may be. */
export const LIMITS = {
  size: [1, 4096],
  contextPairs: [0, 8],
  keys: [1, 1_000_000],
  principals: [1, 100_000],
  seed: [0, 2 ** 32 - 1],
  messagesPerRequest: [1, 1_000_000],
  weight: [1, 1_000_000],
} as const

/** How zipf's exponent may be written, and what it is unless somebody says. */
export const EXPONENT = /^[0-4](?:\.\d{1,3})?$/
const ZIPF = 0.99

/** Each with what it stands for. */
export const MIXES: Readonly<Record<string, readonly [summary: string, written: Written]>> = {
  'start-up': [
    'what a service asks for when it starts: looks at its keys, opens its data keys and secrets',
    {
      operations: [
        { operation: 'DescribeKey', weight: 2 },
        { operation: 'ListAliases', weight: 1 },
        { operation: 'GetPublicKey', weight: 1 },
        { operation: 'Decrypt', weight: 4 },
        { operation: 'GenerateDataKey', weight: 1 },
        { operation: 'VerifyMac', weight: 1 },
      ],
      ...{ size: 64, keys: 10 },
    },
  ],
  envelope: [
    'envelope encryption, a data key for every message: as many are written as read',
    {
      operations: [
        { operation: 'GenerateDataKey', weight: 1 },
        { operation: 'Decrypt', weight: 1 },
      ],
      ...{ size: 32, keys: 10 },
    },
  ],
  'envelope-cached': [
    'the same with a cache of data keys: a hundred messages of each, so that more of what is asked is reading',
    {
      operations: [
        { operation: 'GenerateDataKey', weight: 1 },
        { operation: 'Decrypt', weight: 4 },
      ],
      ...{ size: 32, keys: 10, messagesPerRequest: 100 },
    },
  ],
  signing: [
    'a signing service: mostly ECDSA, some RSA, and now and then the public key',
    {
      operations: [
        { operation: 'Sign', keySpec: 'ECC_NIST_P256', weight: 8 },
        { operation: 'Sign', keySpec: 'RSA_2048', weight: 1 },
        { operation: 'GetPublicKey', keySpec: 'ECC_NIST_P256', weight: 1 },
      ],
      ...{ size: 256, keys: 4 },
    },
  ],
  tenants: [
    'tenants with a key each, a few of them far busier than the rest',
    {
      operations: [
        { operation: 'Decrypt', weight: 6 },
        { operation: 'Encrypt', weight: 3 },
        { operation: 'GenerateDataKey', weight: 1 },
      ],
      ...{ size: 1024, keys: 1000, distribution: 'zipf' },
    },
  ],
}

/** Everything said that was not written. */
export function workloadOf(written: Written): Workload {
  const { operations = [{ operation: 'Encrypt' }], distribution = 'uniform', exponent = ZIPF, ...rest } = written
  const mixed = operations.map(whole)
  return {
    ...{ name: rest.name ?? [...new Set(mixed.map(({ operation }) => operation))].join(' + ') },
    operations: mixed,
    ...{ size: rest.size ?? 1024, contextPairs: rest.contextPairs ?? 2, seed: rest.seed ?? 1 },
    ...{ keys: rest.keys ?? 1, principals: rest.principals ?? 1 },
    distribution: distribution === 'zipf' ? { kind: distribution, exponent } : { kind: distribution },
    messagesPerRequest: rest.messagesPerRequest,
  }
}

/** The names of the tallies: the operation, and what tells two of the same apart. */
export function namesOf(operations: readonly Mixed[]): string[] {
  const isAlone = (name: string, of: (mixed: Mixed) => string) =>
    operations.filter((each) => of(each) === name).length === 1
  const bySpec = ({ operation, keySpec }: Mixed) => `${operation} ${keySpec}`
  return operations.map((mixed) => {
    if (isAlone(mixed.operation, ({ operation }) => operation)) return mixed.operation
    return isAlone(bySpec(mixed), bySpec) ? bySpec(mixed) : `${bySpec(mixed)} ${mixed.algorithm}`
  })
}

function whole({ operation, keySpec = defaultSpec(operation), algorithm, weight = 1 }: WrittenOperation): Mixed {
  return { operation, keySpec, algorithm: algorithm ?? algorithmsOf(operation, keySpec)[0] ?? '', weight }
}

/** A workload as YAML says it; a ConfigError tells each mistake with its line and column. */
export function parseWorkload(yaml: string, file: string): Written {
  return parseYaml(yaml, file, WORKLOAD) as Written
}

const decimal: Reader = (node, name, tell) => {
  const told = 'source' in node && typeof node.source === 'string' ? node.source : ''
  return EXPONENT.test(told) ? Number(told) : tell(node.range[0], `\`${name}\` must be a number from 0 to 4.999`)
}

const known =
  (words: readonly string[]): Reader =>
  (node, name, tell) => {
    const word = valueOf(node)
    if (typeof word === 'string' && words.includes(word)) return word
    return tell(node.range[0], `\`${name}\` must be one that there is${nearest(String(word), words)}`)
  }

const mixed: Reader = (node, name, tell) => {
  const value = MIXED(node, name, tell) as WrittenOperation
  if (typeof value !== 'object' || typeof value.operation !== 'string') return value
  const { operation, keySpec = defaultSpec(operation), algorithm } = value
  const wrong = typeof keySpec === 'string' ? misfit(operation, keySpec, algorithm) : undefined
  return wrong === undefined ? value : tell(node.range[0], wrong)
}

const some: Reader = (node, name, tell) => {
  const items = list(mixed)(node, name, tell)
  return Array.isArray(items) && items.length === 0 ? tell(node.range[0], `\`${name}\` is empty`) : items
}

const MIXED = record(
  {
    operation: known(MEASURABLES),
    keySpec: known(Object.keys(SPECS)),
    algorithm: text(/^[A-Z\d_]+$/, 'the name of an algorithm'),
    weight: integer(LIMITS.weight),
  },
  ['operation'],
)

const WORKLOAD = record(
  {
    name: text(/^\S.{0,80}$/, 'a name'),
    operations: some,
    size: integer(LIMITS.size),
    contextPairs: integer(LIMITS.contextPairs),
    keys: integer(LIMITS.keys),
    principals: integer(LIMITS.principals),
    distribution: oneOf(['uniform', 'zipf']),
    exponent: decimal,
    seed: integer(LIMITS.seed),
    messagesPerRequest: integer(LIMITS.messagesPerRequest),
  },
  ['operations'],
)

function valueOf(node: ParsedNode): unknown {
  return 'value' in node ? node.value : undefined
}
