/** Arguments that cannot be: NULL where something has to be, handles of nothing, keys and mechanisms of another kind. */
import type { Check } from '../check.ts'
import { V2_40, type FunctionName } from '../cryptoki/functions.ts'
import { mechanism, template, word, type Mechanism } from '../cryptoki/memory.ts'
import type { Argument } from '../cryptoki/module.ts'
import { CKF, CKM, CKO, CKR } from '../cryptoki/numbers.ts'
import type { Device, ReturnValue } from '../device.ts'
import { aesKey, ecPair, rsaPair } from '../keys.ts'
import { data, secret } from '../samples.ts'
import { FUNCTIONS_2_40, plausible, row, slug } from '../row.ts'

const NOWHERE = 0x7fff_ff00
const UNHEARD_OF = 0x7fff_fff0

interface Scene {
  readonly slot: number
  readonly session: number
  readonly object: number
  readonly key: number
}

const LABEL = template([{ type: 'LABEL', value: 'x' }])
const AES = template([{ type: 'VALUE_LEN', value: 32 }])
const GENERATE = mechanism({ type: 'AES_KEY_GEN' })
const ECB = mechanism({ type: 'AES_ECB' })
const room = (): Buffer => Buffer.alloc(256)

/** What is begun before the call, and the arguments with a NULL among them. */
const NULLS: readonly (readonly [FunctionName, string, (scene: Scene) => readonly Argument[], FunctionName?])[] = [
  ['C_GetInfo', 'info', () => [null]],
  ['C_GetSlotList', 'count', () => [1, null, null]],
  ['C_GetSlotInfo', 'info', ({ slot }) => [slot, null]],
  ['C_GetTokenInfo', 'info', ({ slot }) => [slot, null]],
  ['C_GetMechanismList', 'count', ({ slot }) => [slot, null, null]],
  ['C_GetMechanismInfo', 'info', ({ slot }) => [slot, CKM.AES_KEY_GEN, null]],
  ['C_OpenSession', 'handle', ({ slot }) => [slot, CKF.SERIAL_SESSION, null, null, null]],
  ['C_GetSessionInfo', 'info', ({ session }) => [session, null]],
  ['C_CreateObject', 'template', ({ session }) => [session, null, 1, word()]],
  ['C_CreateObject', 'handle', ({ session }) => [session, template([{ type: 'CLASS', value: CKO.DATA }]), 1, null]],
  ['C_CopyObject', 'template', ({ session, object }) => [session, object, null, 1, word()]],
  ['C_CopyObject', 'handle', ({ session, object }) => [session, object, LABEL, 1, null]],
  ['C_GetObjectSize', 'size', ({ session, object }) => [session, object, null]],
  ['C_GetAttributeValue', 'template', ({ session, object }) => [session, object, null, 1]],
  ['C_SetAttributeValue', 'template', ({ session, object }) => [session, object, null, 1]],
  ['C_FindObjectsInit', 'template', ({ session }) => [session, null, 1]],
  ['C_FindObjects', 'objects', ({ session }) => [session, null, 1, word()], 'C_FindObjectsInit'],
  ['C_FindObjects', 'count', ({ session }) => [session, room(), 1, null], 'C_FindObjectsInit'],
  ['C_Encrypt', 'length', ({ session }) => [session, room(), 16, room(), null], 'C_EncryptInit'],
  ['C_EncryptUpdate', 'part', ({ session }) => [session, null, 16, room(), word(256)], 'C_EncryptInit'],
  ['C_EncryptUpdate', 'length', ({ session }) => [session, room(), 16, room(), null], 'C_EncryptInit'],
  ['C_EncryptFinal', 'length', ({ session }) => [session, room(), null], 'C_EncryptInit'],
  ['C_Decrypt', 'length', ({ session }) => [session, room(), 16, room(), null], 'C_DecryptInit'],
  ['C_DecryptUpdate', 'part', ({ session }) => [session, null, 16, room(), word(256)], 'C_DecryptInit'],
  ['C_DecryptFinal', 'length', ({ session }) => [session, room(), null], 'C_DecryptInit'],
  ['C_DigestInit', 'mechanism', ({ session }) => [session, null]],
  ['C_Digest', 'data', ({ session }) => [session, null, 16, room(), word(256)], 'C_DigestInit'],
  ['C_Digest', 'length', ({ session }) => [session, room(), 16, room(), null], 'C_DigestInit'],
  ['C_DigestUpdate', 'part', ({ session }) => [session, null, 16], 'C_DigestInit'],
  ['C_DigestFinal', 'length', ({ session }) => [session, room(), null], 'C_DigestInit'],
  ['C_GenerateKey', 'mechanism', ({ session }) => [session, null, AES, 1, word()]],
  ['C_GenerateKey', 'template', ({ session }) => [session, GENERATE, null, 1, word()]],
  ['C_GenerateKey', 'handle', ({ session }) => [session, GENERATE, AES, 1, null]],
  ['C_GenerateKeyPair', 'mechanism', ({ session }) => [session, null, LABEL, 1, LABEL, 1, word(), word()]],
  ['C_WrapKey', 'mechanism', ({ session, key }) => [session, null, key, key, room(), word(256)]],
  ['C_WrapKey', 'length', ({ session, key }) => [session, ECB, key, key, room(), null]],
  ['C_UnwrapKey', 'mechanism', ({ session, key }) => [session, null, key, room(), 32, AES, 1, word()]],
  ['C_UnwrapKey', 'wrapped', ({ session, key }) => [session, ECB, key, null, 32, AES, 1, word()]],
  ['C_UnwrapKey', 'handle', ({ session, key }) => [session, ECB, key, room(), 32, AES, 1, null]],
  ['C_DeriveKey', 'mechanism', ({ session, key }) => [session, null, key, AES, 1, word()]],
  ['C_SeedRandom', 'seed', ({ session }) => [session, null, 8]],
  ['C_GenerateRandom', 'bytes', ({ session }) => [session, null, 8]],
]

