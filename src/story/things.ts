/** What the acts do to volumes, objects and databases, and how they look for words on disk. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Person } from '../person.ts'
import { NbdClient } from './nbd.ts'
import { PATIENTS } from './stage.ts'

export const BUCKET = 'clinic-records'
export const DATABASE = 'patients'
export const INSTANCE = 'i-0c1141c000000001'

/** An image, of which only the words in it matter: a sector of the volume. */
export const SCAN = Buffer.from(
  PATIENTS.map(({ id, name }) => `scan of ${id}, ${name}`)
    .join('\n')
    .padEnd(4096, '.'),
)

/** Does something with a volume while it is attached. */
export async function attached<T>(person: Person, volume: string, use: (disk: NbdClient) => Promise<T>): Promise<T> {
  const { NbdUri } = await person.ebs.attachVolume({ VolumeId: volume, InstanceId: INSTANCE, Device: '/dev/sdf' })
  try {
    const disk = await NbdClient.open(NbdUri!)
    try {
      return await use(disk)
    } finally {
      await disk.close()
    }
  } finally {
    await person.ebs.detachVolume({ VolumeId: volume })
  }
}

/** The first sector of a volume. */
export function scanOn(person: Person, volume: string): Promise<Buffer> {
  return attached(person, volume, (disk) => disk.read(0, SCAN.length))
}

export async function letter(person: Person, bucket: string, id: string): Promise<string> {
  const { Body } = await person.s3.getObject({ Bucket: bucket, Key: `letters/${id}` })
  const parts: Uint8Array[] = []
  for await (const part of Body) parts.push(part)
  return Buffer.concat(parts).toString()
}

/** Who may come into the database. */
export const MASTER = { user: 'clinic', password: 'only-for-the-story' }

export type Cells = Readonly<Record<string, unknown>>

/** What a database answers to whoever knows its password, as any of its clients would hear it. */
export async function query(person: Person, sql: string, database = DATABASE): Promise<readonly Cells[]> {
  const { DBInstances } = await person.rds.describeDBInstances({ DBInstanceIdentifier: database })
  const { Endpoint, DBName, DBInstanceStatus } = DBInstances[0]!
  if (!Endpoint) throw new Error(`${database} is ${DBInstanceStatus}`)
  const { default: pg } = await import('pg')
  const client = new pg.Client({ host: Endpoint.Address, port: Endpoint.Port, database: DBName, ...MASTER })
  await client.connect()
  try {
    return (await client.query<Cells>(sql)).rows
  } finally {
    await client.end()
  }
}

/** All files under `folder`, and those of them in which one of `words` stands. */
export async function filesWith(
  folder: string,
  words: readonly string[],
): Promise<{ readonly searched: number; readonly found: readonly string[] }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const found: string[] = []
  for (const file of files) {
    const bytes = await readFile(file)
    if (words.some((word) => bytes.includes(word))) found.push(file)
  }
  return { searched: files.length, found }
}
