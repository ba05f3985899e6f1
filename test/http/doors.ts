/** A handler with every service behind it, each of which remembers what it was asked. */
import { createHandler } from '../../src/http/handler.ts'
import type { HandlerOptions } from '../../src/http/handler.ts'
import type { Context } from '../../src/context.ts'
import { defaultAccounts } from '../../src/identity.ts'
import { book } from './book.ts'
import { signed } from './sign.ts'
import type { Signing } from './sign.ts'

export const AT = new Date('2026-03-01T12:00:00Z')
export const TOKEN = 'token-of-the-data-folder'

export interface Asked {
  readonly service: string
  readonly input: unknown
  readonly context: Context
}

/** What a service does with what it was asked; `serve` may throw, to have its error told. */
export type Serve = (asked: Asked) => unknown

export function doors(serve: Serve = () => ({}), options: Partial<HandlerOptions> = {}) {
  const asked: Asked[] = []
  const log: string[] = []
  const told = (service: string, input: unknown, context: Context) => {
    asked.push({ service, input, context })
    return serve({ service, input, context })
  }
  const query = (service: string) => ({
    namespace: `https://${service}.example/doc/`,
    call: async (parameters: ReadonlyMap<string, string>, context: Context) => {
      told(service, Object.fromEntries(parameters), context)
      return '<Done/>'
    },
  })
  const handle = createHandler({
    service: { call: (name, input, context) => told('kms', { name, ...(input as object) }, context) },
    identities: book(defaultAccounts()),
    now: () => AT,
    log: (line) => log.push(line),
    ready: () => true,
    cloudtrail: async (name, input, context) => told('cloudtrail', { name, input }, context) as object,
    queries: { iam: query('iam'), sts: query('sts') },
    admin: {
      token: TOKEN,
      routes: { identities: async (method, body) => ({ status: 200, body: JSON.stringify({ method, body }) }) },
    },
    ...options,
  })
  return { handle, asked, log }
}

/** A signed call of a service of the query protocol. */
export const form = (service: string, body: string, { headers, ...signing }: Signing = {}) =>
  signed('', {
    at: AT,
    service,
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', 'x-amz-target': '', ...headers },
    ...signing,
  })

/** A signed call of the key management. */
export const kms = (operation: string, body: string, headers: Record<string, string> = {}) =>
  signed(operation, { at: AT, body, headers })

/** A signed call of CloudTrail, with this target. */
export const trail = (target: string, body = '{}') =>
  signed('', { at: AT, service: 'cloudtrail', body, headers: { 'x-amz-target': target } })
