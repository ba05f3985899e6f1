/** EC2's query protocol over EBS, so that unchanged clients of EC2 work: its operations about volumes and snapshots. */
import type { Context } from '../../context.ts'
import { fail } from '../../errors.ts'
import type { Ebs } from './ebs.ts'
import { inputOf } from './form.ts'

const NAMESPACE = 'http://ec2.amazonaws.com/doc/2016-11-15/'

/** Operations by the names of their methods, but for the first letter; those that answer with a mere yes have a `return`. */
const OPERATIONS: Readonly<Record<string, 'shown' | 'done'>> = {
  CreateVolume: 'shown',
  DescribeVolumes: 'shown',
  DeleteVolume: 'done',
  AttachVolume: 'shown',
  DetachVolume: 'shown',
  CreateSnapshot: 'shown',
  CopySnapshot: 'shown',
  DescribeSnapshots: 'shown',
  DeleteSnapshot: 'done',
  ModifySnapshotAttribute: 'done',
  DescribeSnapshotAttribute: 'shown',
  EnableEbsEncryptionByDefault: 'shown',
  DisableEbsEncryptionByDefault: 'shown',
  GetEbsEncryptionByDefault: 'shown',
  GetEbsDefaultKmsKeyId: 'shown',
  ModifyEbsDefaultKmsKeyId: 'shown',
  ResetEbsDefaultKmsKeyId: 'shown',
}

type Method = (input: object, context: Context) => Promise<object>

export function ec2(ebs: Ebs) {
  return {
    namespace: NAMESPACE,
    async call(
      parameters: ReadonlyMap<string, string>,
      context: Context & { readonly requestId: string },
    ): Promise<string> {
      const action = parameters.get('Action') ?? ''
      const kind = Object.hasOwn(OPERATIONS, action) ? OPERATIONS[action] : undefined
      if (kind === undefined) fail('InvalidAction', `The action ${action} is not valid for this web service.`)
      const name = `${action[0]!.toLowerCase()}${action.slice(1)}`
      const output = await (ebs as unknown as Record<string, Method>)[name]!(inputOf(parameters), context)
      const told = kind === 'done' ? '<return>true</return>' : membersOf(output)
      const id = `<requestId>${context.requestId}</requestId>`
      return `<${action}Response xmlns="${NAMESPACE}">${id}${told}</${action}Response>`
    },
  }
}

/** What answers call their members, where it is not the member's name in lower case, or that of an item with `Set`. */
const ELEMENTS: Readonly<Record<string, string>> = {
  State: 'status',
  Volumes: 'volumeSet',
  Snapshots: 'snapshotSet',
  Attachments: 'attachmentSet',
  Tags: 'tagSet',
  CreateVolumePermissions: 'createVolumePermission',
}

function membersOf(value: object): string {
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => element(ELEMENTS[name] ?? `${name[0]!.toLowerCase()}${name.slice(1)}`, member))
    .join('')
}

function element(name: string, value: unknown): string {
  return `<${name}>${contentOf(value)}</${name}>`
}

function contentOf(value: unknown): string {
  if (Array.isArray(value)) return value.map((item) => element('item', item)).join('')
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'object' && value !== null) return membersOf(value)
  return escaped(String(value))
}

/** Characters that XML has no way to write are left out. */
function escaped(text: string): string {
  return text
    .replace(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, '')
    .replace(/[&<>"\r]/g, (character) => `&#${character.charCodeAt(0)};`)
}
