/**
 * What the admin route does about quotas, without the route: GET shows them as they are for most, and what was changed; POST
 * those of `{ account, region }`; PUT changes one, `{ quota, value, account, region }`; DELETE takes such a change back.
 */
import { KmsError } from '../errors.ts'
import { ConfigError, parseYaml, record, text, type Reader } from '../schema.ts'
import type { QuotaChange, QuotaNamed, Whose } from './changes.ts'
import type { Quotas } from './quotas.ts'

interface Answer {
  readonly status: number
  /** JSON. */
  readonly body: string
}

/** Answers requests of the admin route, which has to know by then that they are the administrator's. */
export function quotasAdmin(quotas: Quotas): (method: string, body: string) => Promise<Answer> {
  return async (method, body) => {
    try {
      const verb = Object.hasOwn(VERBS, method) ? VERBS[method]! : undefined
      if (!verb) return answer(405, { message: `${method} is none of ${Object.keys(VERBS).join(', ')}` })
      const whose = await verb(quotas, body)
      return answer(200, { throttles: quotas.throttles, quotas: quotas.list(whose), changes: quotas.changes })
    } catch (error) {
      if (error instanceof ConfigError) return answer(400, { message: error.message })
      if (!(error instanceof KmsError)) throw error
      const status = error.code === 'NotFoundException' ? 404 : error.status
      return answer(status, { code: error.code, message: error.message })
    }
  }
}

/** Each does what it is asked, and tells whose quotas to show. */
const VERBS: Readonly<Record<string, (quotas: Quotas, body: string) => Promise<Whose>>> = {
  GET: () => Promise.resolve({}),
  POST: (_, body) => Promise.resolve(parsed<Whose>(body, WHOSE)),
  async PUT(quotas, body) {
    const change = parsed<QuotaChange>(body, { ...WHOSE, quota: word, value: number }, ['quota', 'value'])
    await quotas.set(change)
    return change
  },
  async DELETE(quotas, body) {
    const named = parsed<QuotaNamed>(body, { ...WHOSE, quota: word }, ['quota'])
    await quotas.reset(named)
    return named
  },
}

const number: Reader = (node, name, tell) => {
  const value: unknown = 'value' in node ? node.value : undefined
  return typeof value === 'number' ? value : tell(node.range[0], `\`${name}\` must be a number`)
}

const word = text(/./, 'the name of a quota')
const WHOSE = { account: text(/./, 'an account id of 12 digits'), region: text(/./, 'a Region') }

function parsed<T>(body: string, fields: Record<string, Reader>, required?: readonly string[]): T {
  return parseYaml(body === '' ? '{}' : body, 'request', record(fields, required)) as T
}

function answer(status: number, body: object): Answer {
  return { status, body: JSON.stringify(body) }
}
