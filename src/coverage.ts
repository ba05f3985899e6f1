/**
 * What this service can do, found out by doing it: each operation of AWS's model is called for real in a fresh room, each key
 * spec used with each of its algorithms. Nothing is read off a list but what AWS has.
 */
import { Buffer } from 'node:buffer'
import { constants, createHash, publicEncrypt } from 'node:crypto'
import { SPECS } from './algorithms.ts'
import type { Ability } from './backends/backend.ts'
import type { Client } from './client.ts'
import { KmsError } from './errors.ts'
import {
  OPERATIONS,
  type ConnectionStateType,
  type KeySpec,
  type KeyUsageType,
  type OperationName,
} from './model/kms.ts'
import { createAttester } from './testing/attester.ts'

export interface Coverage {
  readonly operations: readonly Finding[]
  /** One for each algorithm of each usage of each spec, named `RSA_2048 SIGN_VERIFY RSASSA_PSS_SHA_256`. */
  readonly algorithms: readonly (Finding & { readonly spec: KeySpec })[]
  /** What the device with the keys says of itself; absent of our own HSM, which does it all. */
  readonly abilities?: readonly Ability[]
}

export interface Finding {
  readonly name: string
  /** Why it does not work; undefined when it does. */
  readonly problem: string | undefined
  /** Who does it, with keys in a device of somebody else's, and how or why not. */
  readonly support?: Ability['support']
  readonly how?: string
}

/** The part of a room that is needed: the same service at another Region's endpoint. */
export interface Doors {
  as(principal: { region: string }): Client
}

const CLUSTER = 'cluster-234567abcde'

/** What the room has to be opened with. */
export const COVERED = { memory: true, clusters: { [CLUSTER]: 'simulated' } } as const

export async function cover(room: Doors): Promise<Coverage> {
  const algorithms = []
  const seen = new Set<OperationName>()
  for (const spec of Object.keys(SPECS) as KeySpec[]) {
    const client = recording(room.as({ region: SPECS[spec].partition ? 'cn-north-1' : 'us-east-1' }), seen)
    for (const [usage, names] of Object.entries(SPECS[spec].algorithms)) {
      for (const algorithm of names) {
        const problem = await trial(() => roundTrip(client, spec, usage as KeyUsageType, algorithm))
        algorithms.push({ spec, name: `${spec} ${usage} ${algorithm}`, problem })
      }
    }
  }
  const problem = await trial(() => live(recording(room.as({ region: 'us-east-1' }), seen)))
  const operations = (Object.keys(OPERATIONS) as OperationName[]).map((name) => ({
    name,
    problem: seen.has(name) ? undefined : (problem ?? 'was not reached'),
  }))
  return { operations, algorithms }
}

/** The same with what the device can do, as it said when it was opened. */
export function withAbilities({ operations, algorithms }: Coverage, abilities: readonly Ability[]): Coverage {
  const known = new Map(abilities.map((ability) => [ability.what, ability]))
  const none: Ability = { what: '', support: 'impossible' }
  return {
    operations: operations.map((finding) => {
      // An operation may be done by the device with keys of one kind, and for it with keys of another.
      const named = abilities.filter(({ what }) => what === finding.name || what.startsWith(`${finding.name} `))
      return { ...finding, ...worst(named) }
    }),
    algorithms: algorithms.map((finding) => {
      const { hsm } = SPECS[finding.spec]
      const algorithm = finding.name.split(' ').at(-1)!
      const wanted = [hsm, algorithm === 'ECDH' ? `ECDH ${hsm}` : algorithm]
      return { ...finding, ...worst(wanted.map((what) => known.get(what) ?? none)) }
    }),
    abilities,
  }
}

const RANKS = ['impossible', 'emulated', 'native'] as const

/** Nobody can do what takes one thing that nobody can; what is emulated in part is emulated. */
function worst(parts: readonly Ability[]): Pick<Finding, 'support' | 'how'> {
  for (const support of RANKS) {
    const those = parts.filter((part) => part.support === support)
    const [first] = those
    if (!first) continue
    const hows = those.map(({ how }) => how).filter((how) => how !== undefined)
    return { support, ...(hows.length > 0 && { how: [...new Set(hows)].join('; ') }) }
  }
  return { support: 'native' }
}

