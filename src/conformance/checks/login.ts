/** Logging in and out, and what it shows and hides. One wrong PIN is tried in all of a run, and a right one after it. */
import type { Check } from '../check.ts'
import { pin } from '../cryptoki/module.ts'
import { CKF } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { aesKey } from '../keys.ts'
import { data, otherPin, secret } from '../samples.ts'
import { row } from '../row.ts'
import { stateIs, stateOf, tokenFlags } from '../told.ts'

const RO = CKF.SERIAL_SESSION
const PRIVATE = { type: 'PRIVATE', value: true } as const
const PUBLIC = { type: 'PRIVATE', value: false } as const

const users: readonly Check[] = [
  row(
    'login.user',
    'critical',
    'C_Login',
    'the user logs in with the PIN',
    (device) => {
      device.expect(device.login(opened(device)), 'OK')
    },
    { profiles: ['extended', 'authentication'] },
  ),
  row('login.twice', 'major', 'C_Login', 'who is logged in is told so', (device) =>
    device.expect(device.login(device.session()), 'USER_ALREADY_LOGGED_IN'),
  ),
  row('login.twice.elsewhere', 'major', 'C_Login', 'who is logged in in one session is in all', (device) => {
    device.session()
    device.expect(device.login(opened(device)), 'USER_ALREADY_LOGGED_IN')
  }),
  row('login.shared', 'critical', 'C_Login', 'a login counts for sessions from before and after', (device) => {
    const before = opened(device)
    device.session()
    for (const each of [before, opened(device)]) stateIs(device, each, 'RW_USER_FUNCTIONS')
  }),
  row('login.user-type', 'minor', 'C_Login', 'a user of no kind is refused', (device) =>
    device.expect(device.call('C_Login', opened(device), 99, pin(device.pin), device.pin.length), 'USER_TYPE_INVALID'),
  ),
  row('login.context-specific', 'minor', 'C_Login', 'who logs in for an operation has to have begun one', (device) =>
    device.expect(device.login(device.session(), device.pin, 'CONTEXT_SPECIFIC'), 'OPERATION_NOT_INITIALIZED'),
  ),
  row('login.no-pin', 'minor', 'C_Login', 'no PIN is no login where PINs are not typed in elsewhere', (device) => {
    if ((tokenFlags(device) & CKF.PROTECTED_AUTHENTICATION_PATH) !== 0) device.skip('the PIN is typed in elsewhere')
    const session = opened(device)
    const rv = device.call('C_Login', session, 1, null, 6)
    device.expect(device.login(session), 'OK')
    device.expect(rv, 'ARGUMENTS_BAD', 'PIN_INCORRECT', 'PIN_LEN_RANGE', 'PIN_INVALID')
  }),
  row(
    'login.wrong-pin',
    'critical',
    'C_Login',
    'a wrong PIN is incorrect, logs nobody in, and the right one works after it',
    (device) => {
      const session = opened(device)
      const rv = device.login(session, otherPin(device))
      const state = stateOf(device, session)
      const right = device.login(session)
      device.expect(rv, 'PIN_INCORRECT')
      device.require(state === 'CKS_RW_PUBLIC_SESSION', 'CKS_RW_PUBLIC_SESSION', state)
      device.expect(right, 'OK')
      device.require((tokenFlags(device) & CKF.USER_PIN_COUNT_LOW) === 0, 'CKF_USER_PIN_COUNT_LOW clear', 'still set')
    },
  ),
  row('login.handle', 'minor', 'C_Login', 'nobody logs in to a session that is not there', (device) =>
    device.expect(device.login(0x7fff_ff00), 'SESSION_HANDLE_INVALID'),
  ),
]

