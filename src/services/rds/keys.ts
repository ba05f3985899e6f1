/** The data keys of instances and snapshots: what RDS asks of the KMS, in whose name, and under which encryption context. */
import type { Client } from '../../client.ts'
import type { Context } from '../../context.ts'
import type { Caller } from '../../identity.ts'
import type { CreateGrantResponse, GrantOperation } from '../../model/kms.ts'
import { KmsError } from '../../errors.ts'
import { infrastructure } from '../infrastructure.ts'
import type { ServiceWorld } from '../world.ts'
import type { DataKey } from './records.ts'
import { asked } from './refusals.ts'

/** Bytes of a key of AES-256-XTS. */
const LENGTH = 64
const RDS = 'rds.amazonaws.com'
const ROLE = 'aws:rds-infrastructure'
const MANAGED = 'alias/aws/rds'

/** What RDS lets itself do for an instance, as long as there is one. */
const OPERATIONS: readonly GrantOperation[] = [
  ...(['Decrypt', 'Encrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext'] as const),
  ...(['ReEncryptFrom', 'ReEncryptTo', 'CreateGrant', 'RetireGrant', 'DescribeKey'] as const),
]

/** A KMS key that somebody chose, and that can be used now. */
export interface Chosen {
  readonly arn: string
  readonly isManaged: boolean
}

/** Storage that has, or is to have, a data key. */
export type Storage = Pick<DataKey, 'dbId' | 'ebsId'>

export class Keys {
  readonly #world: ServiceWorld

  constructor(world: ServiceWorld) {
    this.#world = world
  }

