/** What an account has chosen for a Region: whether all it makes is encrypted, and under which key when nothing is said. */
import type { Context } from '../../context.ts'
import { fail } from '../../errors.ts'
import type { Means } from './means.ts'
import { placeIn } from './records.ts'
import { given } from './refusals.ts'
import type { DefaultKey, EncryptionByDefault, KeyNamed, Nothing } from './shapes.ts'
import { MANAGED_KEY } from './wanted.ts'

export function setEncryption(encrypts: boolean) {
  const action = `${encrypts ? 'Enable' : 'Disable'}EbsEncryptionByDefault`
  return async ({ records, leave }: Means, input: Nothing, context: Context): Promise<EncryptionByDefault> => {
    await leave.to(action, [], context, input)
    await records.set(placeIn(context), { encrypts })
    return { EbsEncryptionByDefault: encrypts }
  }
}

export async function getEncryption(
  { records, leave }: Means,
  input: Nothing,
  context: Context,
): Promise<EncryptionByDefault> {
  await leave.to('GetEbsEncryptionByDefault', [], context, input)
  return { EbsEncryptionByDefault: (await records.settings(placeIn(context))).encrypts }
}

export async function getKey({ records, leave }: Means, input: Nothing, context: Context): Promise<DefaultKey> {
  await leave.to('GetEbsDefaultKmsKeyId', [], context, input)
  return { KmsKeyId: (await records.settings(placeIn(context))).keyArn ?? MANAGED_KEY }
}

export async function modifyKey(
  { records, keys, leave }: Means,
  input: KeyNamed,
  context: Context,
): Promise<DefaultKey> {
  await leave.to('ModifyEbsDefaultKmsKeyId', [], context, input)
  const { Arn, KeySpec, KeyState } = await keys.described(given(input.KmsKeyId, 'kmsKeyId'), context)
  if (KeySpec !== 'SYMMETRIC_DEFAULT') {
    fail('InvalidKMSKey.InvalidUsage', `Key ${Arn} is not symmetric: ${KeySpec} keys encrypt no volumes.`)
  }
  if (KeyState !== 'Enabled') fail('InvalidKMSKey.InvalidState', `Key ${Arn} is ${KeyState}.`)
  await records.set(placeIn(context), { keyArn: Arn })
  return { KmsKeyId: Arn! }
}

export async function resetKey({ records, leave }: Means, input: Nothing, context: Context): Promise<DefaultKey> {
  await leave.to('ResetEbsDefaultKmsKeyId', [], context, input)
  await records.set(placeIn(context), { keyArn: undefined })
  return { KmsKeyId: MANAGED_KEY }
}