const leaving: readonly Check[] = [
  row(
    'logout',
    'critical',
    'C_Logout',
    'who logs out is logged out of all sessions',
    (device) => {
      const [one, other] = [device.session(), device.session()]
      device.expect(device.call('C_Logout', one), 'OK')
      for (const each of [one, other]) stateIs(device, each, 'RW_PUBLIC_SESSION')
    },
    { profiles: ['extended', 'authentication'] },
  ),
  row('logout.nobody', 'minor', 'C_Logout', 'who is not logged in is told so', (device) =>
    device.expect(device.call('C_Logout', opened(device)), 'USER_NOT_LOGGED_IN'),
  ),
  row('logout.again', 'major', 'C_Logout', 'who logged out can log in again', (device) => {
    const session = device.session()
    device.call('C_Logout', session)
    device.expect(device.login(session), 'OK')
  }),
  row(
    'logout.handles',
    'critical',
    'C_Logout',
    'handles of private objects are worth nothing after a logout',
    (device) => {
      const session = device.session()
      const { handle } = device.create(session, data(device, false, PRIVATE))
      device.call('C_Logout', session)
      device.expect(device.get(session, handle, 'VALUE').rv, 'OBJECT_HANDLE_INVALID', 'USER_NOT_LOGGED_IN')
    },
  ),
  row(
    'logout.handles.for-ever',
    'minor',
    'C_Logout',
    'handles of private objects from before a logout stay worth nothing',
    (device) => {
      const session = device.session()
      const { handle } = device.create(session, data(device, false, PRIVATE))
      device.call('C_Logout', session)
      device.login(session)
      device.expect(device.get(session, handle, 'VALUE').rv, 'OBJECT_HANDLE_INVALID')
    },
  ),
  row(
    'logout.session-objects',
    'major',
    'C_Logout',
    'private objects of sessions are gone after a logout',
    (device) => {
      const session = device.session()
      device.create(session, data(device, false, PRIVATE))
      device.call('C_Logout', session)
      device.login(session)
      const found = device.find(session, [{ type: 'LABEL', value: device.label }]).length
      device.require(found === 0, 'nothing found', `${found} found`)
    },
  ),
  row('logout.public-objects', 'major', 'C_Logout', 'public objects stay after a logout', (device) => {
    const session = device.session()
    const { handle } = device.create(session, data(device, false, PUBLIC))
    device.call('C_Logout', session)
    device.expect(device.get(session, handle, 'VALUE').rv, 'OK')
  }),
  row(
    'logout.key',
    'critical',
    'C_Logout',
    'a private key cannot be worked with after a logout',
    (device) => {
      const session = device.session()
      const key = aesKey(device, session, ['ENCRYPT'], 32, PRIVATE)
      device.call('C_Logout', session)
      const { rv } = device.encrypt(session, { type: 'AES_ECB' }, key, Buffer.alloc(16))
      device.expect(rv, 'KEY_HANDLE_INVALID', 'OBJECT_HANDLE_INVALID', 'USER_NOT_LOGGED_IN')
    },
    { needs: ['AES_KEY_GEN', 'AES_ECB'] },
  ),
]

