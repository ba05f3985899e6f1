/** A URL as what `strongroom bench` measures: who signs, whom to trust, and how set-up asks. */
import { readFileSync, statSync } from 'node:fs'
import { request as http } from 'node:http'
import { request as https } from 'node:https'
import { endpointTarget, type Credentials } from '../harness/endpoint.ts'
import { NotMeasured, type Target } from '../harness/target.ts'
import { list, parseYaml, record, text } from '../schema.ts'
import { UsageError, wholeNumber } from './flags.ts'
import { ask, type Remote } from './remote.ts'

interface Given {
  readonly credentials?: readonly string[]
  readonly ca?: readonly string[]
  readonly pid?: readonly string[]
}

type World = Pick<Remote, 'env' | 'now'>

/** `principals`: how many were asked for; a URL has as many as there are credentials. */
export async function endpointIn(named: string, given: Given, principals: number, world: World): Promise<Target> {
  if (!URL.canParse(named)) throw new UsageError('`--target` is no URL')
  const url = new URL(named)
  if (url.username || url.password) throw new UsageError('`--target` must not hold credentials: they would be shown')
  const ca = given.ca && contentOf('ca', given.ca[0]!)
  const credentials = given.credentials ? credentialsIn(given.credentials[0]!) : [ofEnvironment(world.env)]
  if (principals > credentials.length)
    throw new UsageError(`${principals} callers at a URL need the credentials of each: \`--credentials FILE\``)
  const used = principals > 1 ? credentials.slice(0, principals) : credentials
  const { AWS_REGION, AWS_DEFAULT_REGION = 'us-east-1' } = world.env
  const remote: Remote = {
    ...world,
    endpoint: url.href,
    env: envOf(used[0]!, AWS_REGION ?? AWS_DEFAULT_REGION),
    fetch: poster(ca),
  }
  const { runLoad } = await import('../../bindings/node/index.js')
  return endpointTarget({
    ...{ url, region: AWS_REGION ?? AWS_DEFAULT_REGION, credentials: used, runLoad },
    ...(ca !== undefined && { roots: [ca] }),
    pid: wholeNumber('pid', given.pid, [1, 2 ** 22]),
    ask: (operation, input) => ask(remote, { service: 'kms', target: `TrentService.${operation}` }, input),
    after: (millis, act) => {
      const timer = setTimeout(act, millis)
      return () => clearTimeout(timer)
    },
  })
}

const ofEnvironment = (env: Remote['env']): Credentials => ({
  accessKeyId: env.AWS_ACCESS_KEY_ID ?? 'test',
  secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? 'test',
  ...(env.AWS_SESSION_TOKEN !== undefined && { sessionToken: env.AWS_SESSION_TOKEN }),
})

/** Set-up asks as the first of the callers. */
const envOf = ({ accessKeyId, secretAccessKey, sessionToken }: Credentials, region: string): Remote['env'] => ({
  ...{ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: region },
  ...(sessionToken !== undefined && { AWS_SESSION_TOKEN: sessionToken }),
})

const CREDENTIALS = list(
  record(
    {
      accessKeyId: text(/^\w{1,128}$/, 'an access key'),
      secretAccessKey: text(/^\S+$/, 'a secret'),
      sessionToken: text(/^\S+$/, 'a session token'),
    },
    ['accessKeyId', 'secretAccessKey'],
  ),
)

/** A file that nobody else can read. */
function credentialsIn(file: string): Credentials[] {
  const yaml = contentOf('credentials', file)
  if (statSync(file).mode & 0o077) throw new UsageError(`\`--credentials\`: others can read \`${file}\`; chmod 600 it`)
  const callers = parseYaml(yaml, file, CREDENTIALS) as Credentials[]
  // What is empty is no list.
  if (!Array.isArray(callers) || callers.length === 0)
    throw new UsageError(`\`--credentials\`: there are none in \`${file}\``)
  return callers
}

function contentOf(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new UsageError(`\`--${flag}\`: \`${file}\` cannot be read`)
  }
}

/** Sends as the platform's `fetch` does, which cannot be told whom to trust. */
function poster(ca: string | undefined): NonNullable<Remote['fetch']> {
  return async (url, { method, headers, body }) =>
    new Promise((resolve, reject) => {
      const refuse = (cause: Error) =>
        reject(new NotMeasured(`${new URL(url).host} does not answer: ${told(cause)}`, { cause }))
      const send = url.startsWith('https:') ? https : http
      const sent = send(
        url,
        { method, headers: { ...headers, 'content-length': Buffer.byteLength(body) }, ca },
        (answer) => {
          const chunks: Buffer[] = []
          answer.on('data', (chunk: Buffer) => chunks.push(chunk))
          answer.on('error', refuse)
          answer.on('end', () => {
            const date = answer.headers.date
            resolve(
              new Response(Buffer.concat(chunks), {
                status: answer.statusCode ?? 500,
                headers: date === undefined ? {} : { date },
              }),
            )
          })
        },
      )
      sent.on('error', refuse)
      sent.end(body)
    })
}

const told = (cause: Error): string => ('code' in cause && typeof cause.code === 'string' ? cause.code : cause.message)
