/**
 * The process that has the module in it, and that the module may bring down: it does what it is told over its channel, and ends
 * when nobody is at the other end any more.
 */
import { Worker } from 'node:worker_threads'
import type { Material } from '../../keys.ts'
import type { Backend, OpenedBackend } from '../backend.ts'
import { piecesOf, type Answer, type Opened, type Opening, type Order } from './wire.ts'

type Opener = (options: object) => { open(): Promise<OpenedBackend & Pick<Opened, 'profile'>> }
type Verbs = Readonly<Record<string, (...given: readonly unknown[]) => unknown>>

let backend: Backend | undefined

/** Materials as this process knows them, by their tokens: what comes over the channel is a copy, whose pocket is empty. */
const materials = new Map<string, Material>()

async function obey(order: Order): Promise<unknown> {
  if ('open' in order) return open(order.open)
  if ('release' in order) {
    release(order.release)
    return
  }
  if ('forget' in order) {
    backend?.forget?.()
    return
  }
  if ('close' in order) {
    await backend?.close()
    return
  }
  const part = (order.part === '' ? backend : backend?.[order.part as keyof Backend]) as unknown as Verbs
  return part[order.verb]!(...order.given.map(known))
}

async function open({ opener, options }: Opening): Promise<Opened> {
  const { pkcs11 } = (await import(opener)) as { readonly pkcs11: Opener }
  const { backend: opened, abilities, identity, profile } = await pkcs11(options).open()
  backend = opened
  return { abilities, identity, profile }
}

function known(given: unknown): unknown {
  if (!isMaterial(given)) return given
  const name = nameOf(given.token!)
  const ours = materials.get(name)
  const material = ours ? { ...given, opened: ours.opened } : given
  materials.set(name, material)
  return material
}

function release(token: Uint8Array): void {
  const material = materials.get(nameOf(token))
  materials.delete(nameOf(token))
  if (material) backend?.release(material)
}

function isMaterial(given: unknown): given is Material {
  return typeof given === 'object' && given !== null && 'opened' in given
}

function nameOf(token: Uint8Array): string {
  return Buffer.from(token).toString('hex')
}

function answer(said: Answer, then?: () => void): void {
  process.send!(said, undefined, undefined, then)
}

process.on('message', (order: Order) => {
  const end = 'close' in order ? () => process.exit() : undefined
  obey(order).then(
    (value) => answer({ id: order.id, value }, end),
    (error: unknown) => answer({ id: order.id, error: piecesOf(error) }, end),
  )
})
process.once('disconnect', () => process.exit())
// A module that hangs keeps this thread from hearing that nobody is there any more: another one sees whose child we are.
new Worker(
  'const { workerData: parent } = require("node:worker_threads");' +
    'setInterval(() => process.ppid === parent || process.kill(process.pid, "SIGKILL"), 500)',
  { eval: true, execArgv: [], workerData: process.ppid },
).unref()
// Signals of the terminal are for whoever started this process, and ends it when that is right.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
