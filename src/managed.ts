/**
 * AWS managed keys: one of a service in each account and Region, called `alias/aws/<service>`, made when it is first
 * asked for. The service uses it in the name of its callers; the customer may look at it, and its policy says so.
 */
import { SPECS, USES } from './algorithms.ts'
import { parseIdentifier, partitionOf } from './arn.ts'
import type { Backend } from './backends/backend.ts'
import { DAY, type Instant } from './clock.ts'
import type { Entropy } from './entropy.ts'
import { keyOf, NEW_KEY, newMaterial, type Key } from './keys.ts'
import { edits, type Records, type Scope } from './store/cache.ts'
import { isConflict } from './store/store.ts'

export const MANAGED_PREFIX = 'alias/aws/'
const ROTATION_PERIOD = 365

interface Service {
  /** The name it goes by in policies. */
  readonly title: string
  /** What the description says the key protects. */
  readonly protects: string
  /** The name it calls by, where it is not that of the alias. */
  readonly via?: string
  /** The number that the ids of its policies end with. */
  readonly edition?: number
  /** What it may do besides encrypting, decrypting and looking. */
  readonly more?: readonly string[]
  /** Whether ListAliases shows the alias before there is a key. Which ones AWS shows is known from emulators alone. */
  readonly predefined: boolean
}

const GRANTS = ['CreateGrant'] as const

/** Titles, numbers and grants that are not confirmed are guessed from services of the same kind. */
const SERVICES: Readonly<Record<string, Service>> = {
  acm: { title: 'ACM', protects: 'ACM private keys', more: GRANTS, predefined: true },
  backup: { title: 'Backup', protects: 'Backup data', more: GRANTS, predefined: false },
  codecommit: { title: 'CodeCommit', protects: 'CodeCommit repositories', predefined: false },
  dms: { title: 'DMS', protects: 'DMS data', more: GRANTS, predefined: false },
  dynamodb: { title: 'DynamoDB', protects: 'DynamoDB data', more: GRANTS, predefined: true },
  ebs: { title: 'EBS', protects: 'EBS volumes', via: 'ec2', edition: 2, more: GRANTS, predefined: true },
  elasticfilesystem: { title: 'EFS', protects: 'EFS file systems', more: GRANTS, predefined: true },
  es: { title: 'Elasticsearch', protects: 'Elasticsearch data', more: GRANTS, predefined: true },
  fsx: { title: 'FSx', protects: 'FSx file systems', more: GRANTS, predefined: false },
  glue: { title: 'Glue', protects: 'Glue data', predefined: true },
  importexport: { title: 'Import/Export', protects: 'Import/Export jobs', more: GRANTS, predefined: false },
  kinesis: { title: 'Kinesis', protects: 'Kinesis streams', predefined: false },
  kinesisvideo: { title: 'Kinesis Video Streams', protects: 'Kinesis Video Streams data', predefined: true },
  lambda: { title: 'Lambda', protects: 'Lambda functions', more: GRANTS, predefined: true },
  lightsail: { title: 'Lightsail', protects: 'Lightsail data', more: GRANTS, predefined: false },
  rds: { title: 'RDS', protects: 'RDS database volumes', more: [...GRANTS, 'ListGrants'], predefined: true },
  redshift: { title: 'Redshift', protects: 'Redshift clusters', more: GRANTS, predefined: true },
  s3: { title: 'S3', protects: 'S3 objects', edition: 2, predefined: true },
  secretsmanager: {
    title: 'AWS Secrets Manager',
    protects: 'Secrets Manager data',
    edition: 2,
    more: GRANTS,
    predefined: true,
  },
  sns: { title: 'SNS', protects: 'SNS data', predefined: false },
  sqs: { title: 'SQS', protects: 'SQS data', predefined: false },
  ssm: { title: 'SSM', protects: 'SSM parameters', predefined: true },
  workspaces: { title: 'WorkSpaces', protects: 'WorkSpaces volumes', more: GRANTS, predefined: false },
  xray: { title: 'X-Ray', protects: 'X-Ray data', predefined: true },
}

/** Names that ListAliases shows whether or not they have a key, in order. */
export const PREDEFINED_ALIASES: readonly string[] = Object.entries(SERVICES)
  .filter(([, { predefined }]) => predefined)
  .map(([service]) => MANAGED_PREFIX + service)
  .toSorted()

/** The service whose managed key `identifier` names in `scope`; undefined for any other name. */
export function managedServiceOf(identifier: string, { realm, account }: Scope): string | undefined {
  const named = parseIdentifier(identifier)
  if (named.kind !== 'alias' || !named.name.startsWith(MANAGED_PREFIX)) return undefined
  if ((named.account ?? account) !== account || (named.region ?? realm.region) !== realm.region) return undefined
  const service = named.name.slice(MANAGED_PREFIX.length)
  return Object.hasOwn(SERVICES, service) ? service : undefined
}

