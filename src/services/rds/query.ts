/** The query protocol over RDS, so that unchanged clients of RDS work. */
import type { Context } from '../../context.ts'
import { fail } from '../../errors.ts'
import { inputOf } from './form.ts'
import type { Rds } from './rds.ts'

const NAMESPACE = 'http://rds.amazonaws.com/doc/2014-10-31/'

/** Operations, by the names of their methods but for the first letter. */
const OPERATIONS = new Set([
  ...['CreateDBInstance', 'DescribeDBInstances', 'StartDBInstance', 'StopDBInstance', 'DeleteDBInstance'],
  ...['ModifyDBInstance', 'AddTagsToResource', 'ListTagsForResource', 'RemoveTagsFromResource'],
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
      const result = Object.keys(output).length === 0 ? '' : element(`${action}Result`, output)
      const metadata = element('ResponseMetadata', { RequestId: context.requestId })
      return `<${action}Response xmlns="${NAMESPACE}">${result}${metadata}</${action}Response>`
    },
  }
}

/** What lists call their items. */
const ITEMS: Readonly<Record<string, string>> = {
  DBInstances: 'DBInstance',
  DBSnapshots: 'DBSnapshot',
  DBSnapshotAttributes: 'DBSnapshotAttribute',
  AttributeValues: 'AttributeValue',
  TagList: 'Tag',
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
