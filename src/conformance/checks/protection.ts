/** What keeps a key in the token: values that are not told, and attributes that go one way only. */
import type { Check } from '../check.ts'
import { mechanism, template, type Attribute, type Template } from '../cryptoki/memory.ts'
import { CKM, CKR, type CKA } from '../cryptoki/numbers.ts'
import type { Device, Handled } from '../device.ts'
import { aesKey, CURVES, hex, importedOrSkip, SESSION } from '../keys.ts'
import { secret, sensitiveKey } from '../samples.ts'
import { row, slug } from '../row.ts'

const SENSITIVE = '4.9 Private key objects'
const SECRET = '4.10 Secret key objects'
const TRUST = '4.10 Secret key objects, CKA_WRAP_WITH_TRUSTED'
const NEVER = ['ATTRIBUTE_READ_ONLY', 'TEMPLATE_INCONSISTENT', 'ACTION_PROHIBITED', 'ATTRIBUTE_VALUE_INVALID'] as const
const TRUSTED = { type: 'TRUSTED', value: true } as const
const CLOSED: Template = [
  { type: 'PRIVATE', value: true },
  { type: 'SENSITIVE', value: true },
  { type: 'EXTRACTABLE', value: false },
]

/** The parts of keys that are nobody's business, by how such a key is made. */
const PARTS = {
  rsa: [
    'RSA_PKCS_KEY_PAIR_GEN',
    [
      { type: 'MODULUS_BITS', value: 2048 },
      { type: 'PUBLIC_EXPONENT', value: Buffer.of(1, 0, 1) },
    ],
    ['PRIVATE_EXPONENT', 'PRIME_1', 'PRIME_2', 'EXPONENT_1', 'EXPONENT_2', 'COEFFICIENT'],
  ],
  ec: ['EC_KEY_PAIR_GEN', [{ type: 'EC_PARAMS', value: hex(CURVES.secp256r1.oid) }], ['VALUE']],
  edwards: ['EC_EDWARDS_KEY_PAIR_GEN', [{ type: 'EC_PARAMS', value: hex(CURVES.edwards25519.oid) }], ['VALUE']],
} as const

const parts = Object.entries(PARTS).flatMap(([kind, [generator, open, secrets]]) =>
  secrets.map((type) =>
    row(
      `protection.sensitive.${kind}.${slug(type)}`,
      'critical',
      SENSITIVE,
      `CKA_${type} of a sensitive ${kind.toUpperCase()} key is not told`,
      (device) => {
        const session = device.session()
        const { rv, privateKey } = device.generatePair(
          session,
          { type: generator },
          [...open, ...SESSION],
          [...SESSION, ...CLOSED],
        )
        device.expect(rv, 'OK')
        untold(device, session, privateKey, type)
      },
      { needs: [generator] },
    ),
  ),
)

/** How each kind of secret key is made. */
const SECRETS = {
  'aes-generated': (device: Device, session: number) => sensitiveKey(device, session, false),
  'aes-extractable': (device: Device, session: number) => sensitiveKey(device, session, true),
  'aes-imported': (device: Device, session: number) => importedClosed(device, session, 'AES'),
  'generic-imported': (device: Device, session: number) => importedClosed(device, session, 'GENERIC_SECRET'),
} as const

const secrets = Object.entries(SECRETS).map(([kind, make]) =>
  row(
    `protection.sensitive.${kind}`,
    'critical',
    SECRET,
    `the value of a sensitive key (${kind}) is not told`,
    (device) => {
      const session = device.session()
      untold(device, session, make(device, session), 'VALUE')
    },
    { needs: kind.endsWith('imported') ? [] : ['AES_KEY_GEN'] },
  ),
)

/** Steps that a closed key must not take, in its place and in a copy. */
const OPENING: readonly (readonly [string, Attribute])[] = [
  ['sensitive', { type: 'SENSITIVE', value: false }],
  ['extractable', { type: 'EXTRACTABLE', value: true }],
]

