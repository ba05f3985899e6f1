/** The profiles of the OASIS PKCS#11 Profiles specification, 3.1: what each wants, and whether the token says that it fulfils it. */
import { createPublicKey, verify } from 'node:crypto'
import type { Check, Profile } from '../check.ts'
import type { FunctionName } from '../cryptoki/functions.ts'
import { template, word, WORD, wordIn } from '../cryptoki/memory.ts'
import { CKF, CKO, CKP, CKR } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { rsaPair } from '../keys.ts'
import { row, slug } from '../row.ts'

const TITLES = {
  baseline: 'Baseline Provider',
  extended: 'Extended Provider',
  authentication: 'Authentication Token',
} as const
const IDS = {
  baseline: 'BASELINE_PROVIDER',
  extended: 'EXTENDED_PROVIDER',
  authentication: 'AUTHENTICATION_TOKEN',
} as const

/** What the mandatory test cases of each profile call (BL-M-1-31, EXT-M-1-31, AUTH-M-1-31). */
const BASELINE = [
  'C_Initialize',
  'C_Finalize',
  'C_GetInfo',
  'C_GetSlotList',
  'C_GetSlotInfo',
  'C_GetTokenInfo',
  'C_OpenSession',
  'C_CloseSession',
  'C_CloseAllSessions',
  'C_FindObjectsInit',
  'C_FindObjects',
  'C_FindObjectsFinal',
  'C_GetAttributeValue',
] as const
const EXTENDED = [...BASELINE, 'C_GetMechanismList', 'C_GetMechanismInfo', 'C_Login', 'C_Logout'] as const
const AUTHENTICATION = [...BASELINE, 'C_Login', 'C_Logout', 'C_SignInit', 'C_Sign'] as const
const FUNCTIONS: Readonly<Record<Profile, readonly FunctionName[]>> = {
  baseline: BASELINE,
  extended: EXTENDED,
  authentication: AUTHENTICATION,
}

const profiles = Object.keys(FUNCTIONS) as Profile[]

const functions = profiles.map((profile) =>
  of(profile, 'functions', 'major', 'has every function that its test case calls', (device) => {
    const missing = FUNCTIONS[profile].filter((name) => !device.module.has(name))
    device.require(missing.length === 0, 'all of them', `no ${missing.join(', ')}`)
  }),
)

const objects = profiles.map((profile) =>
  of(profile, 'object', 'note', 'is told of by an object of the token', (device) => {
    if (device.module.version.major < 3)
      device.skip('the module is of a version before 3.0, which knows no such objects')
    const found = profilesOf(device)
    device.require(found.includes(CKP[IDS[profile]]), `CKP_${IDS[profile]}`, found.join(', ') || 'none')
  }),
)

const stories: readonly Check[] = [
  of('baseline', 'story', 'major', 'is fulfilled by the calls of BL-M-1', (device) => {
    slots(device)
    const { rv, handle } = device.open(CKF.SERIAL_SESSION)
    device.expect(rv, 'OK')
    found(device, handle)
    closed(device, handle)
  }),
  of('extended', 'story', 'major', 'is fulfilled by the calls of EXT-M-1', (device) => {
    slots(device)
    for (const type of device.mechanisms.keys())
      device.expect(device.call('C_GetMechanismInfo', device.slot, type, Buffer.alloc(3 * WORD)), 'OK')
    const session = device.session()
    found(device, session)
    device.expect(device.call('C_Logout', session), 'OK')
    closed(device, session)
  }),
  of(
    'authentication',
    'story',
    'major',
    'is fulfilled by the calls of AUTH-M-1',
    (device) => {
      slots(device)
      const session = device.session()
      const { rv, publicKey, privateKey } = rsaPair(device, session, ['VERIFY'], ['SIGN'])
      device.expect(rv, 'OK')
      const text = Buffer.from('who goes there')
      const signature = device.sign(session, { type: 'SHA256_RSA_PKCS' }, privateKey, text)
      device.expect(signature.rv, 'OK')
      const [modulus, exponent] = (['MODULUS', 'PUBLIC_EXPONENT'] as const).map(
        (type) => device.get(session, publicKey, type).bytes,
      )
      const key = createPublicKey({ key: pkcs1(modulus!, exponent!), format: 'der', type: 'pkcs1' })
      device.require(verify('sha256', text, key, signature.bytes), 'a signature that holds', 'one that does not')
      device.expect(device.call('C_Logout', session), 'OK')
      closed(device, session)
    },
    ['RSA_PKCS_KEY_PAIR_GEN', 'SHA256_RSA_PKCS'],
  ),
]

