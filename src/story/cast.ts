/** Who is in the story: a clinic with its roles, and a partner in an account of its own. */
import type { AccountConfig } from '../identity.ts'

export const CLINIC = '111122223333'
export const PARTNER = '444455556666'
export const HOME = 'us-east-1'
export const REFUGE = 'eu-west-1'

/** What each role of the clinic may, so far as it is up to its own policies; the keys have theirs. */
const ROLES = {
  keeper: ['kms:*', 's3:*'],
  application: ['s3:*', 'ec2:*', 'rds:*'],
  // Whoever sees all there is, and may do all the KMS can do, in all keys that leave it to the account: these do not.
  developer: ['s3:*', 'ec2:*', 'rds:*', 'kms:*'],
  auditor: ['cloudtrail:LookupEvents', 'kms:Describe*', 'kms:List*'],
} as const

export type Role = keyof typeof ROLES

export const roleArn = (role: Role): string => `arn:aws:iam::${CLINIC}:role/${role}`
export const PARTNER_READER = `arn:aws:iam::${PARTNER}:user/reader`

/** The policy of each of the clinic's keys: one role keeps them, one uses them, and nobody else. */
export const keyPolicy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Sid: 'Keep',
      Effect: 'Allow',
      Principal: { AWS: roleArn('keeper') },
      Action: [
        ...['Create*', 'Describe*', 'Enable*', 'List*', 'Put*', 'Update*', 'Revoke*', 'Disable*', 'Get*'],
        ...['TagResource', 'UntagResource', 'ScheduleKeyDeletion', 'CancelKeyDeletion', 'ReplicateKey'],
      ].map((action) => `kms:${action}`),
      Resource: '*',
    },
    {
      Sid: 'Use',
      Effect: 'Allow',
      Principal: { AWS: roleArn('application') },
      Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      Resource: '*',
    },
    {
      Sid: 'LendToServices',
      Effect: 'Allow',
      Principal: { AWS: roleArn('application') },
      Action: ['kms:CreateGrant', 'kms:ListGrants', 'kms:RevokeGrant'],
      Resource: '*',
      Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
    },
    {
      Sid: 'LookAtWhatThereIs',
      Effect: 'Allow',
      Principal: { AWS: roleArn('auditor') },
      Action: ['kms:Describe*', 'kms:List*', 'kms:GetKeyPolicy'],
      Resource: '*',
    },
  ],
})

const allow = (action: readonly string[]): object => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }],
})

export const ACCOUNTS: AccountConfig[] = [
  {
    id: CLINIC,
    roles: Object.entries(ROLES).map(([name, actions]) => ({
      name,
      trustPolicy: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${CLINIC}:root` }, Action: 'sts:AssumeRole' }],
      },
      policies: [{ name: 'work', document: allow(actions) }],
    })),
  },
  {
    id: PARTNER,
    users: [{ name: 'reader', policies: [{ name: 'reads', document: allow(['kms:Decrypt', 's3:GetObject']) }] }],
  },
]
