/** Access keys and whom they stand for. A key without further identity is the root user of its account. */
import { inspect } from 'node:util'

export interface Caller {
  readonly arn: string
  readonly account: string
  readonly accessKeyId: string
}

export interface AccessKeyConfig {
  readonly id: string
  readonly secret: string
  /** Present for temporary credentials: requests must then carry the same token. */
  readonly sessionToken?: string
}

export interface AccountConfig {
  /** Twelve digits. */
  readonly id: string
  readonly accessKeys: readonly AccessKeyConfig[]
}

export interface Credential {
  readonly secret: string
  readonly sessionToken?: string
  readonly caller: Caller
}

/** `test`/`test`, the root user of `account`: what a server without a config file accepts. Public, and meant to be. */
export const defaultAccounts = (account = '000000000000'): AccountConfig[] => [
  { id: account, accessKeys: [{ id: 'test', secret: 'test' }] },
]

export class Identities {
  readonly #credentials = new Map<string, Credential>()

  constructor(accounts: readonly AccountConfig[]) {
    for (const { id: account, accessKeys } of accounts) {
      if (!/^\d{12}$/.test(account)) throw new TypeError(`account id \`${account}\` is not 12 digits`)
      for (const { id, secret, sessionToken } of accessKeys) {
        if (this.#credentials.has(id)) throw new TypeError(`access key \`${id}\` is listed twice`)
        const caller = Object.freeze({ arn: `arn:aws:iam::${account}:root`, account, accessKeyId: id })
        this.#credentials.set(id, { secret, sessionToken, caller })
      }
    }
  }

  find(accessKeyId: string): Credential | undefined {
    return this.#credentials.get(accessKeyId)
  }

  /** Printing an instance, by accident or in a crash report, shows how many keys there are and nothing of them. */
  [inspect.custom](): string {
    return `Identities(${this.#credentials.size})`
  }
}
