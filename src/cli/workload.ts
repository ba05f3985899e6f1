/** Which load `strongroom bench` makes: its flags over a file, or over a mix that has a name. */
import { readFileSync } from 'node:fs'
import { SPECS } from '../algorithms.ts'
import { MEASURABLES, misfit } from '../harness/operations.ts'
import {
  EXPONENT,
  LIMITS,
  MIXES,
  parseWorkload,
  workloadOf,
  type Workload,
  type Written,
  type WrittenOperation,
} from '../harness/workload.ts'
import type { KeySpec } from '../model/kms.ts'
import { nearest } from '../nearest.ts'
import { UsageError, wholeNumber, type Flags, type Given } from './flags.ts'

export const LOAD = {
  operation: { values: ['OP'], help: 'ask for this alone: Encrypt (default), Decrypt, Sign, GenerateDataKey …' },
  'key-spec': { values: ['SPEC'], help: 'with keys of this spec (the first that the operation takes)' },
  algorithm: { values: ['A'], help: 'by this algorithm (the first that the key has)' },
  mix: { values: ['NAME'], help: `a mix: ${Object.keys(MIXES).join(', ')}` },
  workload: { values: ['FILE'], help: 'a mix of your own, as YAML' },
  size: { values: ['N'], help: 'bytes of plaintext, message or data (1024)' },
  'context-pairs': { values: ['N'], help: 'pairs of the encryption context (2)' },
  keys: { values: ['N'], help: 'keys of each kind (1)' },
  principals: { values: ['N'], help: 'callers, in process (1)' },
  zipf: { values: ['S'], help: 'a few keys are asked for far more often, with this exponent (all alike)' },
  'load-seed': { values: ['N'], help: 'what is asked for when is chosen by this (1)' },
} as const satisfies Flags

export function workloadIn(given: Given<typeof LOAD>): Workload {
  const sources = (['operation', 'mix', 'workload'] as const).filter((name) => given[name])
  if (sources.length > 1) throw new UsageError(`\`--${sources[0]}\` and \`--${sources[1]}\` exclude each other`)
  const written = writtenIn(given)
  const zipf = given.zipf?.[0]
  if (zipf !== undefined && !EXPONENT.test(zipf)) throw new UsageError('`--zipf` must be a number from 0 to 4.999')
  const flags = {
    size: wholeNumber('size', given.size, LIMITS.size),
    contextPairs: wholeNumber('context-pairs', given['context-pairs'], LIMITS.contextPairs),
    keys: wholeNumber('keys', given.keys, LIMITS.keys),
    principals: wholeNumber('principals', given.principals, LIMITS.principals),
    seed: wholeNumber('load-seed', given['load-seed'], LIMITS.seed),
    ...(zipf !== undefined && { distribution: 'zipf' as const, exponent: Number(zipf) }),
  }
  const said = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))
  return workloadOf({ ...written, ...said })
}

function writtenIn(given: Given<typeof LOAD>): Written {
  const [mix, file] = [given.mix?.[0], given.workload?.[0]]
  if (mix === undefined && file === undefined) return { operations: [operationIn(given)] }
  for (const flag of ['key-spec', 'algorithm'] as const)
    if (given[flag]) throw new UsageError(`\`--${flag}\` is of \`--operation\`; a mix says which keys it uses`)
  if (file !== undefined) return parseWorkload(textOf(file), file)
  if (!Object.hasOwn(MIXES, mix!))
    throw new UsageError(`there is no mix \`${mix}\`${nearest(mix!, Object.keys(MIXES))}`)
  return { name: mix!, ...MIXES[mix!]![1] }
}

function operationIn(given: Given<typeof LOAD>): WrittenOperation {
  const [operation = 'Encrypt', keySpec, algorithm] = [
    given.operation?.[0],
    given['key-spec']?.[0],
    given.algorithm?.[0],
  ]
  if (!isOneOf(operation, MEASURABLES))
    throw new UsageError(`\`--operation\`: there is no \`${operation}\` to measure${nearest(operation, MEASURABLES)}`)
  const specs = Object.keys(SPECS) as KeySpec[]
  if (keySpec !== undefined && !isOneOf(keySpec, specs))
    throw new UsageError(`\`--key-spec\`: there is no \`${keySpec}\`${nearest(keySpec, specs)}`)
  const { operations } = workloadOf({ operations: [{ operation, keySpec }] })
  const wrong = misfit(operation, operations[0]!.keySpec, algorithm)
  if (wrong !== undefined) throw new UsageError(wrong)
  return { operation, keySpec, algorithm }
}

const isOneOf = <T extends string>(word: string, words: readonly T[]): word is T =>
  (words as readonly string[]).includes(word)

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new UsageError(`\`--workload\`: \`${file}\` cannot be read`)
  }
}
