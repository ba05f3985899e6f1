/** `strongroom db …`: databases of a running server, made, started and stopped, copied and restored, and talked to. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { flagHelp, readFlags, UsageError, type Flags } from './flags.ts'
import { askQuery, itemsOf, type Answered, type Remote } from './remote.ts'
import { answersTo } from './statements.ts'

/** What it needs of the world; requests are sent with the credentials of the environment. */
export interface DbWorld extends Pick<Remote, 'env' | 'now' | 'fetch'> {
  out(text: string): unknown
}

const RDS = { service: 'rds', version: '2014-10-31' }
const USER = 'postgres'

const FLAGS = {
  key: { values: ['ID'], help: 'create: encrypt it under this key: its id, ARN or alias (alias/aws/rds)' },
  username: {
    values: ['NAME'],
    help: `create: the master user (${USER}); its password is PGPASSWORD's, or made up and told`,
  },
  database: { values: ['NAME'], help: 'create: the name of the database in it (postgres)' },
  port: { values: ['N'], help: 'create, restore: serve it at this port of the loopback (a free one)' },
  as: { values: ['SNAPSHOT'], help: 'snapshot: call the copy so' },
  from: { values: ['SNAPSHOT'], help: 'restore: make the database of this snapshot' },
  'endpoint-url': {
    values: ['URL'],
    help: 'of this server (AWS_ENDPOINT_URL_RDS, AWS_ENDPOINT_URL, http://localhost:4599)',
  },
  region: { values: ['NAME'], help: 'in this Region (AWS_REGION, AWS_DEFAULT_REGION, us-east-1)' },
} as const satisfies Flags

export const DB_HELP = `usage: strongroom db create|start|stop|snapshot|restore|connect|delete NAME [flags]
       strongroom db list [flags]

${flagHelp(FLAGS)}
\`connect\` runs psql, which asks for the password unless PGPASSWORD says it, and reads statements from where you are:
echo 'select 1' | strongroom db connect NAME. Without psql they are run together,
by the package pg, and cells stand between tabs. \`delete\` leaves nothing but the snapshots there are.
Signed with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
`

type Parameters = Readonly<Record<string, string | number | boolean | undefined>>
type Named = Readonly<Record<string, string>>
type Element = Readonly<Record<string, Answered>>

/** What a verb works with. */
interface Job {
  readonly name: string
  readonly world: DbWorld
  ask(action: string, parameters: Parameters): Promise<Element>
  /** The value of a flag. */
  flag(name: keyof typeof FLAGS): string | undefined
  tell(value: unknown): Promise<number>
}

const VERBS: Readonly<Record<string, (job: Job) => Promise<number>>> = {
  async create({ name, world, ask, flag, tell }) {
    const MasterUserPassword = world.env.PGPASSWORD ?? randomBytes(16).toString('hex')
    const { DBInstance } = await ask('CreateDBInstance', {
      ...{ DBInstanceIdentifier: name, Engine: 'postgres', StorageEncrypted: true, KmsKeyId: flag('key') },
      ...{ MasterUsername: flag('username') ?? USER, MasterUserPassword, DBName: flag('database'), Port: flag('port') },
    })
    return tell({ ...summary(DBInstance), ...(world.env.PGPASSWORD === undefined && { MasterUserPassword }) })
  },
  start: ({ name, ask, tell }) => onInstance('StartDBInstance', { DBInstanceIdentifier: name }, ask, tell),
  stop: ({ name, ask, tell }) => onInstance('StopDBInstance', { DBInstanceIdentifier: name }, ask, tell),
  delete: ({ name, ask, tell }) =>
    onInstance('DeleteDBInstance', { DBInstanceIdentifier: name, SkipFinalSnapshot: true }, ask, tell),
  restore({ name, ask, flag, tell }) {
    const DBSnapshotIdentifier = flag('from') ?? needed('from')
    const wanted = { DBInstanceIdentifier: name, DBSnapshotIdentifier, Port: flag('port') }
    return onInstance('RestoreDBInstanceFromDBSnapshot', wanted, ask, tell)
  },
  async snapshot({ name, ask, flag, tell }) {
    const DBSnapshotIdentifier = flag('as') ?? needed('as')
    const { DBSnapshot } = await ask('CreateDBSnapshot', { DBInstanceIdentifier: name, DBSnapshotIdentifier })
    return tell(DBSnapshot)
  },
  async list({ ask, tell }) {
    const { DBInstances } = await ask('DescribeDBInstances', {})
    return tell(itemsOf(DBInstances, 'DBInstance').map(summary))
  },
  async connect({ name, ask, world }) {
    const { DBInstances } = await ask('DescribeDBInstances', { DBInstanceIdentifier: name })
    const [instance = {}] = itemsOf(DBInstances, 'DBInstance')
    const { DBInstanceStatus = 'gone' } = instance as Named
    if (DBInstanceStatus !== 'available') throw new Error(`${name} is ${DBInstanceStatus}`)
    return shell(instance.Endpoint as Named, instance as Named, world)
  },
}

