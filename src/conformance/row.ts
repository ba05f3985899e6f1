/** How checks are written down: a line or two each, and the sections of PKCS#11 3.1 that functions are described in. */
import type { Check, Severity } from './check.ts'
import { V2_40, V3_0, type FunctionName } from './cryptoki/functions.ts'
import type { Device } from './device.ts'

/** The chapters of section 5 and their functions, in the order of their numbers. */
const CHAPTERS: Readonly<Record<string, readonly FunctionName[]>> = {
  '5.4': ['C_Initialize', 'C_Finalize', 'C_GetInfo', 'C_GetFunctionList', 'C_GetInterfaceList', 'C_GetInterface'],
  '5.5': [
    'C_GetSlotList',
    'C_GetSlotInfo',
    'C_GetTokenInfo',
    'C_WaitForSlotEvent',
    'C_GetMechanismList',
    'C_GetMechanismInfo',
    'C_InitToken',
    'C_InitPIN',
    'C_SetPIN',
  ],
  '5.6': [
    'C_OpenSession',
    'C_CloseSession',
    'C_CloseAllSessions',
    'C_GetSessionInfo',
    'C_SessionCancel',
    'C_GetOperationState',
    'C_SetOperationState',
    'C_Login',
    'C_LoginUser',
    'C_Logout',
  ],
  '5.7': [
    'C_CreateObject',
    'C_CopyObject',
    'C_DestroyObject',
    'C_GetObjectSize',
    'C_GetAttributeValue',
    'C_SetAttributeValue',
    'C_FindObjectsInit',
    'C_FindObjects',
    'C_FindObjectsFinal',
  ],
  '5.8': ['C_EncryptInit', 'C_Encrypt', 'C_EncryptUpdate', 'C_EncryptFinal'],
  '5.10': ['C_DecryptInit', 'C_Decrypt', 'C_DecryptUpdate', 'C_DecryptFinal'],
  '5.12': ['C_DigestInit', 'C_Digest', 'C_DigestUpdate', 'C_DigestKey', 'C_DigestFinal'],
  '5.13': ['C_SignInit', 'C_Sign', 'C_SignUpdate', 'C_SignFinal', 'C_SignRecoverInit', 'C_SignRecover'],
  '5.15': ['C_VerifyInit', 'C_Verify', 'C_VerifyUpdate', 'C_VerifyFinal', 'C_VerifyRecoverInit', 'C_VerifyRecover'],
  '5.17': ['C_DigestEncryptUpdate', 'C_DecryptDigestUpdate', 'C_SignEncryptUpdate', 'C_DecryptVerifyUpdate'],
  '5.18': ['C_GenerateKey', 'C_GenerateKeyPair', 'C_WrapKey', 'C_UnwrapKey', 'C_DeriveKey'],
  '5.19': ['C_SeedRandom', 'C_GenerateRandom'],
  '5.20': ['C_GetFunctionStatus', 'C_CancelFunction'],
}

/** The functions of 2.40, and those of 3.0, in the order of their lists. */
export const FUNCTIONS_2_40 = Object.keys(V2_40) as readonly (keyof typeof V2_40)[]
export const FUNCTIONS_3_0 = Object.keys(V3_0) as readonly (keyof typeof V3_0)[]

/** The section on a function, or the one given: `PKCS#11 3.1, 5.6.8 C_Login`. */
function clauseOf(what: string): string {
  for (const [chapter, functions] of Object.entries(CHAPTERS)) {
    const at = functions.indexOf(what as FunctionName)
    if (at >= 0) return `PKCS#11 3.1, ${chapter}.${at + 1} ${what}`
  }
  return `PKCS#11 3.1, ${what}`
}

type Rest = Pick<Check, 'profiles' | 'writes' | 'needs' | 'patience'>

/** A check; `where` is the name of a function, or a section with its title. */
export function row(
  id: string,
  severity: Severity,
  where: string,
  title: string,
  run: (device: Device) => void,
  rest: Rest = {},
): Check {
  return {
    id,
    title: title.replace(/^[a-z]/, (first) => first.toUpperCase()),
    clause: clauseOf(where),
    severity,
    ...rest,
    run,
  }
}

/** What a function is called in the id of a check: `C_GetSlotList` is `get-slot-list`. */
export function slug(name: string): string {
  return name
    .replace(/^(?:C|CKA|CKM)_/, '')
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase()
}

/** Something that is a value for each kind of argument, for calls that are refused for another reason. */
export function plausible(kinds: string): (number | Buffer)[] {
  return kinds.split('').map((kind) => (kind === 'p' ? Buffer.alloc(4096) : 1))
}