/** A client that notes which operations have succeeded. */
function recording(client: Client, seen: Set<OperationName>): Client {
  const names = new Map((Object.keys(OPERATIONS) as OperationName[]).map((name) => [methodOf(name), name]))
  return new Proxy(client, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property)
      const name = names.get(String(property))
      if (name === undefined || typeof value !== 'function') return value
      return async (input: unknown) => {
        const output: unknown = await Reflect.apply(value, target, [input])
        seen.add(name)
        return output
      }
    },
  })
}

const methodOf = (name: string): string => name[0]!.toLowerCase() + name.slice(1)

async function trial(act: () => Promise<void>): Promise<string | undefined> {
  try {
    await act()
    return undefined
  } catch (error) {
    return error instanceof KmsError ? `${error.code}: ${error.message}` : String(error)
  }
}

const Message = Buffer.from('what the key is tried on')

/** Makes a key, and does with it and the algorithm all that they are for. */
async function roundTrip(kms: Client, spec: KeySpec, usage: KeyUsageType, algorithm: string): Promise<void> {
  const KeyId = (await kms.createKey({ KeySpec: spec, KeyUsage: usage })).KeyMetadata!.Arn!
  if (SPECS[spec].family === 'asymmetric') await kms.getPublicKey({ KeyId })
  await USES[usage](kms, KeyId, algorithm as never)
}

const USES: Readonly<Record<KeyUsageType, (kms: Client, KeyId: string, algorithm: never) => Promise<void>>> = {
  async ENCRYPT_DECRYPT(kms, KeyId, EncryptionAlgorithm) {
    const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext: Message, EncryptionAlgorithm })
    const { Plaintext } = await kms.decrypt({ KeyId, CiphertextBlob, EncryptionAlgorithm })
    same(Plaintext, Message)
  },
  async SIGN_VERIFY(kms, KeyId, SigningAlgorithm) {
    const prehashed = SigningAlgorithm === 'ED25519_PH_SHA_512'
    const message = prehashed
      ? ({ Message: createHash('sha512').update(Message).digest(), MessageType: 'DIGEST' } as const)
      : { Message }
    const { Signature } = await kms.sign({ KeyId, SigningAlgorithm, ...message })
    await kms.verify({ KeyId, SigningAlgorithm, ...message, Signature: Signature! })
  },
  async GENERATE_VERIFY_MAC(kms, KeyId, MacAlgorithm) {
    const { Mac } = await kms.generateMac({ KeyId, Message, MacAlgorithm })
    await kms.verifyMac({ KeyId, Message, MacAlgorithm, Mac: Mac! })
  },
  async KEY_AGREEMENT(kms, KeyId, KeyAgreementAlgorithm) {
    const { KeySpec } = (await kms.describeKey({ KeyId })).KeyMetadata!
    const peer = (await kms.createKey({ KeySpec, KeyUsage: 'KEY_AGREEMENT' })).KeyMetadata!.Arn!
    const agree = async (mine: string, theirs: string) => {
      const { PublicKey } = await kms.getPublicKey({ KeyId: theirs })
      return kms.deriveSharedSecret({ KeyId: mine, KeyAgreementAlgorithm, PublicKey: PublicKey! })
    }
    same((await agree(KeyId, peer)).SharedSecret, (await agree(peer, KeyId)).SharedSecret)
  },
  async ENCAPSULATE_DECAPSULATE(kms, KeyId, EncapsulationAlgorithm) {
    const made = await kms.encapsulate({ KeyId, EncapsulationAlgorithm })
    const SharedSecretCiphertextBlob = made.SharedSecretCiphertextBlob!
    const opened = await kms.decapsulate({ KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob })
    same(opened.SharedSecret, made.SharedSecret)
  },
}