/** What it takes to make a key, in some account and Region. */
export interface Making {
  readonly scope: Scope
  readonly records: Records
  readonly backend: Backend
  readonly entropy: Entropy
  readonly now: Instant
}

/** The managed key of a service, which is made if nobody has asked for it yet. */
export async function managedKey(service: string, making: Making): Promise<Key> {
  const { scope, records } = making
  const name = MANAGED_PREFIX + service
  if (await records.alias(scope, name)) return records.find(scope, name)
  try {
    await records.commit(await birth(service, making))
  } catch (error) {
    // Somebody else asked for it at the same time.
    if (!isConflict(error)) throw error
  }
  return records.find(scope, name)
}

async function birth(service: string, { scope, backend, entropy, now }: Making) {
  const { region } = scope.realm
  const { account } = scope
  const { token } = await backend.create(SPECS.SYMMETRIC_DEFAULT.hsm, USES.ENCRYPT_DECRYPT)
  const material = newMaterial(entropy.hex(32), token, now)
  const key = keyOf({
    ...NEW_KEY,
    region,
    account,
    id: entropy.uuid(),
    spec: 'SYMMETRIC_DEFAULT',
    usage: 'ENCRYPT_DECRYPT',
    origin: 'AWS_KMS',
    manager: 'AWS',
    created: now,
    description: `Default key that protects my ${SERVICES[service]!.protects} when no other key is defined`,
    policy: policyFor(service, region, account),
    rotation: { periodInDays: ROTATION_PERIOD, next: now + ROTATION_PERIOD * DAY },
    currentId: material.id,
    materials: [material],
  })
  const alias = {
    region,
    account,
    name: MANAGED_PREFIX + service,
    target: key.id,
    created: now,
    updated: now,
    version: 0,
  }
  return [edits.putKey(key), edits.putMaterial(key, material), edits.putAlias(alias)]
}

const CRYPTOGRAPHY = ['Encrypt', 'Decrypt', 'ReEncrypt*', 'GenerateDataKey*']

function policyFor(service: string, region: string, account: string): string {
  const { title, via = service, edition = 1, more = [] } = SERVICES[service]!
  const everyone = { Effect: 'Allow', Principal: { AWS: '*' } }
  const who = `for all principals in the account that are authorized to use ${title}`
  // Secrets are replicated, so that Secrets Manager makes their data keys from other Regions, too.
  const apart = service === 'secretsmanager' ? ['GenerateDataKey*'] : []
  const actions = [...CRYPTOGRAPHY.filter((action) => !apart.includes(action)), ...more, 'DescribeKey']
  const through = { 'kms:CallerAccount': account, 'kms:ViaService': `${via}.${region}.amazonaws.com` }
  const Statement: object[] = [
    {
      Sid: `Allow access through ${title} ${who}`,
      ...everyone,
      Action: actionsOf(actions),
      Resource: '*',
      Condition: { StringEquals: through },
    },
    {
      Sid: 'Allow direct access to key metadata to the account',
      Effect: 'Allow',
      Principal: { AWS: `arn:${partitionOf(region)}:iam::${account}:root` },
      Action: actionsOf(['Describe*', 'Get*', 'List*', ...(more.includes('CreateGrant') ? ['RevokeGrant'] : [])]),
      Resource: '*',
    },
  ]
  if (apart.length > 0) {
    Statement.splice(1, 0, {
      Sid: `Allow access through ${title} ${who}`,
      ...everyone,
      Action: actionsOf(apart),
      Resource: '*',
      Condition: {
        StringEquals: { 'kms:CallerAccount': account },
        StringLike: { 'kms:ViaService': `${via}.*.amazonaws.com` },
      },
    })
  }
  if (service === 'dynamodb') {
    Statement.push({
      Sid: 'Allow DynamoDB Service with service principal name dynamodb.amazonaws.com to describe the key directly',
      Effect: 'Allow',
      Principal: { Service: 'dynamodb.amazonaws.com' },
      Action: actionsOf(['Describe*', 'Get*', 'List*']),
      Resource: '*',
    })
  }
  const document = { Version: '2012-10-17', Id: `auto-${service}-${edition}`, Statement }
  return JSON.stringify(document, undefined, 2).replaceAll('": ', '" : ')
}

function actionsOf(names: readonly string[]): string[] {
  return names.map((name) => `kms:${name}`)
}
