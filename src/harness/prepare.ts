/** Sets a target up for a workload: makes its keys, and what its requests are made of; and takes the keys away again. */
import { seededChance, spread, weighted } from './choose.ts'
import { dataOf, rowOf, usageFor, type Ask, type Ground, type LoadKey, type Members } from './operations.ts'
import { NotMeasured, type Load, type Prompt } from './target.ts'
import { namesOf, type Mixed, type Workload } from './workload.ts'

/** How many choices are made before they repeat: enough that a rare key of many comes, and few enough to be kept. */
const CHOICES = 65_536

/** How many requests of set-up are under way at a time. */
const AT_ONCE = 16

export interface Prepared extends Load {
  /** Has the keys deleted, as soon as the KMS lets them be. */
  cleanUp(): Promise<void>
}

/** `mark`: what keys are described with, so that they are known again. */
export async function prepare(workload: Workload, ask: Ask, mark: string): Promise<Prepared> {
  const made: string[] = []
  const makesKeys = workload.operations.some(({ operation }) => operation === 'CreateKey')
  try {
    const before = new Set(makesKeys ? await allKeys(ask) : [])
    const keys = await makeKeys(workload, ask, mark, made)
    const load = await choose(workload, keys, (key, mixed) => ({
      ...{ ask, key, mark, context: contextOf(workload.contextPairs) },
      data: dataOf(mixed.operation, key, workload.size),
    }))
    return {
      ...load,
      cleanUp: async () => remove([...made, ...(makesKeys ? await foundKeys(ask, before, mark, made) : [])], ask),
    }
  } catch (problem) {
    await remove(made, ask).catch(() => undefined)
    throw new NotMeasured(problem instanceof Error ? problem.message : String(problem), { cause: problem })
  }
}

/** The keys of each operation of the mix; operations that can share theirs do. */
async function makeKeys(workload: Workload, ask: Ask, mark: string, made: string[]): Promise<LoadKey[][]> {
  const shared = new Map<string, Promise<string[]>>()
  const kept = []
  for (const { operation, keySpec: spec, algorithm } of workload.operations) {
    const usage = usageFor(operation, spec)
    const kind = `${spec} ${usage}`
    const input = { Description: mark, ...(spec !== 'SYMMETRIC_DEFAULT' && { KeySpec: spec, KeyUsage: usage }) }
    const ids = usage === undefined ? [''] : await (shared.get(kind) ?? makeAll(input))
    shared.set(kind, Promise.resolve(ids))
    kept.push(ids.map((KeyId) => ({ KeyId, spec, algorithm })))
  }
  return kept

  function makeAll(input: Members): Promise<string[]> {
    return eachOf(Array.from({ length: workload.keys }), async () => {
      const { KeyMetadata } = (await ask('CreateKey', input)) as { KeyMetadata: { KeyId: string } }
      made.push(KeyMetadata.KeyId)
      return KeyMetadata.KeyId
    })
  }
}

/** Choices of operation, key and caller, and the requests they come to, each made once. */
async function choose(
  workload: Workload,
  keys: readonly (readonly LoadKey[])[],
  groundOf: (key: LoadKey, mixed: Mixed) => Ground,
): Promise<Load> {
  const { operations, principals, distribution, seed } = workload
  const chance = seededChance(seed)
  const nextKind = weighted(
    operations.map(({ weight }) => weight),
    chance,
  )
  const nextKeys = keys.map((those) => spread(those.length, distribution, chance))
  const places = new Map<string, number>()
  const chosen: { kind: number; key: number; principal: number }[] = []
  const order = Uint32Array.from({ length: isPlain(workload) ? 1 : CHOICES }, () => {
    const kind = nextKind()
    const key = nextKeys[kind]!()
    const principal = Math.floor(chance() * principals)
    const name = `${kind} ${key} ${principal}`
    const place = places.get(name) ?? chosen.push({ kind, key, principal }) - 1
    places.set(name, place)
    return place
  })
  const inputs = new Map<string, Promise<Members>>()
  const requests = await eachOf(chosen, async ({ kind, key, principal }): Promise<Prompt> => {
    const mixed = operations[kind]!
    const name = `${kind} ${key}`
    const input = inputs.get(name) ?? inputFor(mixed, groundOf(keys[kind]![key]!, mixed))
    inputs.set(name, input)
    return { kind, operation: mixed.operation, input: await input, principal }
  })
  return { names: namesOf(operations), requests, order }
}

async function inputFor({ operation }: Mixed, ground: Ground): Promise<Members> {
  return rowOf(operation).input(ground)
}

/** Nothing to choose from. */
const isPlain = ({ operations, keys, principals }: Workload): boolean =>
  operations.length === 1 && keys === 1 && principals === 1

const contextOf = (pairs: number): Members =>
  Object.fromEntries(Array.from({ length: pairs }, (_, at) => [`purpose-${at + 1}`, `strongroom-bench-${at + 1}`]))

async function remove(ids: readonly string[], ask: Ask): Promise<void> {
  await eachOf(ids, (KeyId) => ask('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 }))
}

/** Keys that came since, and have our mark. */
async function foundKeys(ask: Ask, before: ReadonlySet<string>, mark: string, made: string[]): Promise<string[]> {
  const others = (await allKeys(ask)).filter((id) => !before.has(id) && !made.includes(id))
  const found = await eachOf(others, async (KeyId) => {
    const { KeyMetadata } = (await ask('DescribeKey', { KeyId })) as { KeyMetadata: { Description?: string } }
    return KeyMetadata.Description === mark ? [KeyId] : []
  })
  return found.flat()
}

async function allKeys(ask: Ask): Promise<string[]> {
  const ids: string[] = []
  let Marker: string | undefined
  do {
    const page = (await ask('ListKeys', { Limit: 1000, Marker })) as {
      Keys?: { KeyId: string }[]
      NextMarker?: string
    }
    ids.push(...(page.Keys ?? []).map(({ KeyId }) => KeyId))
    Marker = page.NextMarker
  } while (Marker !== undefined)
  return ids
}

/** All of `items`, a few at a time; what comes of them, in their order. */
async function eachOf<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = Array.from({ length: items.length })
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      const at = next++
      done[at] = await act(items[at]!)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return done
}
