/** What CreateDBInstance asks for, checked. */
import { fail } from '../../errors.ts'
import { combination, invalid } from './refusals.ts'
import { verifierOf } from './scram.ts'
import type { InstanceRecord } from './records.ts'
import type { CreateDBInstanceRequest, ModifyDBInstanceRequest } from './shapes.ts'
import { tagsIn } from './tags.ts'

const CLASS = 'db.t4g.micro'
const DATABASE = 'postgres'
const SIZE = 20
/** Roles that RDS, or PostgreSQL, has for itself. */
const RESERVED = /^(pg_.*|rdsadmin|rds_.*|admin|template[01])$/

export function settingsOf(input: CreateDBInstanceRequest) {
  const { Engine, MasterUsername: user, MasterUserPassword: password, DBName: database = DATABASE } = input
  if (Engine !== 'postgres') invalid(`Invalid DB engine: ${Engine ?? ''}. There is postgres.`)
  if (input.StorageEncrypted === false)
    combination('Databases here are always encrypted: leave StorageEncrypted out, or say true.')
  if (!user || !/^[a-z][a-z0-9_]{0,15}$/i.test(user) || RESERVED.test(user.toLowerCase())) {
    invalid('The parameter MasterUsername must be 1 to 16 letters, digits and underscores, and no reserved word.')
  }
  if (!/^[a-z_][a-z0-9_]{0,62}$/i.test(database) || /^template[01]$/.test(database)) {
    invalid('The parameter DBName must begin with a letter and contain only letters, digits and underscores.')
  }
  return {
    master: { user, verifier: keptOf(password) },
    database,
    size: sizeOf(input.AllocatedStorage),
    class: input.DBInstanceClass ?? CLASS,
    port: portOf(input.Port) ?? 0,
    isProtected: input.DeletionProtection ?? false,
    tags: tagsIn(input.Tags),
  }
}

/** What ModifyDBInstance changes on record. */
export function changesOf(input: ModifyDBInstanceRequest, { size }: InstanceRecord): Partial<InstanceRecord> {
  return {
    ...(input.DBInstanceClass !== undefined && { class: input.DBInstanceClass }),
    ...(input.AllocatedStorage !== undefined && { size: grown(size, input.AllocatedStorage) }),
    ...(input.DeletionProtection !== undefined && { isProtected: input.DeletionProtection }),
  }
}

/** By a tenth at least: what is less is rounded up. */
function grown(size: number, wanted: number): number {
  if (wanted === size) return size
  if (wanted < size)
    combination(`Requested storage size (${wanted}) cannot be less than the current storage size (${size}).`)
  return sizeOf(Math.max(wanted, Math.ceil(size * 1.1)))
}

export function portOf(port: number | undefined): number | undefined {
  if (port === undefined || (port >= 1150 && port <= 65535)) return port
  return invalid('Invalid value for Port: 1150 to 65535.')
}

function sizeOf(size = SIZE): number {
  return size >= SIZE && size <= 65536
    ? size
    : invalid('Invalid storage size for engine name postgres: 20 to 65536 GiB.')
}

/** What is kept of a password, which has to be one. */
export function keptOf(password: string | undefined): string {
  return verifierOf(requirePassword(password))
}

function requirePassword(password: string | undefined): string {
  if (password === undefined) fail('MissingParameter', 'The request must contain the parameter MasterUserPassword')
  if (password.length >= 8 && password.length <= 128 && /^[!-~]+$/.test(password) && !/[/"'@]/.test(password))
    return password
  return invalid(
    "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', '@', '\"', " +
      "' ' may be used, 8 to 128 of them.",
  )
}
