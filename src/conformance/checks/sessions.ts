/** Sessions: opened, told of, closed, and what goes with them. */
import type { Check } from '../check.ts'
import { word, WORD, wordIn } from '../cryptoki/memory.ts'
import { CKF, CKO } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { aesKey } from '../keys.ts'
import { data, stored } from '../samples.ts'
import { row } from '../row.ts'
import { sessionInfo, stateIs } from '../told.ts'

const RO = CKF.SERIAL_SESSION
const RW = CKF.SERIAL_SESSION | CKF.RW_SESSION

/** The state of a session by how it was opened and who is logged in. */
const STATES = [
  ['ro-public', RO, undefined, 'RO_PUBLIC_SESSION'],
  ['rw-public', RW, undefined, 'RW_PUBLIC_SESSION'],
  ['ro-user', RO, 'USER', 'RO_USER_FUNCTIONS'],
  ['rw-user', RW, 'USER', 'RW_USER_FUNCTIONS'],
  ['rw-so', RW, 'SO', 'RW_SO_FUNCTIONS'],
] as const

const states = STATES.map(([name, flags, user, state]) =>
  row(
    `session.state.${name}`,
    'major',
    'C_GetSessionInfo',
    `a session of this kind (${name}) says CKS_${state}`,
    (device) => {
      const session = opened(device, flags)
      if (user) device.expect(device.login(session, user === 'SO' ? device.soPin : device.pin, user), 'OK')
      stateIs(device, session, state)
    },
  ),
)

/** What cannot be done to the token in a session that only reads. */
const WRITING: Readonly<Record<string, (device: Device, session: number, object: number) => number>> = {
  create: (device, session) => device.create(session, data(device, true)).rv,
  copy: (device, session, object) => device.copy(session, object, [{ type: 'TOKEN', value: true }]).rv,
  set: (device, session, object) => device.set(session, object, [{ type: 'LABEL', value: device.label }]),
  destroy: (device, session, object) => device.call('C_DestroyObject', session, object),
  generate: (device, session) =>
    device.generate(session, { type: 'AES_KEY_GEN' }, [
      { type: 'VALUE_LEN', value: 32 },
      { type: 'TOKEN', value: true },
      { type: 'LABEL', value: device.label },
    ]).rv,
}

const readOnly = Object.entries(WRITING).map(([name, attempt]) =>
  row(
    `session.read-only.${name}`,
    'major',
    '4.1 Creating, modifying, and copying objects',
    `a session that only reads cannot ${name} an object of the token`,
    (device) => {
      const writer = device.session()
      const object = stored(device, writer)
      const reader = opened(device, RO)
      device.expect(attempt(device, reader, object), 'SESSION_READ_ONLY', 'ACTION_PROHIBITED')
    },
    { writes: true },
  ),
)

