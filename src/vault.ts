/**
 * The data folder: the root secret and the domain key sealed under it, each made once, whole or not at all.
 *
 *   root.key   32 random bytes, unless the operator supplies the secret     domain   the HSM's sealed domain key
 *   strongroom.db (and its companions)   the store        admin.token   what the admin route asks for
 */
import { randomBytes } from 'node:crypto'
import { access, mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { Hsm, type HsmOptions } from '../bindings/node/index.js'

/** A data folder that cannot be opened; `code` says why. */
export class VaultError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'VaultError'
    this.code = code
  }
}

export function storePath(folder: string): string {
  return join(folder, 'strongroom.db')
}

/** Opens the HSM whose domain lives in `folder`, making folder, root secret and domain when there are none yet. */
export async function openVault(folder: string, secret: Uint8Array | undefined, options: HsmOptions): Promise<Hsm> {
  const sealed = await read(join(folder, 'domain'))
  if (sealed) return reopen(folder, secret, sealed, options)
  if (await exists(storePath(folder)))
    throw new VaultError('DomainMissing', `${folder} holds a store but no domain key`)
  const root =
    secret ?? (await read(join(folder, 'root.key'))) ?? (await writeWhole(folder, 'root.key', randomBytes(32)))
  const hsm = Hsm.create(root, options)
  await writeWhole(folder, 'domain', hsm.sealedDomain())
  return hsm
}

/** What the admin route asks for, made with the folder; whoever reads the folder may change who there is. */
export async function adminTokenOf(folder: string): Promise<string> {
  const known = await read(join(folder, 'admin.token'))
  const token = known ?? (await writeWhole(folder, 'admin.token', Buffer.from(randomBytes(32).toString('hex'))))
  return Buffer.from(token).toString()
}

/** Makes the folder; whether there is nothing in it yet that a room has made. */
export async function makeFolder(folder: string): Promise<boolean> {
  // A folder that was there keeps its mode, for it may be anybody's; the files in it are for their owner alone.
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return !(await exists(join(folder, 'domain')))
}

/** Opens the HSM of a folder that must exist already, changing nothing. */
export async function openExisting(folder: string, secret: Uint8Array | undefined, options: HsmOptions): Promise<Hsm> {
  const sealed = await read(join(folder, 'domain'))
  if (!sealed) throw new VaultError('DomainMissing', `${folder} holds no domain key`)
  return reopen(folder, secret, sealed, options)
}

async function reopen(
  folder: string,
  secret: Uint8Array | undefined,
  sealed: Uint8Array,
  options: HsmOptions,
): Promise<Hsm> {
  const root = secret ?? (await read(join(folder, 'root.key')))
  if (!root) throw new VaultError('RootSecretMissing', `${folder} holds no root secret, and none was given`)
  try {
    return Hsm.open(root, sealed, options)
  } catch (cause) {
    throw new VaultError('DomainSealed', `the root secret does not open the domain key in ${folder}`, { cause })
  }
}

async function read(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Writes a file whole: under another name first, down to the disk, and then in its place. */
export async function writeWhole(folder: string, name: string, bytes: Uint8Array): Promise<Uint8Array> {
  const draft = join(folder, `${name}.new`)
  const file = await open(draft, 'w', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, join(folder, name))
  const directory = await open(folder, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
  return bytes
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