  /** The key that `keyId` names; the AWS managed one by default. */
  async chosen(keyId = MANAGED, context: Context): Promise<Chosen> {
    const { KeyMetadata: key } = await asked(this.#asUser(context).describeKey({ KeyId: keyId }))
    const { Arn, KeyState, KeySpec, KeyUsage, KeyManager } = key!
    if (KeyState !== 'Enabled' || KeySpec !== 'SYMMETRIC_DEFAULT' || KeyUsage !== 'ENCRYPT_DECRYPT') {
      const what = KeyState === 'Enabled' ? 'is not a symmetric encryption key' : `is ${KeyState}`
      throw new KmsError('KMSKeyNotAccessibleFault', `The specified KMS key [${Arn!}] ${what}.`)
    }
    return { arn: Arn!, isManaged: KeyManager === 'AWS' }
  }

  /** In the caller's name, lets RDS use a key for an instance. */
  granted(keyArn: string, dbId: string, context: Context): Promise<CreateGrantResponse> {
    return this.#grant(keyArn, dbId, OPERATIONS, { 'aws:rds:db-id': dbId }, context)
  }

  /** A new data key under a KMS key, by a grant just made. It is not to be seen until somebody decrypts it. */
  async fresh(
    chosen: Chosen,
    storage: Storage,
    { GrantToken }: CreateGrantResponse,
    context: Context,
  ): Promise<DataKey> {
    const { CiphertextBlob, KeyId } = await asked(
      this.#asRds(storage.dbId, context).generateDataKeyWithoutPlaintext({
        KeyId: chosen.arn,
        NumberOfBytes: LENGTH,
        EncryptionContext: contextOf(storage),
        GrantTokens: [GrantToken!],
      }),
    )
    return { ...storage, sealed: hex(CiphertextBlob!), keyArn: KeyId!, isManaged: chosen.isManaged }
  }

  /** A snapshot's data key for another instance, under the same KMS key. */
  async moved(dataKey: DataKey, storage: Storage, granted: CreateGrantResponse, context: Context): Promise<DataKey> {
    return this.#borrowed(dataKey, storage.dbId, ['ReEncryptFrom'], context, async (kms, token) => {
      const { CiphertextBlob } = await kms.reEncrypt({
        CiphertextBlob: Buffer.from(dataKey.sealed, 'hex'),
        SourceKeyId: dataKey.keyArn,
        SourceEncryptionContext: contextOf(dataKey),
        DestinationKeyId: dataKey.keyArn,
        DestinationEncryptionContext: contextOf(storage),
        GrantTokens: [token, granted.GrantToken!],
      })
      return { ...dataKey, ...storage, sealed: hex(CiphertextBlob!) }
    })
  }

  /** A data key in the clear, for RDS at work for its instance; to be wiped. */
  opened(dataKey: DataKey, context: Context, token?: string): Promise<Uint8Array> {
    return asked(decrypted(this.#asRds(dataKey.dbId, context), dataKey, token))
  }

  /**
   * The same by leave of the caller's: by a grant that lasts as long as it takes, or, since a grant does not reach into
   * another account, in the caller's name; to be wiped.
   */
  lent(dataKey: DataKey, context: Context): Promise<Uint8Array> {
    const isOurs = dataKey.keyArn.split(':')[4] === context.caller.account
    if (!isOurs) return asked(decrypted(this.#asUser(context), dataKey))
    return this.#borrowed(dataKey, dataKey.dbId, ['Decrypt'], context, (kms, token) => decrypted(kms, dataKey, token))
  }

  /** Another one whenever the key, or the grant, was changed. The KMS is not asked, so that nothing goes on record. */
  async mark({ keyArn }: DataKey, grantId: string): Promise<string> {
    const [, , , region = '', account = '', resource = ''] = keyArn.split(':')
    const key = [region, account, resource.replace('key/', '')]
    const { store } = this.#world
    const rows = await Promise.all([store.get('keys', key), store.get('grants', [...key, grantId])])
    return rows.map((row) => row?.version ?? 0).join('/')
  }

  /** How the key of a running instance is: out of reach may pass, gone does not. Undefined when the KMS does not say. */
  async state(dataKey: DataKey, context: Context): Promise<'usable' | 'unusable' | 'gone' | undefined> {
    try {
      const { KeyMetadata } = await this.#asRds(dataKey.dbId, context).describeKey({ KeyId: dataKey.keyArn })
      return KeyMetadata!.KeyState === 'Enabled' ? 'usable' : 'unusable'
    } catch (error) {
      const { code } = error as { code?: string }
      return code === 'NotFoundException' ? 'gone' : code === 'AccessDeniedException' ? 'unusable' : undefined
    }
  }

  /** Ends what `granted` began. The key may be gone by now, and its grants with it. */
  async retired({ keyArn, dbId }: Pick<DataKey, 'keyArn' | 'dbId'>, grantId: string, context: Context): Promise<void> {
    try {
      await this.#asRds(dbId, context).retireGrant({ KeyId: keyArn, GrantId: grantId })
    } catch (error) {
      this.#world.log(`rds: a grant was not retired: ${(error as { code?: string }).code ?? 'unknown'}`)
    }
  }

  /** Lets RDS at work for `dbId` use another's data key for a moment, by leave of the caller's. */
  async #borrowed<T>(
    dataKey: DataKey,
    dbId: string,
    operations: readonly GrantOperation[],
    context: Context,
    use: (kms: Client, token: string) => Promise<T>,
  ): Promise<T> {
    const { keyArn } = dataKey
    const { GrantId, GrantToken } = await this.#grant(
      keyArn,
      dbId,
      [...operations, 'RetireGrant'],
      contextOf(dataKey),
      context,
    )
    try {
      return await asked(use(this.#asRds(dbId, context), GrantToken!))
    } finally {
      await this.retired({ keyArn, dbId }, GrantId!, context)
    }
  }

  #grant(
    keyArn: string,
    dbId: string,
    operations: readonly GrantOperation[],
    pairs: Readonly<Record<string, string>>,
    context: Context,
  ): Promise<CreateGrantResponse> {
    const grantee = sessionOf(context.caller.account, dbId)
    return asked(
      this.#asUser(context).createGrant({
        KeyId: keyArn,
        GranteePrincipal: grantee,
        RetiringPrincipal: grantee,
        Operations: [...operations],
        Constraints: { EncryptionContextSubset: { ...pairs } },
      }),
    )
  }

  /** The KMS for the caller, whose request RDS forwards. */
  #asUser(context: Context): Client {
    return this.#world.kms(context, { service: RDS, mode: 'forwarded' })
  }

  /** The KMS for RDS itself, at work for an instance of the caller's account. */
  #asRds(dbId: string, context: Context): Client {
    const caller = rdsFor(context.caller.account, dbId, this.#world.clock())
    return this.#world.kms(context, { service: RDS, mode: 'principal' }, caller)
  }
}

async function decrypted(kms: Client, dataKey: DataKey, token?: string): Promise<Uint8Array> {
  const { Plaintext } = await kms.decrypt({
    CiphertextBlob: Buffer.from(dataKey.sealed, 'hex'),
    KeyId: dataKey.keyArn,
    EncryptionContext: contextOf(dataKey),
    ...(token !== undefined && { GrantTokens: [token] }),
  })
  return Plaintext!
}

function contextOf({ dbId, ebsId }: Storage): Record<string, string> {
  return { 'aws:rds:db-id': dbId, 'aws:ebs:id': ebsId }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function sessionOf(account: string, dbId: string): string {
  return `arn:aws:sts::${account}:assumed-role/${ROLE}/${dbId}`
}

/** RDS at work for an instance. */
export function rdsFor(account: string, dbId: string, now: number): Caller {
  return infrastructure(ROLE, account, dbId, now)
}