/** Everything else there is to do, in an order in which it can be done. */
async function live(kms: Client): Promise<void> {
  const make = async (input = {}) => (await kms.createKey(input)).KeyMetadata!
  const { KeyId, Arn: arn, AWSAccountId } = await make()
  const TargetKeyId = (await make()).KeyId
  const GranteePrincipal = `arn:aws:iam::${AWSAccountId!}:root`

  await kms.generateRandom({ NumberOfBytes: 16 })
  await kms.generateDataKeyWithoutPlaintext({ KeyId, KeySpec: 'AES_256' })
  await kms.generateDataKeyPair({ KeyId, KeyPairSpec: 'ECC_NIST_P256' })
  await kms.generateDataKeyPairWithoutPlaintext({ KeyId, KeyPairSpec: 'ECC_NIST_P256' })
  const { CiphertextBlob } = await kms.generateDataKey({ KeyId, KeySpec: 'AES_256' })
  await kms.reEncrypt({ CiphertextBlob, DestinationKeyId: TargetKeyId })
  await kms.getKeyLastUsage({ KeyId })

  await kms.updateKeyDescription({ KeyId, Description: 'tried' })
  await kms.tagResource({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] })
  await kms.listResourceTags({ KeyId })
  await kms.untagResource({ KeyId, TagKeys: ['a'] })
  await kms.createAlias({ AliasName: 'alias/tried', TargetKeyId: KeyId })
  await kms.updateAlias({ AliasName: 'alias/tried', TargetKeyId })
  await kms.listAliases()
  await kms.deleteAlias({ AliasName: 'alias/tried' })
  await kms.listKeys()
  await kms.listKeyPolicies({ KeyId })
  const { Policy } = await kms.getKeyPolicy({ KeyId })
  await kms.putKeyPolicy({ KeyId, Policy: Policy! })

  const grant = () => kms.createGrant({ KeyId, GranteePrincipal, Operations: ['Decrypt'] })
  await kms.retireGrant({ KeyId: arn, GrantId: (await grant()).GrantId })
  await kms.revokeGrant({ KeyId, GrantId: (await grant()).GrantId! })
  await kms.listGrants({ KeyId })
  await kms.listRetirableGrants({ RetiringPrincipal: GranteePrincipal })

  await kms.enableKeyRotation({ KeyId })
  await kms.rotateKeyOnDemand({ KeyId })
  await kms.getKeyRotationStatus({ KeyId })
  await kms.listKeyRotations({ KeyId })
  await kms.disableKeyRotation({ KeyId })

  const imported = (await make({ Origin: 'EXTERNAL' })).KeyId
  const wrapping = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' } as const
  const { ImportToken, PublicKey } = await kms.getParametersForImport({ KeyId: imported, ...wrapping })
  const EncryptedKeyMaterial = publicEncrypt(
    {
      key: Buffer.from(PublicKey!),
      format: 'der',
      type: 'spki',
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: 'sha256',
    } as never,
    Buffer.alloc(32, 7),
  )
  const ExpirationModel = 'KEY_MATERIAL_DOES_NOT_EXPIRE'
  await kms.importKeyMaterial({ KeyId: imported, ImportToken: ImportToken!, EncryptedKeyMaterial, ExpirationModel })
  await kms.deleteImportedKeyMaterial({ KeyId: imported })

  const related = (await make({ MultiRegion: true })).KeyId
  await kms.replicateKey({ KeyId: related, ReplicaRegion: 'eu-west-3' })
  await kms.updatePrimaryRegion({ KeyId: related, PrimaryRegion: 'eu-west-3' })

  const { CustomKeyStoreId } = await kms.createCustomKeyStore({
    CustomKeyStoreName: 'tried',
    CloudHsmClusterId: CLUSTER,
    TrustAnchorCertificate: createAttester().root,
    KeyStorePassword: 'kmsPswd1',
  })
  await kms.describeCustomKeyStores({ CustomKeyStoreId })
  await kms.updateCustomKeyStore({ CustomKeyStoreId: CustomKeyStoreId!, NewCustomKeyStoreName: 'renamed' })
  await kms.connectCustomKeyStore({ CustomKeyStoreId: CustomKeyStoreId! })
  await reached('CONNECTED')
  await kms.disconnectCustomKeyStore({ CustomKeyStoreId: CustomKeyStoreId! })
  await reached('DISCONNECTED')
  await kms.deleteCustomKeyStore({ CustomKeyStoreId: CustomKeyStoreId! })

  await kms.disableKey({ KeyId })
  await kms.enableKey({ KeyId })
  await kms.scheduleKeyDeletion({ KeyId })
  await kms.cancelKeyDeletion({ KeyId })

  /** Connecting takes its time. */
  async function reached(state: ConnectionStateType): Promise<void> {
    for (let looks = 0; looks < 10_000; looks++) {
      const { CustomKeyStores } = await kms.describeCustomKeyStores({ CustomKeyStoreId })
      if (CustomKeyStores?.[0]?.ConnectionState === state) return
    }
  }
}

function same(one: Uint8Array | undefined, two: Uint8Array | undefined): void {
  if (!one || !two || Buffer.compare(one, two) !== 0) throw new Error('what came back is not what went in')
}
