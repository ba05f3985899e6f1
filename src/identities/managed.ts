/**
 * Policies that AWS manages, as far as people attach them to whoever uses keys: by their names, with what they say about this
 * service and its neighbours. AWS's own documents list hundreds of services; what is left out here nobody can ask for.
 */

interface Allowed {
  /** Some stand under a path: `/job-function/`, `/service-role/`. */
  readonly path?: string
  readonly actions: readonly string[]
  /** Allow all but these, instead of these. */
  readonly except?: readonly string[]
}

const IAM_LOOKS = ['iam:Get*', 'iam:List*', 'iam:GenerateCredentialReport', 'iam:SimulateCustomPolicy']
const KEY_LOOKS = ['kms:DescribeKey', 'kms:GetKeyPolicy', 'kms:GetKeyRotationStatus', 'kms:List*']
const TRAIL_LOOKS = ['cloudtrail:DescribeTrails', 'cloudtrail:GetTrailStatus', 'cloudtrail:LookupEvents']

const POLICIES: Readonly<Record<string, Allowed>> = {
  AdministratorAccess: { actions: ['*'] },
  PowerUserAccess: {
    except: ['iam:*', 'organizations:*', 'account:*'],
    actions: ['iam:ListRoles', 'organizations:DescribeOrganization', 'account:ListRegions'],
  },
  ReadOnlyAccess: {
    actions: [
      'kms:Describe*',
      'kms:Get*',
      'kms:List*',
      'sts:GetCallerIdentity',
      ...IAM_LOOKS,
      'cloudtrail:LookupEvents',
    ],
  },
  ViewOnlyAccess: { path: '/job-function/', actions: ['kms:List*', 'iam:List*', 'cloudtrail:LookupEvents'] },
  SecurityAudit: { actions: [...KEY_LOOKS, 'kms:ListGrants', ...IAM_LOOKS, ...TRAIL_LOOKS] },
  AWSKeyManagementServicePowerUser: {
    actions: [
      ...['kms:CreateAlias', 'kms:CreateKey', 'kms:DeleteAlias', 'kms:Describe*', 'kms:GenerateRandom', 'kms:Get*'],
      ...['kms:List*', 'kms:TagResource', 'kms:UntagResource', 'iam:ListGroups', 'iam:ListRoles', 'iam:ListUsers'],
    ],
  },
  IAMFullAccess: { actions: ['iam:*', 'organizations:DescribeAccount', 'organizations:ListRoots'] },
  IAMReadOnlyAccess: { actions: IAM_LOOKS },
  AWSCloudTrail_FullAccess: {
    actions: ['cloudtrail:*', 'kms:CreateKey', 'kms:CreateAlias', 'kms:ListKeys', 'kms:ListAliases'],
  },
  AWSCloudTrail_ReadOnlyAccess: {
    actions: ['cloudtrail:Get*', 'cloudtrail:Describe*', 'cloudtrail:List*', 'cloudtrail:LookupEvents'],
  },
  // Those that set-ups attach out of habit. They say nothing of keys.
  AWSLambdaBasicExecutionRole: {
    path: '/service-role/',
    actions: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
  },
  AmazonS3FullAccess: { actions: ['s3:*', 's3-object-lambda:*'] },
  AmazonS3ReadOnlyAccess: { actions: ['s3:Get*', 's3:List*', 's3:Describe*'] },
  AmazonDynamoDBFullAccess: { actions: ['dynamodb:*', 'kms:DescribeKey', 'kms:ListAliases'] },
  AmazonSQSFullAccess: { actions: ['sqs:*'] },
  AmazonSSMReadOnlyAccess: { actions: ['ssm:Describe*', 'ssm:Get*', 'ssm:List*'] },
  SecretsManagerReadWrite: {
    actions: ['secretsmanager:*', 'kms:DescribeKey', 'kms:ListAliases', 'kms:ListKeys', 'tag:GetResources'],
  },
}

/** A policy of AWS's own. */
export interface AwsManagedPolicy {
  readonly arn: string
  readonly name: string
  readonly path: string
  readonly document: string
}

/** All there are, in the order of their names. */
export const AWS_MANAGED: readonly AwsManagedPolicy[] = Object.entries(POLICIES)
  .map(([name, { path = '/', ...allowed }]) => ({
    ...{ arn: `arn:aws:iam::aws:policy${path}${name}`, name, path },
    document: JSON.stringify({ Version: '2012-10-17', Statement: statements(allowed) }),
  }))
  .toSorted((a, b) => (a.name < b.name ? -1 : 1))

const BY_ARN = new Map(AWS_MANAGED.map((policy) => [policy.arn, policy]))

/** The text of a policy that AWS manages. */
export function awsManagedPolicy(arn: string): string | undefined {
  return BY_ARN.get(arn)?.document
}

function statements({ except, actions }: Allowed): object[] {
  const allow = { Effect: 'Allow', Action: actions, Resource: '*' }
  return except ? [{ Effect: 'Allow', NotAction: except, Resource: '*' }, allow] : [allow]
}
