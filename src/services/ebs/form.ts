/** Forms as EC2 has them: lists are numbered without a word between, and go by the name of one item: `Filter.1.Value.2`. */
import { fail } from '../../errors.ts'
import { numbered, treeOf, type Tree } from '../form.ts'

/** Lists whose member is not the item's name with an `s`; and members that are lists, though they are named like one thing. */
const LISTS: Readonly<Record<string, string>> = {
  Owner: 'OwnerIds',
  RestorableBy: 'RestorableByUserIds',
  UserGroup: 'GroupNames',
  Add: 'Add',
  Remove: 'Remove',
}

const NUMBERS = new Set(['Size', 'Iops', 'Throughput', 'MaxResults'])
const FLAGS = new Set(['Encrypted', 'DryRun', 'Force', 'MultiAttachEnabled'])

/** Members that are no single texts, numbers or flags. */
const LISTS_OF_TEXTS = new Set([
  ...['VolumeIds', 'SnapshotIds', 'OwnerIds', 'RestorableByUserIds', 'UserIds', 'GroupNames', 'Values'],
])
const LISTS_OF_STRUCTURES = new Set(['Filters', 'TagSpecifications', 'Tags', 'Add', 'Remove'])
const STRUCTURES = new Set(['CreateVolumePermission'])

const LONGEST_LIST = 1000

type Value = string | number | boolean | readonly Value[] | Input
type Input = { readonly [member in string]: Value }

/** What a form asks, with AWS's member names. */
export function inputOf(parameters: ReadonlyMap<string, string>): Input {
  return structureOf(treeOf(parameters))
}

function structureOf(tree: Tree): Input {
  const members = [...tree].map(([name, value]): [string, Value] => {
    if (typeof value === 'string') return [name, scalarOf(name, value)]
    return isList(value) ? [listName(name), listOf(value)] : [name, structureOf(value)]
  })
  return Object.fromEntries(members.filter(isOfItsKind))
}

/** What is of another kind than the member of that name is none, and is not looked at. */
function isOfItsKind([name, value]: [string, Value]): boolean {
  const isText = (item: Value) => typeof item === 'string'
  if (Array.isArray(value)) {
    if (LISTS_OF_STRUCTURES.has(name)) return !value.some(isText)
    return LISTS_OF_TEXTS.has(name) && value.every(isText)
  }
  if (typeof value === 'object') return STRUCTURES.has(name)
  return ![LISTS_OF_TEXTS, LISTS_OF_STRUCTURES, STRUCTURES].some((names) => names.has(name))
}

function listName(item: string): string {
  return Object.hasOwn(LISTS, item) ? LISTS[item]! : `${item}s`
}

function isList(tree: Tree): boolean {
  return [...tree.keys()].every((name) => /^[1-9]\d{0,5}$/.test(name))
}

function listOf(tree: Tree): readonly Value[] {
  if (tree.size > LONGEST_LIST) fail('InvalidParameterValue', `A list has ${LONGEST_LIST} items at the most.`)
  return numbered(tree).map((item) => (typeof item === 'string' ? item : structureOf(item)))
}

function scalarOf(name: string, text: string): Value {
  if (NUMBERS.has(name)) return /^-?\d{1,15}$/.test(text) ? Number(text) : odd(name, text, 'integer')
  if (FLAGS.has(name)) return text === 'true' || (text === 'false' ? false : odd(name, text, 'boolean'))
  return text
}

function odd(name: string, text: string, type: string): never {
  fail('InvalidParameterValue', `Value (${text}) for parameter ${name} is invalid. It is no ${type}.`)
}
