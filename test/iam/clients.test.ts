/** The AWS command line, unchanged, sets up callers where it also uses keys. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { Strongroom } from '../../src/index.ts'
import { ACCOUNT, clientEnvironment, program } from '../clients/environment.ts'
import { ALLOW, document } from './asking.ts'

test.serial('a role is made, assumed, and may do what its policy says', async (t) => {
  const room = await Strongroom.open({ memory: true })
  const home = await mkdtemp(join(tmpdir(), 'strongroom-iam-'))
  t.teardown(async () => {
    await room.close()
    await rm(home, { recursive: true, force: true })
  })
  const { url } = await room.listen({ port: 0 })
  const aws = async (command: string, more: string[] = [], credentials: Record<string, string> = {}) => {
    const args = [...command.split(' '), ...more, '--endpoint-url', url, '--output', 'json']
    const env = { ...clientEnvironment(url, home), ...credentials }
    const { stdout } = await promisify(execFile)(program('aws'), args, { env })
    return JSON.parse(stdout || '{}') as Record<string, Record<string, string>>
  }
  const trust = document({ Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'sts:AssumeRole' })
  const assume = document({ Effect: 'Allow', Action: ['sts:AssumeRole'], Resource: '*' })
  const { Role } = await aws('iam create-role --role-name app --assume-role-policy-document', [trust])
  t.is(Role!.Arn, `arn:aws:iam::${ACCOUNT}:role/app`)
  t.is(JSON.stringify(Role!.AssumeRolePolicyDocument), trust)
  const random = document({ ...ALLOW, Action: 'kms:GenerateRandom' })
  await aws('iam put-role-policy --role-name app --policy-name p --policy-document', [random])
  await aws('iam create-user --user-name bob')
  await aws('iam put-user-policy --user-name bob --policy-name p --policy-document', [assume])
  const { AccessKey } = await aws('iam create-access-key --user-name bob')
  const bob = { AWS_ACCESS_KEY_ID: AccessKey!.AccessKeyId!, AWS_SECRET_ACCESS_KEY: AccessKey!.SecretAccessKey! }
  const { Credentials } = await aws(`sts assume-role --role-session-name one --role-arn ${Role!.Arn}`, [], bob)
  const session = {
    AWS_ACCESS_KEY_ID: Credentials!.AccessKeyId!,
    AWS_SECRET_ACCESS_KEY: Credentials!.SecretAccessKey!,
    AWS_SESSION_TOKEN: Credentials!.SessionToken!,
  }
  const me = (await aws('sts get-caller-identity', [], session)) as Record<string, unknown>
  t.is(me.Arn, `arn:aws:sts::${ACCOUNT}:assumed-role/app/one`)
  t.truthy((await aws('kms generate-random --number-of-bytes 8', [], session)).Plaintext)
  const refused = await t.throwsAsync(aws('iam get-role --role-name app', [], session))
  t.regex(refused.message, /AccessDenied.*GetRole.*is not authorized to perform: iam:GetRole/s)
  await t.throwsAsync(aws('kms generate-random --number-of-bytes 8', [], bob), { message: /AccessDeniedException/ })
})
