/** What the stories have to show: each operation answering, each error it can raise, each form a key may be named in. */
import { parseIdentifier } from '../../src/arn.ts'
import { OPERATIONS as MODEL, SHAPES, type OperationName } from '../../src/model/kms.ts'
import { OPERATIONS as TABLE } from '../../src/operations/index.ts'
import type { Played } from './play.ts'

const NAMES = Object.keys(MODEL) as OperationName[]

/** `Encrypt: answers`, `Encrypt: DisabledException`, `Encrypt: KeyId as alias ARN`. */
export function wanted(): Set<string> {
  return new Set(
    NAMES.flatMap((name) => [
      `${name}: answers`,
      ...MODEL[name].errors.map((error) => `${name}: ${error}`),
      ...fieldsOf(name).flatMap(({ field, forms }) => forms.map((form) => `${name}: ${field} as ${form}`)),
    ]),
  )
}

/** The cells that a step shows. Names of keys count only where they lead to an answer. */
export function shown({ name, input, error }: Played): string[] {
  if (error !== undefined) return [`${name}: ${error}`]
  const named = fieldsOf(name).filter(({ field }) => typeof input[field] === 'string')
  return [`${name}: answers`, ...named.map(({ field }) => `${name}: ${field} as ${formOf(input[field] as string)}`)]
}

const KEY = ['key id', 'key ARN']
const ANY = [...KEY, 'alias name', 'alias ARN']

/** The members that name a key, as the table says in which forms; lists without a locator take ids and ARNs. */
function fieldsOf(name: OperationName): { field: string; forms: readonly string[] }[] {
  const abouts = (TABLE.get(name)?.locators ?? []).flatMap(([, { about }]) => about ?? [])
  const members = Object.keys(SHAPES[MODEL[name].input as 'EncryptRequest'].members)
  return members
    .filter((member) => /^(Source|Destination|Target)?KeyId$/.test(member))
    .map((field) => ({
      field,
      forms:
        name === 'RetireGrant' ? ['key ARN'] : abouts.find((it) => it.field === field)?.forms === 'any' ? ANY : KEY,
    }))
}

function formOf(identifier: string): string {
  const { kind, region } = parseIdentifier(identifier)
  if (region !== undefined) return `${kind} ARN`
  return kind === 'key' ? 'key id' : 'alias name'
}
