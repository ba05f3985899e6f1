/** Access keys, and whom they stand for: as much of all identities as a door asks for. */
import { NEVER } from '../../src/clock.ts'
import type { AccountConfig, Caller, Credential } from '../../src/identity.ts'

export interface Book {
  find(accessKeyId: string): Credential | undefined
}

/** The root users of these accounts; a session whose token is given ends at `expires`. */
export function book(accounts: readonly AccountConfig[], expires = NEVER): Book {
  const credentials = accounts.flatMap(({ id: account, accessKeys = [] }) =>
    accessKeys.map(({ id, secret, sessionToken }): [string, Credential] => [
      id,
      { secret, sessionToken, expires: sessionToken === undefined ? NEVER : expires, caller: root(account, id) },
    ]),
  )
  const known = new Map(credentials)
  return { find: (id) => known.get(id) }
}

function root(account: string, accessKeyId: string): Caller {
  return {
    ...{ type: 'Root', arn: `arn:aws:iam::${account}:root`, account, accessKeyId, principalId: account },
    ...{ userName: undefined, tags: {}, session: undefined, organization: undefined },
    policies: { identity: [], boundary: undefined, session: undefined, serviceControl: [] },
  }
}
