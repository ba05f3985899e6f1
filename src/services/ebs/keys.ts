/** The data keys of volumes and snapshots: what EBS asks of the KMS, in whose name, and under which encryption context. */
import { randomBytes } from 'node:crypto'
import type { Client } from '../../client.ts'
import type { Context } from '../../context.ts'
import type { Source } from '../../decision.ts'
import type { KeyMetadata } from '../../model/kms.ts'
import type { Origin } from '../../origin.ts'
import { parseIdentityPolicy } from '../../policy/document.ts'
import { infrastructure } from '../infrastructure.ts'
import type { ServiceWorld } from '../world.ts'
import type { Attachment, DataKey, VolumeRecord } from './records.ts'
import { asked, askedToAttach } from './refusals.ts'

/** Bytes of a key of AES-256-XTS. */
const LENGTH = 64
/** What EBS's own keys are sealed for. */
const PURPOSE = 'ebs'
const EC2 = 'ec2.amazonaws.com'
const ROLE = 'aws:ec2-infrastructure'

/** Where EC2 calls from by itself. */
const ORIGIN: Origin = { sourceIp: '127.0.0.1', userAgent: EC2, secure: true }

type Where = Pick<VolumeRecord, 'region' | 'account'>
type Retiring = Pick<Attachment, 'instanceId' | 'grantId'>

export class Keys {
  readonly #world: ServiceWorld

  constructor(world: ServiceWorld) {
    this.#world = world
  }

  /** A new data key under a KMS key. It is not to be seen until somebody decrypts it. */
  async fresh(keyId: string, ebsId: string, context: Context): Promise<DataKey> {
    const { CiphertextBlob, KeyId } = await asked(
      this.#asUser(context).generateDataKeyWithoutPlaintext({
        KeyId: keyId,
        NumberOfBytes: LENGTH,
        EncryptionContext: contextOf(ebsId),
      }),
    )
    return { sealed: hex(CiphertextBlob!), keyArn: KeyId!, ebsId, id: this.#world.entropy.uuid() }
  }

  /** A new data key of EBS's own, for what is not encrypted as AWS has it: no plaintext lies about here all the same. */
  async own(ebsId: string): Promise<DataKey> {
    const secret = randomBytes(LENGTH)
    try {
      return { sealed: hex(await this.#world.seal(PURPOSE, secret)), ebsId, id: this.#world.entropy.uuid() }
    } finally {
      secret.fill(0)
    }
  }

  /** The same data key for another resource, under the same KMS key. */
  async moved(dataKey: DataKey, ebsId: string, context: Context): Promise<DataKey> {
    if (dataKey.keyArn === undefined) return { ...dataKey, ebsId }
    const { CiphertextBlob } = await asked(
      this.#asUser(context).reEncrypt({
        CiphertextBlob: Buffer.from(dataKey.sealed, 'hex'),
        SourceKeyId: dataKey.keyArn,
        SourceEncryptionContext: contextOf(dataKey.ebsId),
        DestinationKeyId: dataKey.keyArn,
        DestinationEncryptionContext: contextOf(ebsId),
      }),
    )
    return { ...dataKey, sealed: hex(CiphertextBlob!), ebsId }
  }

  /** A data key in the clear, for who asks; to be wiped. */
  async opened(dataKey: DataKey, context: Context): Promise<Uint8Array> {
    if (dataKey.keyArn === undefined) return this.#world.unseal(PURPOSE, Buffer.from(dataKey.sealed, 'hex'))
    return asked(decrypted(this.#asUser(context), dataKey))
  }

  /** What there is to know of a KMS key. */
  async described(keyId: string, context: Context): Promise<KeyMetadata> {
    return (await asked(this.#asUser(context).describeKey({ KeyId: keyId }))).KeyMetadata!
  }

  /** Lets EC2 decrypt the data key for an instance, as long as the volume is attached to it; the grant's id. */
  async granted(
    volumeId: string,
    { keyArn, ebsId }: DataKey,
    instanceId: string,
    context: Context,
  ): Promise<string | undefined> {
    if (keyArn === undefined) return undefined
    const { GrantId } = await askedToAttach(
      volumeId,
      this.#asUser(context).createGrant({
        KeyId: keyArn,
        GranteePrincipal: `${context.caller.account}:${ROLE}:${instanceId}`,
        Operations: ['Decrypt', 'RetireGrant'],
        Constraints: { EncryptionContextSubset: contextOf(ebsId) },
      }),
    )
    return GrantId
  }

  /** A data key in the clear, for EC2 at work for an instance; to be wiped. */
  async attached(volumeId: string, dataKey: DataKey, instanceId: string, context: Context): Promise<Uint8Array> {
    if (dataKey.keyArn === undefined) return this.opened(dataKey, context)
    const { region, caller } = context
    const kms = this.#asInstance(instanceId, { region, account: caller.account }, dataKey.keyArn)
    return askedToAttach(volumeId, decrypted(kms, dataKey))
  }

  /** Ends what `granted` began. The key may be gone by now, and its grants with it. */
  async retired({ keyArn }: DataKey, { instanceId, grantId }: Retiring, where: Where): Promise<void> {
    if (keyArn === undefined || grantId === undefined) return
    try {
      await this.#asInstance(instanceId, where, keyArn).retireGrant({ KeyId: keyArn, GrantId: grantId })
    } catch (error) {
      this.#world.log(`ebs: a grant was not retired: ${(error as { code?: string }).code ?? 'unknown'}`)
    }
  }

  /** The KMS for the caller, whose request EC2 forwards. */
  #asUser(context: Context): Client {
    return this.#world.kms(context, { service: EC2, mode: 'forwarded' })
  }

  /** The KMS for EC2 itself, at work for an instance. */
  #asInstance(instanceId: string, { region, account }: Where, keyArn: string): Client {
    const isForeign = keyArn.split(':')[4] !== account
    const caller = infrastructure(ROLE, account, instanceId, this.#world.clock(), isForeign ? [ACROSS] : [])
    return this.#world.kms({ caller, region, origin: ORIGIN }, { service: EC2, mode: 'principal' })
  }
}

async function decrypted(kms: Client, { sealed, keyArn, ebsId }: DataKey): Promise<Uint8Array> {
  const { Plaintext } = await kms.decrypt({
    CiphertextBlob: Buffer.from(sealed, 'hex'),
    KeyId: keyArn,
    EncryptionContext: contextOf(ebsId),
  })
  return Plaintext!
}

function contextOf(ebsId: string): Record<string, string> {
  return { 'aws:ebs:id': ebsId }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** To use what another account grants, one needs leave of one's own. */
const ACROSS: Source = {
  kind: 'identity',
  name: ROLE,
  document: parseIdentityPolicy(
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: ['kms:Decrypt', 'kms:RetireGrant'], Resource: '*' }],
    }),
  ),
}
