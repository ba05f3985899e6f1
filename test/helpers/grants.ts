/** Grants for tests: whom they name, and how they are made and listed. */
import type { Client, CreateGrantRequest, CreateGrantResponse } from '../../src/index.ts'

export const ROOT = 'arn:aws:iam::000000000000:root'
export const ALICE = 'arn:aws:iam::000000000000:user/alice'
export const BOB = 'arn:aws:iam::000000000000:role/bob'
export const SOURCE = 'arn:aws:s3:us-east-1:000000000000:bucket/b'

/** Lets Alice encrypt and decrypt, but for `more`. */
export const grant = (
  room: Client,
  KeyId: string,
  more: Partial<CreateGrantRequest> = {},
): Promise<CreateGrantResponse> =>
  room.createGrant({ KeyId, GranteePrincipal: ALICE, Operations: ['Encrypt', 'Decrypt'], ...more })

export const idsOf = async (room: Client, KeyId: string, more: object = {}) =>
  (await room.listGrants({ KeyId, ...more })).Grants!.map(({ GrantId }) => GrantId!)
