/** Every operation of a key in every state of it, as AWS's table has it. */
import test from 'ava'
import { OPERATIONS as MODEL } from '../../src/model/kms.ts'
import { KmsError } from '../../src/index.ts'
import { NOTES, ROWS, STATELESS, STATES, type Row } from './states.ts'
import { ALIAS, Message, subject, type Subject } from './subject.ts'

type Ask = (key: Subject) => object

const POLICY = '{"Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"kms:*","Resource":"*"}}'
const GRANT = { GranteePrincipal: 'arn:aws:iam::000000000000:root', Operations: ['Decrypt'] }
const signing = { Message, SigningAlgorithm: 'ECDSA_SHA_256' }
const mac = { Message, MacAlgorithm: 'HMAC_SHA_256' }
const kem = { EncapsulationAlgorithm: 'ML_KEM' }
const wrapping = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' }

/** What an operation is asked besides the id of the key. */
const ASKS: Readonly<Record<string, Ask>> = {
  CreateGrant: () => GRANT,
  Decapsulate: ({ made }) => ({ ...kem, SharedSecretCiphertextBlob: made }),
  Decrypt: ({ made }) => ({ CiphertextBlob: made }),
  DeriveSharedSecret: ({ made }) => ({ PublicKey: made, KeyAgreementAlgorithm: 'ECDH' }),
  Encapsulate: () => kem,
  Encrypt: () => ({ Plaintext: Message }),
  GenerateDataKey: () => ({ KeySpec: 'AES_256' }),
  GenerateDataKeyWithoutPlaintext: () => ({ KeySpec: 'AES_256' }),
  GenerateDataKeyPair: () => ({ KeyPairSpec: 'ECC_NIST_P256' }),
  GenerateDataKeyPairWithoutPlaintext: () => ({ KeyPairSpec: 'ECC_NIST_P256' }),
  GenerateMac: () => mac,
  GetParametersForImport: () => wrapping,
  ImportKeyMaterial: ({ parcel }) => ({ ...parcel, ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' }),
  PutKeyPolicy: () => ({ Policy: POLICY }),
  ReplicateKey: () => ({ ReplicaRegion: 'us-west-2' }),
  RevokeGrant: ({ grant }) => ({ GrantId: grant }),
  Sign: () => signing,
  TagResource: () => ({ Tags: [{ TagKey: 'a', TagValue: '1' }] }),
  UntagResource: () => ({ TagKeys: ['a'] }),
  UpdateKeyDescription: () => ({ Description: 'x' }),
  UpdatePrimaryRegion: ({ elsewhere }) => ({ PrimaryRegion: elsewhere }),
  Verify: ({ made }) => ({ ...signing, Signature: made }),
  VerifyMac: ({ made }) => ({ ...mac, Mac: made }),
}

/** Operations that name the key in another way. */
const WHOLE: Readonly<Record<string, Ask>> = {
  'CreateAlias:': ({ id }) => ({ AliasName: 'alias/another', TargetKeyId: id }),
  'DeleteAlias:': () => ({ AliasName: ALIAS }),
  'ReEncrypt:source': ({ made, other }) => ({ CiphertextBlob: made, DestinationKeyId: other }),
  'RetireGrant:': ({ arn, grant }) => ({ KeyId: arn, GrantId: grant }),
  'UpdateAlias:from': ({ other }) => ({ AliasName: ALIAS, TargetKeyId: other }),
}

async function inputOf({ name, role }: Row, key: Subject): Promise<object> {
  if (name === 'ReEncrypt' && role === 'destination') {
    const { CiphertextBlob } = await key.room.encrypt({ KeyId: key.other, Plaintext: Message })
    return { CiphertextBlob, DestinationKeyId: key.id }
  }
  if (name === 'UpdateAlias' && role === 'to') {
    await key.room.createAlias({ AliasName: 'alias/other', TargetKeyId: key.other })
    return { AliasName: 'alias/other', TargetKeyId: key.id }
  }
  return WHOLE[`${name}:${role}`]?.(key) ?? { KeyId: key.id, ...ASKS[name]?.(key) }
}

async function outcomeOf(row: Row, key: Subject): Promise<string> {
  const method = `${row.name[0]!.toLowerCase()}${row.name.slice(1)}` as 'encrypt'
  try {
    await key.room[method]((await inputOf(row, key)) as never)
    return 'ok'
  } catch (error) {
    if (!(error instanceof KmsError)) throw error
    return `${error.code}: ${error.message}`
  }
}

for (const row of ROWS) {
  const { name, role, kind, cells } = row
  test(`${[name, role].filter(Boolean).join(' ')}, of a key that is ${kind}`, async (t) => {
    for (const state of STATES) {
      const cell = cells[state]
      if (cell === '-') continue
      const key = await subject(t, kind, state)
      const { KeyState } = (await key.room.describeKey({ KeyId: key.id })).KeyMetadata!
      t.is(KeyState, state)
      const [code, message] = NOTES[cell] ?? []
      const expected = cell === 'ok' ? cell : `${code!}: ${message!.replace('$', key.arn)}`
      t.is(await outcomeOf(row, key), expected, state)
    }
  })
}

test('the table has every operation of the model, but for those that touch no key', (t) => {
  const rows = new Set([...ROWS.map(({ name }) => name), ...STATELESS])
  t.deepEqual(
    Object.keys(MODEL).filter((name) => !rows.has(name as Row['name'])),
    [],
  )
  const cells = ROWS.flatMap((row) => Object.values(row.cells)).filter((cell) => cell !== '-')
  t.log(`${cells.length} cells in ${ROWS.length} rows`)
})
