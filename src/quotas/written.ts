/** Quotas as somebody wrote them down: a word, or YAML of figures, with each mistake told by its line and column. */
import { readFileSync } from 'node:fs'
import { ConfigError, dictionary, oneOf, parseYaml, record, type Reader } from '../schema.ts'
import { ADJUSTABLE, fits, FIXED, wanted, type QuotaProfile } from './figures.ts'
import type { QuotaSetting } from './quotas.ts'

const WORDS = ['off', 'aws', 'classic'] as const

/** What a setting says: one of the words, or else the name of a file, which `path` completes. */
export function readQuotas(setting: string, path = (file: string) => file): QuotaSetting {
  const word = WORDS.find((each) => each === setting)
  if (word) return word
  let text: string
  try {
    text = readFileSync(path(setting), 'utf8')
  } catch (cause) {
    const why = `cannot be read (${(cause as NodeJS.ErrnoException).code}), and is none of ${WORDS.join(', ')} either`
    throw new ConfigError(`${setting}: ${why}`, { cause })
  }
  return parseQuotas(text, path(setting))
}

/** Throws a ConfigError with a line for each mistake: `file:line:column: what is wrong`. */
export function parseQuotas(text: string, file: string): QuotaProfile {
  return parseYaml(text, file, profile) as QuotaProfile
}

/** Figures where they are used, or the word or file that says them. */
export const quotasReader: Reader = (node, name, tell) => {
  if ('items' in node) return profile(node, name, tell)
  const value: unknown = 'value' in node ? node.value : undefined
  if (typeof value === 'string' && value !== '') return value
  return tell(node.range[0], `\`${name}\` must be ${WORDS.join(', ')}, a file, or figures`)
}

const figures = record({
  ...Object.fromEntries(Object.keys(ADJUSTABLE).map((quota) => [quota, figure(quota)])),
  ...Object.fromEntries(Object.entries(FIXED).map(([quota, value]) => [quota, fixed(value)])),
})

const regions = dictionary(/^([a-z]+-){2,3}\d+$/, 'a Region like `us-east-1`', figures)

const profile = record({
  base: oneOf(['aws', 'classic']),
  quotas: figures,
  regions,
  accounts: dictionary(/^\d{12}$/, 'an account id of 12 digits', record({ quotas: figures, regions })),
})

function figure(quota: string): Reader {
  return (node, name, tell) => {
    const value: unknown = 'value' in node ? node.value : undefined
    if (typeof value === 'number' && fits(quota, value)) return value
    return tell(node.range[0], `\`${name}\` must be ${wanted(quota)}`)
  }
}

function fixed(value: number): Reader {
  return (node, name, tell) => tell(node.range[0], `\`${name}\` is ${value}; AWS raises it for nobody`)
}
