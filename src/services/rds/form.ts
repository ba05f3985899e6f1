/** Forms as RDS has them: lists are numbered, behind a word for an item, which some clients choose: `Tags.Tag.1.Key`. */
import { fail } from '../../errors.ts'
import { numbered, treeOf, type Tree } from '../form.ts'

/** What is sent as text and is none. */
const READERS = new Map<string, (text: string, name: string) => number | boolean>([
  ['AllocatedStorage', numberOf],
  ['Port', numberOf],
  ['MaxRecords', numberOf],
  ['StorageEncrypted', booleanOf],
  ['DeletionProtection', booleanOf],
  ['SkipFinalSnapshot', booleanOf],
  ['IncludeShared', booleanOf],
  ['ApplyImmediately', booleanOf],
])

const LISTS = new Set(['Tags', 'TagKeys', 'Filters', 'Values', 'ValuesToAdd', 'ValuesToRemove'])
const LONGEST_LIST = 1000

type Value = string | number | boolean | readonly Value[] | Input
type Input = { readonly [member in string]: Value }

/** Parameters as an operation takes them; what it does not know, it does not look at. */
export function inputOf(parameters: ReadonlyMap<string, string>): Input {
  return structureOf(treeOf(parameters))
}

/** What is no list is text, and nothing else has a name of its own. */
function structureOf(tree: Tree): Input {
  const members: [string, Value][] = []
  for (const [name, value] of tree) {
    if (LISTS.has(name)) members.push([name, listOf(value)])
    else if (typeof value === 'string') members.push([name, READERS.get(name)?.(value, name) ?? value])
  }
  return Object.fromEntries(members)
}

/** A list without items comes as an empty text. */
function listOf(words: Tree | string): readonly Value[] {
  if (typeof words === 'string') return []
  const items = [...words.values()].flatMap((word) => (typeof word === 'string' ? [] : numbered(word)))
  if (items.length > LONGEST_LIST) fail('InvalidParameterValue', `A list has ${LONGEST_LIST} items at the most.`)
  return items.map((item) => (typeof item === 'string' ? item : structureOf(item)))
}

function numberOf(text: string, name: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : fail('MalformedInput', `${name} is not a number`)
}

function booleanOf(text: string, name: string): boolean {
  return /^(true|false)$/.test(text) ? text === 'true' : fail('MalformedInput', `${name} is not a boolean`)
}
