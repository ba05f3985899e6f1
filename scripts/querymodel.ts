/**
 * Writes src/model/iam.ts and src/model/sts.ts, the shapes of the operations of IAM and STS that there are here, from the service
 * models that botocore ships.
 *
 *   npm run querymodel -- path/to/botocore/data   trim and render
 *   npm run querymodel                            render again from the trimmed models, which needs nothing
 *
 * The trimmed models are committed beside this script; they are Apache-2.0 (see NOTICE), without their prose.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { format, resolveConfig } from 'prettier'
import type { QueryModel, QueryShape } from '../src/model/query.ts'

interface Raw {
  metadata: { apiVersion: string; xmlNamespace?: string }
  operations: Record<string, { input?: { shape: string }; output?: { shape: string; resultWrapper?: string } }>
  shapes: Record<string, RawShape>
}

interface RawShape {
  type: string
  members?: Record<string, { shape: string }>
  required?: string[]
  member?: { shape: string }
  enum?: string[]
  min?: number
  max?: number
  pattern?: string
}

export const SERVICES = {
  iam: {
    at: 'iam/2010-05-08',
    operations: [
      ...kinds('Create*', 'Get*', 'List*s', 'Delete*', 'Update*'),
      ...kinds('Put*Policy', 'Get*Policy', 'List*Policies', 'Delete*Policy'),
      ...kinds('Attach*Policy', 'Detach*Policy', 'ListAttached*Policies'),
      ...['AddUserToGroup', 'RemoveUserFromGroup', 'ListGroupsForUser'],
      ...['CreateAccessKey', 'ListAccessKeys', 'UpdateAccessKey', 'DeleteAccessKey', 'GetAccessKeyLastUsed'],
      ...['CreatePolicy', 'GetPolicy', 'ListPolicies', 'DeletePolicy', 'ListEntitiesForPolicy'],
      ...[
        'CreatePolicyVersion',
        'GetPolicyVersion',
        'ListPolicyVersions',
        'DeletePolicyVersion',
        'SetDefaultPolicyVersion',
      ],
      ...['PutUserPermissionsBoundary', 'DeleteUserPermissionsBoundary'],
      ...['PutRolePermissionsBoundary', 'DeleteRolePermissionsBoundary'],
      ...['TagUser', 'UntagUser', 'ListUserTags', 'TagRole', 'UntagRole', 'ListRoleTags'],
      ...['TagPolicy', 'UntagPolicy', 'ListPolicyTags', 'UpdateAssumeRolePolicy', 'UpdateRoleDescription'],
      ...['ListInstanceProfilesForRole', 'ListAccountAliases'],
    ],
  },
  sts: {
    at: 'sts/2011-06-15',
    operations: ['AssumeRole', 'GetCallerIdentity', 'GetFederationToken', 'GetSessionToken'],
  },
} as const

function kinds(...names: string[]): string[] {
  return names.flatMap((name) => ['User', 'Role', 'Group'].map((kind) => name.replace('*', kind)))
}

type Service = keyof typeof SERVICES

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The part of a model that is needed; a trimmed model trims to itself. */
export function trim(raw: Raw, operations: readonly string[]): Raw {
  const kept = Object.fromEntries(
    operations.toSorted().map((name) => {
      const { input, output } = raw.operations[name] ?? missing(name)
      return [name, { input: input && { shape: input.shape }, output }]
    }),
  )
  const shapes: Raw['shapes'] = {}
  const keep = (name: string): void => {
    if (shapes[name]) return
    const { type, members, required, member, enum: values, min, max, pattern } = raw.shapes[name] ?? missing(name)
    const bare = members && Object.fromEntries(Object.entries(members).map(([key, { shape }]) => [key, { shape }]))
    shapes[name] = {
      type,
      members: bare,
      required,
      member: member && { shape: member.shape },
      enum: values,
      min,
      max,
      pattern,
    }
    for (const part of [...Object.values(members ?? {}), ...(member ? [member] : [])]) keep(part.shape)
  }
  for (const { input, output } of Object.values(kept)) for (const part of [input, output]) if (part) keep(part.shape)
  const { apiVersion, xmlNamespace } = raw.metadata
  const sorted = Object.fromEntries(Object.entries(shapes).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  return JSON.parse(JSON.stringify({ metadata: { apiVersion, xmlNamespace }, operations: kept, shapes: sorted })) as Raw
}

function missing(name: string): never {
  throw new Error(`the model has no ${name}`)
}

/** The table as TypeScript. */
export async function render(service: Service): Promise<string> {
  const raw = JSON.parse(readFileSync(here(`${service}.model.json`), 'utf8')) as Raw
  const shapes = Object.entries(raw.shapes).map(([name, shape]): [string, QueryShape] => {
    const { type, members, required, member, enum: values, min, max, pattern } = shape
    const names = members && Object.fromEntries(Object.entries(members).map(([key, part]) => [key, part.shape]))
    return [
      name,
      { type, members: names, required, member: member?.shape, enum: values, min, max, pattern } as QueryShape,
    ]
  })
  const operations = Object.entries(raw.operations).map(([name, { input, output }]) => [
    name,
    { input: input?.shape, output: output?.shape, result: output?.resultWrapper },
  ])
  const { apiVersion: version, xmlNamespace: namespace = '' } = raw.metadata
  const model: QueryModel = {
    ...{ version, namespace },
    operations: Object.fromEntries(operations) as QueryModel['operations'],
    shapes: Object.fromEntries(shapes),
  }
  const text = [
    `/** GENERATED by scripts/querymodel.ts from the service model of ${service.toUpperCase()}; do not edit. */`,
    `import type { QueryModel } from './query.ts'`,
    '',
    `export const ${service.toUpperCase()}: QueryModel = ${JSON.stringify(model)}`,
  ].join('\n')
  const path = here(`../src/model/${service}.ts`)
  return format(text, { ...(await resolveConfig(path)), parser: 'typescript' })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [data] = process.argv.slice(2)
  for (const [service, { at, operations }] of Object.entries(SERVICES) as [Service, (typeof SERVICES)[Service]][]) {
    if (data !== undefined) {
      const plain = `${data}/${at}/service-2.json`
      const text = existsSync(plain) ? readFileSync(plain) : gunzipSync(readFileSync(`${plain}.gz`))
      const trimmed = trim(JSON.parse(text.toString()) as Raw, operations)
      const path = here(`${service}.model.json`)
      writeFileSync(path, await format(JSON.stringify(trimmed), { ...(await resolveConfig(path)), parser: 'json' }))
    }
    writeFileSync(here(`../src/model/${service}.ts`), await render(service))
  }
}
