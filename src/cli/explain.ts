/** `strongroom explain`: why a principal may, or may not, do something to a key, statement by statement. */
import type { Explanation } from '../explain.ts'
import type { StrongroomOptions } from '../options.ts'
import type { ExplainRequest } from '../strongroom.ts'
import { readConfig } from '../config.ts'
import { UsageError } from './flags.ts'
import type { Flags, Given } from './flags.ts'

export const EXPLAIN = {
  principal: { values: ['ARN'], help: 'who asks: a user, a role, a session of one, or a root' },
  action: { values: ['ACTION'], help: 'what for: kms:Decrypt' },
  key: { values: ['ID'], help: 'of which key, by any of its names' },
  context: { values: ['K=V,…'], help: 'condition keys that the request brings along: kms:EncryptionContext:dept=one' },
  region: { values: ['R'], help: 'in which Region (us-east-1)' },
  data: { values: ['DIR'], help: 'folder that keeps keys and records (.strongroom)' },
  config: { values: ['FILE'], help: 'YAML file with accounts and whoever is in them' },
  json: { values: [], help: 'as JSON' },
} as const satisfies Flags

export interface ExplainWorld {
  /** A room on a folder that is there, closed when `use` is done. */
  within<T>(options: StrongroomOptions, use: (room: Explaining) => Promise<T>): Promise<T>
  out(text: string): unknown
}

interface Explaining {
  explain(request: ExplainRequest): Promise<Explanation>
}

/** The exit code: 0 it is allowed, 1 it is not. */
export async function explain(given: Given<typeof EXPLAIN>, { within, out }: ExplainWorld): Promise<number> {
  const [principal] = given.principal ?? []
  const [action] = given.action ?? []
  if (principal === undefined || action === undefined) throw new UsageError('`--principal` and `--action` are needed')
  const file = given.config ? readConfig(given.config[0]!) : {}
  const { accounts, organization } = file
  const options = { accounts, organization, data: given.data?.[0] ?? file.data ?? '.strongroom' }
  const context = contextOf(given.context?.[0])
  const request = { principal, action, key: given.key?.[0], region: given.region?.[0], context }
  const explained = await within(options, (room) => room.explain(request))
  out(given.json ? `${JSON.stringify(explained, null, 2)}\n` : told(explained))
  return explained.effect === 'Allow' ? 0 : 1
}

function contextOf(text: string | undefined): Record<string, string> {
  const pairs = text?.split(',') ?? []
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=')
      if (equals <= 0) throw new UsageError(`\`--context\` is made of pairs K=V, and \`${pair}\` is none`)
      return [pair.slice(0, equals), pair.slice(equals + 1)]
    }),
  )
}

function told({ effect, principal, action, resource, message, because, statements }: Explanation): string {
  const lines = [
    `${effect}: ${principal} ${action} on ${resource}`,
    ...(message === undefined ? [] : [message]),
    ...because.map((reason) => `  ${reason}`),
    '',
    ...statements.map(({ policy, index, sid, effect, applies, because }) => {
      const title = sid === undefined ? `statement ${index + 1}` : `\`${sid}\``
      return `  ${applies ? 'applies' : '-      '} ${effect} ${policy}, ${title}: ${because}`
    }),
  ]
  return `${lines.join('\n')}\n`
}