/** A NULL mechanism gives up what is under way, since 3.0; nothing is, here. */
const CANCELLING = ['OK', 'OPERATION_NOT_INITIALIZED', 'OPERATION_CANCEL_FAILED'] as const
/** Refusals that say what they cannot, rather than that the argument is bad. */
const UNABLE = [
  'ARGUMENTS_BAD',
  'FUNCTION_NOT_SUPPORTED',
  'RANDOM_SEED_NOT_SUPPORTED',
  'WRAPPED_KEY_INVALID',
  'WRAPPED_KEY_LEN_RANGE',
] as const

const nulls = NULLS.map(([name, what, args, before]) =>
  row(
    `arguments.null.${slug(name)}.${what}`,
    'minor',
    name,
    `${name} refuses NULL for its ${what}`,
    (device) => {
      const scene = sceneOf(device)
      begin(device, scene, before)
      const cancels = name === 'C_DigestInit' && device.module.version.major >= 3 ? CANCELLING : []
      device.expect(device.call(name, ...args(scene)), ...UNABLE, ...cancels)
    },
    { needs: ['AES_KEY_GEN', 'AES_ECB', 'SHA256'] },
  ),
)

const first = FUNCTIONS_2_40.filter(
  (name) => V2_40[name].startsWith('u') && !/Slot|Token|Mechanism|OpenSession|AllSessions/.test(name),
)

const sessions = first.map((name) =>
  row(`arguments.session.${slug(name)}`, 'minor', name, `${name} knows no session that is not there`, (device) => {
    const [, ...rest] = plausible(V2_40[name])
    const old = ['C_GetFunctionStatus', 'C_CancelFunction'].includes(name) ? (['FUNCTION_NOT_PARALLEL'] as const) : []
    const rv = device.call(name, NOWHERE, ...rest)
    device.expect(rv, 'SESSION_HANDLE_INVALID', 'FUNCTION_NOT_SUPPORTED', ...old)
  }),
)

type Using = (device: Device, session: number, how: Mechanism, key: number) => number
const MESSAGE = Buffer.alloc(16)

/** What is done with keys, and the word of the function for a handle that is none. */
const USING: Readonly<Record<string, readonly [FunctionName, Mechanism, Using, ...ReturnValue[]]>> = {
  encrypt: [
    'C_EncryptInit',
    { type: 'AES_ECB' },
    (device, session, how, key) => device.encrypt(session, how, key, MESSAGE).rv,
  ],
  decrypt: [
    'C_DecryptInit',
    { type: 'AES_ECB' },
    (device, session, how, key) => device.decrypt(session, how, key, MESSAGE).rv,
  ],
  sign: [
    'C_SignInit',
    { type: 'SHA256_HMAC' },
    (device, session, how, key) => device.sign(session, how, key, MESSAGE).rv,
  ],
  verify: [
    'C_VerifyInit',
    { type: 'SHA256_HMAC' },
    (device, session, how, key) => device.verify(session, how, key, MESSAGE, Buffer.alloc(32)),
  ],
  wrap: [
    'C_WrapKey',
    { type: 'AES_KEY_WRAP' },
    (device, session, how, key) => device.wrap(session, how, key, aesKey(device, session, ['SIGN'])).rv,
    'WRAPPING_KEY_HANDLE_INVALID',
  ],
  unwrap: [
    'C_UnwrapKey',
    { type: 'AES_KEY_WRAP' },
    (device, session, how, key) => device.unwrap(session, how, key, Buffer.alloc(40), secret('AES')).rv,
    'UNWRAPPING_KEY_HANDLE_INVALID',
  ],
  wrapped: [
    'C_WrapKey',
    { type: 'AES_KEY_WRAP' },
    (device, session, how, key) => device.wrap(session, how, aesKey(device, session, ['WRAP']), key).rv,
  ],
  derive: [
    'C_DeriveKey',
    { type: 'SHA256_KEY_DERIVATION' },
    (device, session, how, key) => device.derive(session, how, key, secret('GENERIC_SECRET')).rv,
  ],
}

