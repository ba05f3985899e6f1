/** A running server's administration, asked with the token of its data folder. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError, type Flags, type Given } from './flags.ts'
import { spelled } from './line.ts'
import type { Remote } from './remote.ts'

/** What it needs of the world. */
export interface AdminWorld extends Pick<Remote, 'env' | 'fetch'> {
  out(text: string): unknown
}

/** Flags that say which server. */
export const SERVER = {
  data: { values: ['DIR'], help: 'the folder it keeps everything in (.strongroom), whose token lets you' },
  'endpoint-url': {
    values: ['URL'],
    help: 'where it is (AWS_ENDPOINT_URL_KMS, AWS_ENDPOINT_URL, http://localhost:4599)',
  },
} as const satisfies Flags

/** What the server answers at `/_strongroom/<route>`; throws what it says when it refuses. */
export async function administer<T>(
  given: Given<typeof SERVER>,
  { env, fetch: send = fetch }: AdminWorld,
  { route, method, body }: { route: string; method: string; body?: object | undefined },
): Promise<T> {
  const token = await tokenIn(given.data?.[0] ?? '.strongroom')
  const endpoint =
    given['endpoint-url']?.[0] ?? env.AWS_ENDPOINT_URL_KMS ?? env.AWS_ENDPOINT_URL ?? 'http://localhost:4599'
  if (!URL.canParse(endpoint)) throw new UsageError(`\`${endpoint}\` is no URL`)
  const answer = await send(new URL(`/_strongroom/${route}`, endpoint).href, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  } as Parameters<NonNullable<Remote['fetch']>>[1])
  const said = (await answer.json()) as T & { message?: string }
  if (answer.ok) return said
  throw new Error(`${endpoint} says ${spelled(said.message ?? String(answer.status))}`)
}

async function tokenIn(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, 'admin.token'), 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    throw new UsageError(`\`${folder}\` is not the folder of a server; \`--data\` names it`)
  }
}

/** A verb and the value it takes, if it does, before the flags. */
export function verbOf<V extends string>(
  command: string,
  verbs: Readonly<Record<V, string | undefined>>,
  [verb = '', ...rest]: readonly string[],
): { verb: V; value: string; flags: readonly string[] } {
  const all = Object.keys(verbs).map((each) => `\`${command} ${each}\``)
  if (!Object.hasOwn(verbs, verb)) {
    throw new UsageError(
      `${verb === '' ? `\`${command}\` what?` : `unknown \`${command} ${verb}\`:`} ${all.join(', ')}`,
    )
  }
  const takes = verbs[verb as V]
  if (takes === undefined) return { verb: verb as V, value: '', flags: rest }
  const [value, ...flags] = rest
  if (value === undefined || value.startsWith('--')) throw new UsageError(`\`${command} ${verb}\` needs ${takes}`)
  return { verb: verb as V, value, flags }
}