/** What of the profiles is more than their test cases. */
const more: readonly Check[] = [
  of('baseline', 'interface', 'major', 'gives its functions as an interface as well', (device) => {
    if (device.module.version.major < 3) device.skip('the module is of a version before 3.0, which knows no interfaces')
    const place = word()
    device.expect(device.call('C_GetInterface', Buffer.from('PKCS 11\0'), null, place, 0), 'OK')
    device.require(wordIn(place) !== 0, 'an interface', 'NULL')
  }),
  of('extended', 'mechanisms', 'major', 'announces a mechanism at least', (device) =>
    device.require(device.mechanisms.size > 0, 'at least 1', '0'),
  ),
  row(
    'profile.objects.read-only',
    'minor',
    '4.13 Profile objects',
    'nobody makes the token say that it fulfils a profile',
    (device) => {
      if (device.module.version.major < 3)
        device.skip('the module is of a version before 3.0, which knows no such objects')
      const { rv } = device.create(device.session(), [
        { type: 'CLASS', value: CKO.PROFILE },
        { type: 'PROFILE_ID', value: CKP.COMPLETE_PROVIDER },
      ])
      device.require(rv !== CKR.OK, 'an error', 'CKR_OK')
    },
  ),
  row(
    'profile.objects.known',
    'minor',
    '4.13 Profile objects',
    'the profiles that the token tells of are profiles',
    (device) => {
      const known = [
        CKP.BASELINE_PROVIDER,
        CKP.EXTENDED_PROVIDER,
        CKP.AUTHENTICATION_TOKEN,
        CKP.PUBLIC_CERTIFICATES_TOKEN,
        CKP.COMPLETE_PROVIDER,
        CKP.HKDF_TLS_TOKEN,
      ] as readonly number[]
      const strange = profilesOf(device).filter((id) => !known.includes(id) && id < CKP.VENDOR_DEFINED)
      device.require(strange.length === 0, 'profiles of the standard', strange.join(', '))
    },
  ),
]

export const PROFILES: readonly Check[] = [...functions, ...objects, ...stories, ...more]

function of(
  profile: Profile,
  what: string,
  severity: Check['severity'],
  title: string,
  run: (device: Device) => void,
  needs: NonNullable<Check['needs']> = [],
): Check {
  const check = row(`profile.${profile}.${slug(what)}`, severity, '', `the ${TITLES[profile]} profile ${title}`, run, {
    needs,
  })
  return { ...check, clause: `PKCS#11 Profiles 3.1, ${TITLES[profile]}`, profiles: [profile] }
}

/** Their numbers, of all that the token has objects of. */
function profilesOf(device: Device): number[] {
  const session = device.session()
  return device
    .find(session, [{ type: 'CLASS', value: CKO.PROFILE }])
    .map((object) => device.get(session, object, 'PROFILE_ID').bytes)
    .filter(({ length }) => length === WORD)
    .map((bytes) => wordIn(bytes))
}

function slots(device: Device): void {
  device.expect(device.call('C_GetInfo', Buffer.alloc(88)), 'OK')
  device.expect(device.call('C_GetSlotList', 1, null, word()), 'OK')
  device.expect(device.call('C_GetSlotInfo', device.slot, Buffer.alloc(112)), 'OK')
  device.expect(device.call('C_GetTokenInfo', device.slot, Buffer.alloc(208)), 'OK')
}

function found(device: Device, session: number): void {
  device.expect(device.call('C_FindObjectsInit', session, template([{ type: 'TOKEN', value: true }]), 1), 'OK')
  device.expect(device.call('C_FindObjects', session, Buffer.alloc(WORD), 1, word()), 'OK')
  device.expect(device.call('C_FindObjectsFinal', session), 'OK')
}

function closed(device: Device, session: number): void {
  device.expect(device.call('C_CloseSession', session), 'OK')
  device.expect(device.call('C_CloseAllSessions', device.slot), 'OK')
}

/** An RSAPublicKey as DER. */
function pkcs1(modulus: Buffer, exponent: Buffer): Buffer {
  const body = Buffer.concat([integer(modulus), integer(exponent)])
  return Buffer.concat([Buffer.of(0x30, 0x82, body.length >> 8, body.length & 0xff), body])
}

function integer(bytes: Buffer): Buffer {
  const positive = bytes[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes
  const length = positive.length < 0x80 ? [positive.length] : [0x82, positive.length >> 8, positive.length & 0xff]
  return Buffer.concat([Buffer.of(2, ...length), positive])
}