const UNFIT = [
  'KEY_TYPE_INCONSISTENT',
  'KEY_FUNCTION_NOT_PERMITTED',
  'KEY_NOT_WRAPPABLE',
  'KEY_UNEXTRACTABLE',
  'WRAPPING_KEY_TYPE_INCONSISTENT',
  'UNWRAPPING_KEY_TYPE_INCONSISTENT',
] as const

/** Handles that are no key for that: of nothing, of bytes, of a key of another kind. */
const WRONG: Readonly<
  Record<string, readonly [string, (device: Device, session: number) => number, ...ReturnValue[]]>
> = {
  nothing: ['that is not there', () => NOWHERE],
  zero: ['with the handle 0', () => 0],
  bytes: ['that is no key at all', (device, session) => device.create(session, data(device)).handle, ...UNFIT],
  'public-key': ['that is a public RSA key', (device, session) => publicKey(device, session), ...UNFIT],
}

const keys = Object.entries(USING).flatMap(([verb, [name, how, use, ...own]]) =>
  Object.entries(WRONG).map(([kind, [what, make, ...more]]) =>
    row(
      `arguments.key.${verb}.${kind}`,
      more.length === 0 ? 'note' : 'minor',
      name,
      `nothing is done with a key ${what} (${verb})`,
      (device) => {
        const session = device.session()
        device.expect(use(device, session, how, make(device, session)), 'KEY_HANDLE_INVALID', ...own, ...more)
      },
      {
        needs: [
          how.type as keyof typeof CKM,
          'AES_KEY_GEN',
          ...(kind === 'public-key' ? (['RSA_PKCS_KEY_PAIR_GEN'] as const) : []),
        ],
      },
    ),
  ),
)

/** Mechanisms that do something else than what is begun. */
const ELSEWHERE: Readonly<
  Record<string, readonly [FunctionName, Mechanism, (device: Device, session: number, how: Mechanism) => number]>
> = {
  encrypt: [
    'C_EncryptInit',
    { type: 'SHA256' },
    (device, session, how) => device.encrypt(session, how, aesKey(device, session, ['ENCRYPT']), MESSAGE).rv,
  ],
  decrypt: [
    'C_DecryptInit',
    { type: 'AES_KEY_GEN' },
    (device, session, how) => device.decrypt(session, how, aesKey(device, session, ['DECRYPT']), MESSAGE).rv,
  ],
  sign: [
    'C_SignInit',
    { type: 'AES_ECB' },
    (device, session, how) => device.sign(session, how, aesKey(device, session, ['SIGN']), MESSAGE).rv,
  ],
  verify: [
    'C_VerifyInit',
    { type: 'AES_ECB' },
    (device, session, how) => device.verify(session, how, aesKey(device, session, ['VERIFY']), MESSAGE, MESSAGE),
  ],
  digest: ['C_DigestInit', { type: 'AES_ECB' }, (device, session, how) => device.digest(session, how, MESSAGE).rv],
  generate: [
    'C_GenerateKey',
    { type: 'AES_ECB' },
    (device, session, how) => device.generate(session, how, [{ type: 'VALUE_LEN', value: 32 }]).rv,
  ],
  'generate-pair': [
    'C_GenerateKeyPair',
    { type: 'AES_KEY_GEN' },
    (device, session, how) => device.generatePair(session, how, [], []).rv,
  ],
  wrap: [
    'C_WrapKey',
    { type: 'SHA256' },
    (device, session, how) =>
      device.wrap(session, how, aesKey(device, session, ['WRAP']), aesKey(device, session, ['SIGN'])).rv,
  ],
  unwrap: [
    'C_UnwrapKey',
    { type: 'SHA256' },
    (device, session, how) =>
      device.unwrap(session, how, aesKey(device, session, ['UNWRAP']), Buffer.alloc(40), secret('AES')).rv,
  ],
  derive: [
    'C_DeriveKey',
    { type: 'AES_KEY_GEN' },
    (device, session, how) => device.derive(session, how, aesKey(device, session, ['DERIVE']), secret('AES')).rv,
  ],
}