const opening = OPENING.flatMap(([name, attribute]) => [
  row(
    `protection.set.${name}`,
    'critical',
    SECRET,
    `a closed key does not become ${name === 'sensitive' ? 'readable' : name}`,
    (device) => {
      const session = device.session()
      const key = sensitiveKey(device, session, false)
      refused(device, device.set(session, key, [attribute]))
      untold(device, session, key, 'VALUE')
    },
    { needs: ['AES_KEY_GEN'] },
  ),
  row(
    `protection.copy.${name}`,
    'critical',
    '4.1.3 Copying objects',
    `the copy of a closed key is not ${name === 'sensitive' ? 'readable' : name}`,
    (device) => {
      const session = device.session()
      const key = sensitiveKey(device, session, false)
      refused(device, device.copy(session, key, [attribute]).rv)
    },
    { needs: ['AES_KEY_GEN'] },
  ),
  row(
    `protection.create-copy.${name}`,
    'minor',
    '4.1.3 Copying objects',
    `a key that is closed in its copy (${name}) stays closed there`,
    (device) => {
      const session = device.session()
      const key = aesKey(device, session, ['ENCRYPT'])
      const { rv, handle } = device.copy(session, key, [{ type: attribute.type, value: !attribute.value }])
      device.expect(rv, 'OK')
      refused(device, device.set(session, handle, [attribute]))
    },
    { needs: ['AES_KEY_GEN'] },
  ),
])

const wrapping: readonly Check[] = [
  row(
    'protection.unextractable',
    'critical',
    'C_WrapKey',
    'a key that is not extractable is not wrapped',
    (device) => {
      const session = device.session()
      const { rv } = device.wrap(
        session,
        { type: 'AES_KEY_WRAP' },
        aesKey(device, session, ['WRAP']),
        sensitiveKey(device, session, false),
      )
      device.expect(rv, 'KEY_UNEXTRACTABLE', 'KEY_NOT_WRAPPABLE')
    },
    { needs: ['AES_KEY_GEN', 'AES_KEY_WRAP'] },
  ),
  row(
    'protection.digest',
    'note',
    'C_DigestKey',
    'not even the digest of a sensitive key is told',
    (device) => {
      const session = device.session()
      const key = sensitiveKey(device, session, false)
      device.expect(device.call('C_DigestInit', session, mechanism({ type: 'SHA256' })), 'OK')
      device.expect(
        device.call('C_DigestKey', session, key),
        'KEY_INDIGESTIBLE',
        'KEY_HANDLE_INVALID',
        'FUNCTION_NOT_SUPPORTED',
        'KEY_FUNCTION_NOT_PERMITTED',
      )
    },
    { needs: ['AES_KEY_GEN', 'SHA256'] },
  ),
]

/** Ways that a user might give a key the trust that only the security officer gives. */
const TRUSTING: Readonly<Record<string, (device: Device, session: number) => Handled>> = {
  create: (device, session) =>
    device.create(session, secret('AES', { type: 'VALUE', value: Buffer.alloc(32, 7) }, TRUSTED)),
  generate: (device, session) =>
    device.generate(session, { type: 'AES_KEY_GEN' }, [{ type: 'VALUE_LEN', value: 32 }, TRUSTED]),
  set: (device, session) => {
    const handle = aesKey(device, session, ['WRAP'])
    return { handle, rv: device.set(session, handle, [TRUSTED]) }
  },
  copy: (device, session) => device.copy(session, aesKey(device, session, ['WRAP']), [TRUSTED]),
}