/** Does what the first argument says; the exit code. */
export async function db([verb = '', ...args]: readonly string[], world: DbWorld): Promise<number> {
  const act = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined
  if (!act) throw new UsageError(verb === '' ? '`db` what? `db list`' : `unknown \`db ${verb}\``)
  const isNamed = args[0] !== undefined && !args[0].startsWith('--')
  if (isNamed === (verb === 'list')) throw new UsageError(`\`db ${verb}\` takes ${isNamed ? 'no name' : 'a name'}`)
  const given = readFlags(FLAGS, isNamed ? args.slice(1) : args)
  const flag = (name: keyof typeof FLAGS) => given[name]?.[0]
  const remote = remoteOf(flag('endpoint-url'), flag('region'), world)
  return act({
    name: isNamed ? args[0]! : '',
    world,
    flag,
    ask: (action, parameters) => askQuery(remote, RDS, action, parameters),
    async tell(value) {
      await world.out(`${JSON.stringify(value, null, 2)}\n`)
      return 0
    },
  })
}

async function onInstance(action: string, parameters: Parameters, ask: Job['ask'], tell: Job['tell']): Promise<number> {
  const { DBInstance } = await ask(action, parameters)
  return tell(summary(DBInstance))
}

/** What people want to know of an instance. */
function summary(instance: Answered | undefined): object {
  const { DBInstanceIdentifier, DBInstanceStatus, Endpoint, MasterUsername, DBName, KmsKeyId } = instance as Element
  return { DBInstanceIdentifier, DBInstanceStatus, Endpoint, MasterUsername, DBName, KmsKeyId }
}

/** Runs PostgreSQL's own shell with our terminal; its exit code. Where there is none, what comes in is run all the same. */
async function shell({ Address = '', Port = '' }: Named, { MasterUsername = '', DBName = '' }: Named, world: DbWorld) {
  const { env } = world
  const args = ['--host', Address, '--port', Port, '--username', MasterUsername, '--dbname', DBName]
  const child = spawn('psql', args, { stdio: 'inherit', env })
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    return code ?? 1
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const { PGPASSWORD: password } = env
  if (password === undefined) throw new UsageError('there is no psql to ask for the password: say it in PGPASSWORD')
  const login = { host: Address, port: Number(Port), user: MasterUsername, database: DBName, password }
  await world.out(await answersTo(await text(process.stdin), login))
  return 0
}

function remoteOf(url: string | undefined, region: string | undefined, { env, now, fetch }: DbWorld): Remote {
  const endpoint = url ?? env.AWS_ENDPOINT_URL_RDS ?? env.AWS_ENDPOINT_URL ?? 'http://localhost:4599'
  if (!URL.canParse(endpoint)) throw new UsageError(`\`${endpoint}\` is no URL`)
  return { endpoint, now, fetch, env: region === undefined ? env : { ...env, AWS_REGION: region } }
}

function needed(flag: string): never {
  throw new UsageError(`\`--${flag}\` is needed`)
}
