/** The module as a whole: begun with, ended, what it says of itself, and what it says before it was begun with. */
import type { Check } from '../check.ts'
import { V2_40 } from '../cryptoki/functions.ts'
import { structure, word, WORD, wordIn, type Pointer } from '../cryptoki/memory.ts'
import { CKF, CKR } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { FUNCTIONS_2_40, FUNCTIONS_3_0, plausible, row, slug } from '../row.ts'
import { blanks } from '../told.ts'
import { initialize } from '../token.ts'

/** A pointer that has to be NULL, and is not. */
const RESERVED = Buffer.alloc(64)
/** What has to be answered before C_Initialize as after it, and what no program calls any more. */
const ANYTIME: readonly string[] = ['C_Initialize', 'C_GetFunctionList', 'C_GetFunctionStatus', 'C_CancelFunction']

const uninitialized = FUNCTIONS_2_40.filter((name) => !ANYTIME.includes(name)).map((name) =>
  row(
    `general.not-initialized.${slug(name)}`,
    name === 'C_Finalize' || name === 'C_OpenSession' ? 'major' : 'minor',
    name,
    `${name} before C_Initialize says that the module is not initialised`,
    (device) => {
      const rv = finalized(device, () => device.call(name, ...uncalled(name)))
      device.expect(rv, 'CRYPTOKI_NOT_INITIALIZED', 'FUNCTION_NOT_SUPPORTED')
    },
  ),
)

const parallel = (['C_GetFunctionStatus', 'C_CancelFunction'] as const).map((name) =>
  row(
    `general.legacy.${slug(name)}`,
    'note',
    name,
    `${name}, which is left from times of parallel functions, says that there are none`,
    (device) => device.expect(device.call(name, device.session()), 'FUNCTION_NOT_PARALLEL', 'FUNCTION_NOT_SUPPORTED'),
  ),
)

