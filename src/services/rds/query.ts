/** The query protocol over RDS, so that unchanged clients of RDS work. */
import type { Context } from '../../context.ts'
import { fail } from '../../errors.ts'
import type { Rds } from './rds.ts'

const NAMESPACE = 'http://rds.amazonaws.com/doc/2014-10-31/'

/** Operations, by the names of their methods but for the first letter. */
const OPERATIONS = new Set([
  ...['CreateDBInstance', 'DescribeDBInstances', 'StartDBInstance', 'StopDBInstance', 'DeleteDBInstance'],
  ...['CreateDBSnapshot', 'DescribeDBSnapshots', 'CopyDBSnapshot', 'DeleteDBSnapshot'],
  ...['ModifyDBSnapshotAttribute', 'DescribeDBSnapshotAttributes', 'RestoreDBInstanceFromDBSnapshot'],
])

type Method = (input: object, context: Context) => Promise<object>

export function rds(service: Rds) {
  return {
    namespace: NAMESPACE,
    async call(
      parameters: ReadonlyMap<string, string>,
      context: Context & { readonly requestId: string },
    ): Promise<string> {
      const action = parameters.get('Action') ?? ''
      if (!OPERATIONS.has(action)) fail('InvalidAction', `Could not find operation ${action} for version 2014-10-31`)
      const method = `${action[0]!.toLowerCase()}${action.slice(1)}`
      const output = await (service as unknown as Record<string, Method>)[method]!(inputOf(parameters), context)
      const result = element(`${action}Result`, output)
      const metadata = element('ResponseMetadata', { RequestId: context.requestId })
      return `<${action}Response xmlns="${NAMESPACE}">${result}${metadata}</${action}Response>`
    },
  }
}

/** What is sent as text and is none. */
const READERS: Readonly<Record<string, (text: string, name: string) => number | boolean>> = {
  AllocatedStorage: numberOf,
  Port: numberOf,
  MaxRecords: numberOf,
  StorageEncrypted: booleanOf,
  DeletionProtection: booleanOf,
  SkipFinalSnapshot: booleanOf,
  IncludeShared: booleanOf,
}

/** Lists come as `ValuesToAdd.AttributeValue.1`, from some clients with `member` for the name of an item. */
const ITEM = /^(\w+)\.\w+\.([1-9]\d{0,2})$/
const LISTS = new Set(['ValuesToAdd', 'ValuesToRemove'])
const PROTOCOL = new Set(['Action', 'Version'])

/** Parameters as an operation takes them; what it does not know, it does not look at. Anything may be called anything. */
function inputOf(parameters: ReadonlyMap<string, string>): object {
  const input = new Map<string, unknown>()
  for (const [name, text] of parameters) {
    if (/^\w+$/.test(name) && !PROTOCOL.has(name) && !LISTS.has(name)) input.set(name, valueOf(name, text))
  }
  for (const list of LISTS) {
    const items = itemsOf(list, parameters)
    if (items.length > 0) input.set(list, items)
  }
  return Object.fromEntries(input)
}

function valueOf(name: string, text: string): unknown {
  return Object.hasOwn(READERS, name) ? READERS[name]!(text, name) : text
}

/** In the order of their numbers. */
function itemsOf(list: string, parameters: ReadonlyMap<string, string>): readonly string[] {
  return [...parameters]
    .map(([name, text]) => ({ item: ITEM.exec(name), text }))
    .filter(({ item }) => item?.[1] === list)
    .toSorted((one, other) => Number(one.item![2]) - Number(other.item![2]))
    .map(({ text }) => text)
}

function numberOf(text: string, name: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : fail('MalformedInput', `${name} is not a number`)
}

function booleanOf(text: string, name: string): boolean {
  return /^(true|false)$/.test(text) ? text === 'true' : fail('MalformedInput', `${name} is not a boolean`)
}

/** What lists call their items. */
const ITEMS: Readonly<Record<string, string>> = {
  DBInstances: 'DBInstance',
  DBSnapshots: 'DBSnapshot',
  DBSnapshotAttributes: 'DBSnapshotAttribute',
  AttributeValues: 'AttributeValue',
}

function element(name: string, value: unknown): string {
  return value === undefined ? '' : `<${name}>${contentOf(name, value)}</${name}>`
}

function contentOf(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((item) => element(ITEMS[name]!, item)).join('')
  if (value instanceof Date) return value.toISOString()
  if (typeof value !== 'object' || value === null) return escaped(String(value))
  return Object.entries(value)
    .map(([member, content]) => element(member, content))
    .join('')
}

/** Characters that XML has no way to write are left out. */
function escaped(text: string): string {
  return text
    .replace(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, '')
    .replace(/[&<>"\r]/g, (character) => `&#${character.charCodeAt(0)};`)
}