const trust: readonly Check[] = [
  ...Object.entries(TRUSTING).map(([name, attempt]) =>
    row(
      `protection.trusted.${name}`,
      'critical',
      SECRET,
      `the user does not ${name} a key that is trusted`,
      (device) => {
        const session = device.session()
        const { rv, handle } = attempt(device, session)
        const trusted = rv === CKR.OK && device.get(session, handle, 'TRUSTED').bytes[0] === 1
        if (!trusted) device.expect(rv, 'OK', ...NEVER, 'USER_NOT_LOGGED_IN', 'ATTRIBUTE_TYPE_INVALID')
        device.require(!trusted, 'an error, or a key that is not trusted', 'CKR_OK, and CKA_TRUSTED true')
      },
      { needs: ['AES_KEY_GEN'] },
    ),
  ),
  row(
    'protection.wrap-with-trusted',
    'critical',
    TRUST,
    'a key that wants a trusted key is wrapped by no other',
    (device) => {
      const session = device.session()
      const key = sensitiveKey(device, session, true, { type: 'WRAP_WITH_TRUSTED', value: true })
      const { rv } = device.wrap(session, { type: 'AES_KEY_WRAP' }, aesKey(device, session, ['WRAP']), key)
      device.expect(rv, 'KEY_NOT_WRAPPABLE', 'WRAPPING_KEY_HANDLE_INVALID', 'KEY_UNEXTRACTABLE')
    },
    { needs: ['AES_KEY_GEN', 'AES_KEY_WRAP'] },
  ),
  row(
    'protection.wrap-with-trusted.set',
    'critical',
    TRUST,
    'a key that wants a trusted key goes on to',
    (device) => {
      const session = device.session()
      const key = sensitiveKey(device, session, true, { type: 'WRAP_WITH_TRUSTED', value: true })
      refused(device, device.set(session, key, [{ type: 'WRAP_WITH_TRUSTED', value: false }]))
    },
    { needs: ['AES_KEY_GEN'] },
  ),
  row(
    'protection.wrap-with-trusted.copy',
    'critical',
    TRUST,
    'the copy of a key that wants a trusted key does so, too',
    (device) => {
      const session = device.session()
      const key = sensitiveKey(device, session, true, { type: 'WRAP_WITH_TRUSTED', value: true })
      const { rv, handle } = device.copy(session, key, [{ type: 'WRAP_WITH_TRUSTED', value: false }])
      if (rv === CKR.OK) {
        const kept = device.get(session, handle, 'WRAP_WITH_TRUSTED').bytes[0] === 1
        device.require(kept, 'refused, or kept', 'CKR_OK, and not kept')
      } else refused(device, rv)
    },
    { needs: ['AES_KEY_GEN'] },
  ),
]