/** What a program that nobody is logged in to cannot do. */
const strangers: readonly Check[] = [
  row('stranger.create', 'major', 'C_CreateObject', 'a stranger makes no private object', (device) =>
    device.expect(device.create(opened(device), data(device, false, PRIVATE)).rv, 'USER_NOT_LOGGED_IN'),
  ),
  row('stranger.create.key', 'major', 'C_CreateObject', 'a stranger imports no private key', (device) => {
    const key = secret('AES', { type: 'VALUE', value: Buffer.alloc(32, 7) }, PRIVATE)
    device.expect(device.create(opened(device), key).rv, 'USER_NOT_LOGGED_IN')
  }),
  row(
    'stranger.generate',
    'major',
    'C_GenerateKey',
    'a stranger generates no private key',
    (device) =>
      device.expect(
        device.generate(opened(device), { type: 'AES_KEY_GEN' }, [{ type: 'VALUE_LEN', value: 32 }, PRIVATE]).rv,
        'USER_NOT_LOGGED_IN',
      ),
    { needs: ['AES_KEY_GEN'] },
  ),
  row('stranger.find', 'critical', 'C_FindObjectsInit', 'a stranger finds no private object', (device) => {
    const session = opened(device)
    const secrets = device.find(session, [PRIVATE]).length
    device.require(secrets === 0, 'nothing found', `${secrets} found`)
  }),
  row(
    'stranger.find.stored',
    'critical',
    'C_FindObjectsInit',
    'a stranger does not find what the user stored for himself',
    (device) => {
      const session = device.session()
      device.expect(device.create(session, data(device, true, PRIVATE)).rv, 'OK')
      device.call('C_Logout', session)
      const found = device.find(session, [{ type: 'LABEL', value: device.label }]).length
      device.login(session)
      device.require(found === 0, 'nothing found', `${found} found`)
    },
    { writes: true },
  ),
  row(
    'stranger.find.public',
    'major',
    'C_FindObjectsInit',
    'a stranger finds what the user stored for all',
    (device) => {
      const session = device.session()
      device.expect(device.create(session, data(device, true, PUBLIC)).rv, 'OK')
      device.call('C_Logout', session)
      const found = device.find(session, [{ type: 'LABEL', value: device.label }]).length
      device.login(session)
      device.require(found === 1, '1 found', `${found} found`)
    },
    { writes: true },
  ),
  row('stranger.copy', 'major', 'C_CopyObject', 'a stranger makes nothing private by copying', (device) => {
    const session = opened(device)
    const { handle } = device.create(session, data(device, false, PUBLIC))
    device.expect(device.copy(session, handle, [PRIVATE]).rv, 'USER_NOT_LOGGED_IN')
  }),
  row(
    'stranger.init-pin',
    'critical',
    'C_InitPIN',
    'only the security officer sets a PIN anew',
    (device) =>
      device.expect(
        device.call('C_InitPIN', device.session(), pin(device.pin), device.pin.length),
        'USER_NOT_LOGGED_IN',
      ),
    { writes: true },
  ),
]

/** The security officer; only where his PIN was given. */
const officer: readonly Check[] = [
  row('login.so', 'major', 'C_Login', 'the security officer logs in', (device) =>
    device.expect(device.login(opened(device), device.soPin, 'SO'), 'OK'),
  ),
  row(
    'login.so.read-only',
    'major',
    'C_Login',
    'the security officer does not log in beside sessions that only read',
    (device) => {
      const { soPin } = device
      const session = opened(device)
      opened(device, RO)
      device.expect(device.login(session, soPin, 'SO'), 'SESSION_READ_ONLY_EXISTS')
    },
  ),
  row(
    'login.so.open-read-only',
    'major',
    'C_OpenSession',
    'no session that only reads is opened beside the security officer',
    (device) => {
      device.expect(device.login(opened(device), device.soPin, 'SO'), 'OK')
      device.expect(device.open(RO).rv, 'SESSION_READ_WRITE_SO_EXISTS')
    },
  ),
  row('login.so.beside-user', 'major', 'C_Login', 'the security officer does not log in beside the user', (device) => {
    const { soPin } = device
    device.expect(device.login(device.session(), soPin, 'SO'), 'USER_ANOTHER_ALREADY_LOGGED_IN')
  }),
  row('login.so.private', 'major', 'C_CreateObject', 'the security officer makes no private object', (device) => {
    const session = opened(device)
    device.expect(device.login(session, device.soPin, 'SO'), 'OK')
    device.expect(device.create(session, data(device, false, PRIVATE)).rv, 'USER_NOT_LOGGED_IN')
  }),
  row('login.so.find', 'critical', 'C_FindObjectsInit', 'the security officer sees no private object', (device) => {
    const session = opened(device)
    device.expect(device.login(session, device.soPin, 'SO'), 'OK')
    const found = device.find(session, [PRIVATE]).length
    device.require(found === 0, 'nothing found', `${found} found`)
  }),
  row(
    'login.so.init-pin',
    'major',
    'C_InitPIN',
    'the security officer sets the PIN of the user',
    (device) => {
      const session = opened(device)
      device.expect(device.login(session, device.soPin, 'SO'), 'OK')
      device.expect(device.call('C_InitPIN', session, pin(device.pin), device.pin.length), 'OK')
      device.call('C_Logout', session)
      device.expect(device.login(session), 'OK')
    },
    { writes: true },
  ),
]

export const LOGIN: readonly Check[] = [...users, ...leaving, ...strangers, ...officer]

function opened(device: Device, flags?: number): number {
  const { rv, handle } = device.open(flags)
  device.expect(rv, 'OK')
  return handle
}