export const SESSIONS: readonly Check[] = [
  row('session.open.serial', 'minor', 'C_OpenSession', 'a session that is not serial is refused', (device) =>
    device.expect(device.open(CKF.RW_SESSION).rv, 'SESSION_PARALLEL_NOT_SUPPORTED'),
  ),
  row(
    'session.open.distinct',
    'critical',
    'C_OpenSession',
    'sessions have handles of their own, none of them 0',
    (device) => {
      const handles = Array.from({ length: 8 }, () => opened(device, RW))
      device.require(!handles.includes(0) && new Set(handles).size === 8, '8 handles', handles.join(', '))
    },
  ),
  ...states,
  row('session.info', 'minor', 'C_GetSessionInfo', 'a session knows its slot and its flags', (device) => {
    const info = sessionInfo(device, opened(device, RO))
    const found = [wordIn(info), wordIn(info, 2 * WORD)].join(', ')
    device.require(found === `${device.slot}, ${RO}`, `${device.slot}, ${RO}`, found)
  }),
  row('session.close', 'major', 'C_CloseSession', 'a closed session is none any more', (device) => {
    const session = opened(device, RW)
    device.expect(device.call('C_CloseSession', session), 'OK')
    device.expect(
      device.call('C_GetSessionInfo', session, Buffer.alloc(32)),
      'SESSION_HANDLE_INVALID',
      'SESSION_CLOSED',
    )
  }),
  row('session.close.twice', 'major', 'C_CloseSession', 'a session is closed once', (device) => {
    const session = opened(device, RW)
    device.call('C_CloseSession', session)
    device.expect(device.call('C_CloseSession', session), 'SESSION_HANDLE_INVALID', 'SESSION_CLOSED')
  }),
  row('session.close.zero', 'minor', 'C_CloseSession', 'no session has the handle 0', (device) =>
    device.expect(device.call('C_CloseSession', 0), 'SESSION_HANDLE_INVALID'),
  ),
  row('session.close.others', 'critical', 'C_CloseSession', 'closing a session closes no other', (device) => {
    const [one, other] = [device.session(), device.session()]
    const key = aesKey(device, other, ['ENCRYPT'], 32)
    device.call('C_CloseSession', one)
    stateIs(device, other, 'RW_USER_FUNCTIONS')
    device.expect(device.get(other, key, 'VALUE').rv, 'OK')
  }),
  row('session.close.objects', 'critical', 'C_CloseSession', 'the objects of a session go with it', (device) => {
    const [one, other] = [device.session(), device.session()]
    const { handle } = device.create(one, data(device))
    device.call('C_CloseSession', one)
    device.expect(device.get(other, handle, 'LABEL').rv, 'OBJECT_HANDLE_INVALID')
    const found = device.find(other, [{ type: 'LABEL', value: device.label }]).length
    device.require(found === 0, 'nothing found', `${found} found`)
  }),
  row('session.close.operation', 'major', 'C_CloseSession', 'a session with work under way can be closed', (device) => {
    const session = device.session()
    device.call('C_FindObjectsInit', session, null, 0)
    device.expect(device.call('C_CloseSession', session), 'OK')
    device.session()
  }),
  row('session.close.logout', 'critical', 'C_CloseSession', 'who closes the last session is logged out', (device) => {
    const session = device.session()
    device.expect(device.call('C_CloseSession', session), 'OK')
    stateIs(device, opened(device, RW), 'RW_PUBLIC_SESSION')
  }),
  row(
    'session.close-all',
    'major',
    'C_CloseAllSessions',
    'all sessions can be closed at once',
    (device) => {
      const sessions = [device.session(), device.session()]
      device.expect(device.call('C_CloseAllSessions', device.slot), 'OK')
      for (const each of sessions)
        device.expect(
          device.call('C_GetSessionInfo', each, Buffer.alloc(32)),
          'SESSION_HANDLE_INVALID',
          'SESSION_CLOSED',
        )
    },
    { profiles: ['baseline', 'extended', 'authentication'] },
  ),
  row(
    'session.close-all.logout',
    'critical',
    'C_CloseAllSessions',
    'who closes all sessions is logged out',
    (device) => {
      device.session()
      device.call('C_CloseAllSessions', device.slot)
      stateIs(device, opened(device, RW), 'RW_PUBLIC_SESSION')
    },
  ),
  row('session.close-all.none', 'note', 'C_CloseAllSessions', 'no session at all is no error', (device) => {
    device.call('C_CloseAllSessions', device.slot)
    device.expect(device.call('C_CloseAllSessions', device.slot), 'OK')
  }),
  row(
    'session.objects.shared',
    'major',
    '5.6 Session management functions',
    'a program sees an object of one session in all others',
    (device) => {
      const [one, other] = [device.session(), device.session()]
      const { rv, handle } = device.create(one, data(device))
      device.expect(rv, 'OK')
      device.expect(device.get(other, handle, 'LABEL').rv, 'OK')
    },
  ),
  row(
    'session.objects.read-only',
    'major',
    '4.1 Creating, modifying, and copying objects',
    'a session that only reads may have objects of its own',
    (device) => {
      const session = device.session(RO)
      device.expect(device.create(session, data(device)).rv, 'OK')
      device.expect(device.generate(session, { type: 'AES_KEY_GEN' }, [{ type: 'VALUE_LEN', value: 32 }]).rv, 'OK')
    },
  ),
  ...readOnly,
  row(
    'session.operation-state.none',
    'note',
    'C_GetOperationState',
    'there is no state of an operation that was not begun',
    (device) =>
      device.expect(
        device.call('C_GetOperationState', device.session(), null, word()),
        'OPERATION_NOT_INITIALIZED',
        'FUNCTION_NOT_SUPPORTED',
        'STATE_UNSAVEABLE',
      ),
  ),
  row(
    'session.operation-state.rubbish',
    'major',
    'C_SetOperationState',
    'a saved state that is none is refused',
    (device) => {
      const rv = device.call('C_SetOperationState', device.session(), Buffer.alloc(64, 0x5a), 64, 0, 0)
      device.expect(rv, 'SAVED_STATE_INVALID', 'FUNCTION_NOT_SUPPORTED', 'ARGUMENTS_BAD')
    },
  ),
  row(
    'session.hardware-features',
    'note',
    'C_FindObjectsInit',
    'a search for everything finds no features of hardware',
    (device) => {
      const session = device.session()
      const features = device
        .find(session, [])
        .filter((each) => device.get(session, each, 'CLASS').bytes[0] === CKO.HW_FEATURE)
      device.require(features.length === 0, 'none', String(features.length))
    },
  ),
]

function opened(device: Device, flags: number): number {
  const { rv, handle } = device.open(flags)
  device.expect(rv, 'OK')
  return handle
}