const mechanisms = Object.entries(ELSEWHERE).flatMap(([verb, [name, other, use]]) =>
  (
    [
      ['other', other],
      ['unknown', { type: UNHEARD_OF }],
    ] as const
  ).map(([kind, how]) =>
    row(
      `arguments.mechanism.${verb}.${kind}`,
      'minor',
      name,
      `${name} refuses ${kind === 'other' ? 'a mechanism of another kind' : 'a mechanism that there is not'}`,
      (device) => device.expect(use(device, device.session(), how), 'MECHANISM_INVALID'),
      { needs: ['AES_KEY_GEN'] },
    ),
  ),
)

/** Parameters that are missing, or of the wrong size. */
const PARAMETERS: readonly (readonly [string, keyof typeof CKM, Buffer | undefined])[] = [
  ['none', 'AES_CBC', undefined],
  ['short', 'AES_CBC', Buffer.alloc(15)],
  ['long', 'AES_CBC', Buffer.alloc(17)],
  ['none', 'AES_CBC_PAD', undefined],
  ['none', 'AES_CTR', undefined],
  ['short', 'AES_CTR', Buffer.alloc(8)],
  ['none', 'AES_GCM', undefined],
  ['short', 'AES_GCM', Buffer.alloc(8)],
  ['none', 'RSA_PKCS_OAEP', undefined],
  ['short', 'RSA_PKCS_OAEP', Buffer.alloc(8)],
  ['none', 'RSA_PKCS_PSS', undefined],
  ['short', 'RSA_PKCS_PSS', Buffer.alloc(8)],
  ['none', 'ECDH1_DERIVE', undefined],
  ['short', 'ECDH1_DERIVE', Buffer.alloc(8)],
]

const parameters = PARAMETERS.map(([kind, type, parameter]) =>
  row(
    `arguments.parameter.${slug(type)}.${kind}`,
    'minor',
    '5.1.6 All other Cryptoki function return values, CKR_MECHANISM_PARAM_INVALID',
    `CKM_${type} refuses ${kind === 'none' ? 'to go without its parameter' : `a parameter that is too ${kind}`}`,
    (device) => {
      const rv = withParameter(device, { type, parameter })
      device.expect(rv, 'MECHANISM_PARAM_INVALID')
    },
    { needs: [type] },
  ),
)

export const ARGUMENTS: readonly Check[] = [...nulls, ...sessions, ...keys, ...mechanisms, ...parameters]

function sceneOf(device: Device): Scene {
  const session = device.session()
  const object = device.create(session, data(device)).handle
  return {
    slot: device.slot,
    session,
    object,
    key: aesKey(device, session, ['ENCRYPT', 'DECRYPT', 'WRAP', 'UNWRAP', 'DERIVE']),
  }
}

function begin(device: Device, { session, key }: Scene, name: FunctionName | undefined): void {
  if (name === undefined) return
  const how = name === 'C_DigestInit' ? mechanism({ type: 'SHA256' }) : ECB
  const args = { C_FindObjectsInit: [null, 0], C_DigestInit: [how] }[name as string] ?? [how, key]
  device.expect(device.call(name, session, ...args), 'OK')
}

function withParameter(device: Device, how: Mechanism): number {
  const session = device.session()
  const type = String(how.type)
  if (type.startsWith('AES')) return device.encrypt(session, how, aesKey(device, session, ['ENCRYPT']), MESSAGE).rv
  if (type.startsWith('ECDH')) {
    const { rv, privateKey } = ecPair(device, session, 'secp256r1', ['VERIFY'], ['DERIVE'])
    return rv === CKR.OK ? device.derive(session, how, privateKey, secret('GENERIC_SECRET')).rv : rv
  }
  const { publicKey, privateKey } = rsaPair(device, session, ['ENCRYPT'], ['SIGN'])
  return type.endsWith('PSS')
    ? device.sign(session, how, privateKey, Buffer.alloc(32)).rv
    : device.encrypt(session, how, publicKey, MESSAGE).rv
}

function publicKey(device: Device, session: number): number {
  return rsaPair(device, session, ['ENCRYPT', 'VERIFY', 'WRAP'], ['DECRYPT']).publicKey
}