const kept: readonly Check[] = [
  row(
    'protection.allowed-mechanisms',
    'major',
    '4.7 Key objects, CKA_ALLOWED_MECHANISMS',
    'a key works with the mechanisms that it allows, and no other',
    (device) => {
      const session = device.session()
      const key = withOptional(device, session, { type: 'ALLOWED_MECHANISMS', value: [CKM.AES_CBC] })
      const allowed = device.encrypt(session, { type: 'AES_CBC', parameter: Buffer.alloc(16) }, key, Buffer.alloc(16))
      device.expect(allowed.rv, 'OK')
      const { rv } = device.encrypt(session, { type: 'AES_ECB' }, key, Buffer.alloc(16))
      device.expect(rv, 'MECHANISM_INVALID', 'KEY_FUNCTION_NOT_PERMITTED', 'KEY_TYPE_INCONSISTENT', 'ACTION_PROHIBITED')
    },
    { needs: ['AES_KEY_GEN', 'AES_CBC', 'AES_ECB'] },
  ),
  row(
    'protection.allowed-mechanisms.set',
    'minor',
    '4.7 Key objects, CKA_ALLOWED_MECHANISMS',
    'a key that allows a mechanism does not come to allow another',
    (device) => {
      const session = device.session()
      const key = withOptional(device, session, { type: 'ALLOWED_MECHANISMS', value: [CKM.AES_CBC] })
      refused(device, device.set(session, key, [{ type: 'ALLOWED_MECHANISMS', value: [CKM.AES_CBC, CKM.AES_ECB] }]))
    },
    { needs: ['AES_KEY_GEN'] },
  ),
  row(
    'protection.wrap-template',
    'major',
    '4.10 Secret key objects, CKA_WRAP_TEMPLATE',
    'a key wraps what its template fits, and nothing else',
    (device) => {
      const session = device.session()
      const wrapper = withOptional(device, session, { type: 'WRAP_TEMPLATE', value: [{ type: 'SIGN', value: true }] })
      const { rv } = device.wrap(
        session,
        { type: 'AES_KEY_WRAP' },
        wrapper,
        aesKey(device, session, ['ENCRYPT'], 32, { type: 'SIGN', value: false }),
      )
      device.expect(
        rv,
        'KEY_HANDLE_INVALID',
        'KEY_NOT_WRAPPABLE',
        'KEY_FUNCTION_NOT_PERMITTED',
        'TEMPLATE_INCONSISTENT',
        'ACTION_PROHIBITED',
      )
    },
    { needs: ['AES_KEY_GEN', 'AES_KEY_WRAP'] },
  ),
  row(
    'protection.unwrap-template',
    'major',
    '4.10 Secret key objects, CKA_UNWRAP_TEMPLATE',
    'what a key unwraps is as its template says',
    (device) => {
      const session = device.session()
      const wrapper = withOptional(device, session, {
        type: 'UNWRAP_TEMPLATE',
        value: [{ type: 'SENSITIVE', value: true }],
      })
      const { rv, bytes } = device.wrap(
        session,
        { type: 'AES_KEY_WRAP' },
        wrapper,
        aesKey(device, session, ['ENCRYPT']),
      )
      device.expect(rv, 'OK')
      const open = device.unwrap(
        session,
        { type: 'AES_KEY_WRAP' },
        wrapper,
        bytes,
        secret('AES', { type: 'SENSITIVE', value: false }),
      )
      if (open.rv === CKR.OK) untold(device, session, open.handle, 'VALUE')
      else refused(device, open.rv)
    },
    { needs: ['AES_KEY_GEN', 'AES_KEY_WRAP'] },
  ),
]

export const PROTECTION: readonly Check[] = [...parts, ...secrets, ...opening, ...wrapping, ...trust, ...kept]

/** A key that wraps and more, with an attribute that a token may not have. */
function withOptional(device: Device, session: number, attribute: Attribute): number {
  const uses = (['ENCRYPT', 'WRAP', 'UNWRAP'] as const).map((type) => ({ type, value: true }))
  const { rv, handle } = device.generate(session, { type: 'AES_KEY_GEN' }, [
    { type: 'VALUE_LEN', value: 32 },
    ...uses,
    attribute,
  ])
  if (rv === CKR.ATTRIBUTE_TYPE_INVALID) device.skip(`the token has no CKA_${attribute.type}`)
  device.expect(rv, 'OK')
  return handle
}

function importedClosed(device: Device, session: number, type: 'AES' | 'GENERIC_SECRET'): number {
  const key = secret(type, { type: 'VALUE', value: Buffer.alloc(32, 7) }, ...CLOSED)
  return importedOrSkip(device, session, key, 'a sensitive key')
}

/** Says so unless the token keeps it to itself: by its answer, and by what it wrote. */
function untold(device: Device, session: number, key: number, type: keyof typeof CKA): void {
  const place = Buffer.alloc(1024)
  const rv = device.call('C_GetAttributeValue', session, key, template([{ type, value: place }]), 1)
  device.expect(rv, 'ATTRIBUTE_SENSITIVE')
  device.require(
    place.every((byte) => byte === 0),
    'nothing written',
    'bytes written',
  )
}

function refused(device: Device, rv: number): void {
  device.expect(rv, ...NEVER)
}