export const GENERAL: readonly Check[] = [
  row(
    'general.initialize.twice',
    'major',
    'C_Initialize',
    'a second C_Initialize says that the first still holds',
    (device) => device.expect(initialize(device.module), 'CRYPTOKI_ALREADY_INITIALIZED'),
  ),
  row('general.initialize.no-arguments', 'major', 'C_Initialize', 'C_Initialize needs no arguments', (device) =>
    device.expect(initializedWith(device, null), 'OK'),
  ),
  row(
    'general.initialize.os-locking',
    'major',
    'C_Initialize',
    'threads may use the module with the locks of the system',
    (device) => device.expect(initializedWith(device, locking({ flags: CKF.OS_LOCKING_OK })), 'OK'),
  ),
  row(
    'general.initialize.no-threads',
    'minor',
    'C_Initialize',
    'a module that may not start threads works, or says that it has to',
    (device) =>
      device.expect(
        initializedWith(device, locking({ flags: CKF.LIBRARY_CANT_CREATE_OS_THREADS | CKF.OS_LOCKING_OK })),
        'OK',
        'NEED_TO_CREATE_THREADS',
      ),
  ),
  row(
    'general.initialize.reserved',
    'minor',
    'C_Initialize',
    'C_Initialize refuses a reserved argument that is not NULL',
    (device) => device.expect(initializedWith(device, locking({ reserved: RESERVED })), 'ARGUMENTS_BAD'),
  ),
  row(
    'general.initialize.half-a-lock',
    'minor',
    'C_Initialize',
    'C_Initialize refuses some of the functions of a lock without the others',
    (device) => device.expect(initializedWith(device, locking({ create: RESERVED })), 'ARGUMENTS_BAD'),
  ),
  row(
    'general.finalize.reserved',
    'minor',
    'C_Finalize',
    'C_Finalize refuses a reserved argument that is not NULL',
    (device) => {
      const rv = device.call('C_Finalize', RESERVED)
      if (rv === CKR.OK) initialize(device.module)
      device.expect(rv, 'ARGUMENTS_BAD')
    },
  ),
  row(
    'general.finalize.again',
    'major',
    'C_Finalize',
    'after C_Finalize the module can be begun with again, and nobody is logged in',
    (device) => {
      device.session()
      finalized(device, () => CKR.OK)
      const { rv, handle } = device.open()
      device.expect(rv, 'OK')
      device.expect(device.login(handle), 'OK')
    },
  ),
  row('general.finalize.sessions', 'major', 'C_Finalize', 'C_Finalize ends every session', (device) => {
    const session = device.session()
    finalized(device, () => CKR.OK)
    device.expect(device.call('C_GetSessionInfo', session, Buffer.alloc(32)), 'SESSION_HANDLE_INVALID')
  }),
  row(
    'general.info',
    'major',
    'C_GetInfo',
    'C_GetInfo names a version of the standard that there is',
    (device) => {
      const [major, minor] = infoOf(device)
      const known = major === 2 || major === 3
      device.require(known, 'version 2.x or 3.x', `version ${major}.${minor}`)
    },
    { profiles: ['baseline', 'extended', 'authentication'] },
  ),
  row(
    'general.info.version',
    'minor',
    'C_GetInfo',
    'C_GetInfo names the version of a list of functions that the module gives',
    (device) => {
      const [major, minor] = infoOf(device)
      const { module } = device
      const given = `${module.version.major}.${module.version.minor}`
      device.require(`${major}.${minor}` === given || major! < module.version.major, given, `${major}.${minor}`)
    },
  ),
  row('general.info.flags', 'note', 'C_GetInfo', 'the flags of CK_INFO are zero', (device) => {
    const flags = wordIn(infoOf(device), 40)
    device.require(flags === 0, '0', String(flags))
  }),
  row(
    'general.info.manufacturer',
    'minor',
    'C_GetInfo',
    'the manufacturer is padded with blanks, not ended by a zero',
    (device) => blanks(device, infoOf(device), 2, 32),
  ),
  row(
    'general.info.description',
    'minor',
    'C_GetInfo',
    'the description is padded with blanks, not ended by a zero',
    (device) => blanks(device, infoOf(device), 48, 32),
  ),
  row(
    'general.functions.list',
    'critical',
    'C_GetFunctionList',
    'C_GetFunctionList gives a list again, before C_Initialize too',
    (device) => {
      const place = word()
      const rv = finalized(device, () => device.call('C_GetFunctionList', place))
      device.expect(rv, 'OK')
      device.require(wordIn(place) !== 0, 'a list', 'NULL')
    },
    { profiles: ['baseline'] },
  ),
  row(
    'general.functions.complete',
    'major',
    'C_GetFunctionList',
    'every function of the list can be called: what is not supported says so',
    (device) => {
      const missing = FUNCTIONS_2_40.filter((name) => !device.module.has(name))
      device.require(missing.length === 0, 'no NULL in CK_FUNCTION_LIST', `NULL for ${missing.join(', ')}`)
    },
  ),
  row(
    'general.functions.complete-3-0',
    'major',
    'C_GetInterface',
    'every function of the list of 3.x can be called',
    (device) => {
      modern(device)
      const missing = FUNCTIONS_3_0.filter((name) => !device.module.has(name))
      device.require(missing.length === 0, 'no NULL in CK_FUNCTION_LIST_3_0', `NULL for ${missing.join(', ')}`)
    },
  ),
  row(
    'general.interfaces.count',
    'major',
    'C_GetInterfaceList',
    'C_GetInterfaceList counts the interfaces',
    (device) => {
      modern(device)
      const count = word()
      device.expect(device.call('C_GetInterfaceList', null, count), 'OK')
      device.require(wordIn(count) >= 1, 'at least 1', String(wordIn(count)))
    },
  ),
  row(
    'general.interfaces.too-small',
    'minor',
    'C_GetInterfaceList',
    'C_GetInterfaceList says how much room is missing',
    (device) => {
      modern(device)
      const [count, all] = [word(), word()]
      device.call('C_GetInterfaceList', null, all)
      device.expect(device.call('C_GetInterfaceList', Buffer.alloc(3 * WORD), count), 'BUFFER_TOO_SMALL')
      device.require(wordIn(count) === wordIn(all), String(wordIn(all)), String(wordIn(count)))
    },
  ),
  row(
    'general.interfaces.default',
    'major',
    'C_GetInterface',
    'C_GetInterface gives an interface to who names none',
    (device) => {
      modern(device)
      const place = word()
      device.expect(device.call('C_GetInterface', null, null, place, 0), 'OK')
      device.require(wordIn(place) !== 0, 'an interface', 'NULL')
    },
  ),
  row(
    'general.interfaces.old',
    'note',
    'C_GetInterface',
    'C_GetInterface has the interface of 2.40 for programs of those days',
    (device) => {
      modern(device)
      device.expect(device.call('C_GetInterface', NAME, Buffer.of(2, 40), word(), 0), 'OK')
    },
  ),
  row(
    'general.interfaces.unknown',
    'minor',
    'C_GetInterface',
    'C_GetInterface has no interface of a name that nobody has',
    (device) => {
      modern(device)
      const rv = device.call('C_GetInterface', Buffer.from('Strongroom 11\0'), null, word(), 0)
      device.require(rv !== CKR.OK, 'an error', 'CKR_OK')
    },
  ),
  ...parallel,
  ...uninitialized,
]

const NAME = Buffer.from('PKCS 11\0')

function modern(device: Device): void {
  if (device.module.version.major < 3) device.skip('the module is of a version before 3.0')
}

function infoOf(device: Device): Buffer {
  const info = Buffer.alloc(88)
  device.expect(device.call('C_GetInfo', info), 'OK')
  return info
}

interface Locking {
  readonly create?: Pointer
  readonly flags?: number
  readonly reserved?: Pointer
}

/** CK_C_INITIALIZE_ARGS. */
function locking({ create = null, flags = 0, reserved = null }: Locking): Buffer {
  return structure(create, null, null, null, flags, reserved)
}

/** What `run` comes to while the module is finalised; as it was, afterwards. */
function finalized(device: Device, run: () => number): number {
  device.expect(device.call('C_Finalize', null), 'OK')
  try {
    return run()
  } finally {
    initialize(device.module)
  }
}

function initializedWith(device: Device, args: Pointer): number {
  return finalized(device, () => {
    const rv = device.call('C_Initialize', args)
    if (rv === CKR.OK) device.call('C_Finalize', null)
    return rv
  })
}

/** Arguments that nothing is wrong with: what is reserved is NULL, and nobody waits. */
function uncalled(name: keyof typeof V2_40): (number | Pointer)[] {
  if (name === 'C_Finalize') return [null]
  if (name === 'C_WaitForSlotEvent') return [CKF.DONT_BLOCK, word(), null]
  return plausible(V2_40[name])
}
