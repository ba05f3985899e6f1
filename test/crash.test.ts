/**
 * Killed at any instant, the server loses no acknowledged write and resurrects none. Writers, each with a key and an alias of its
 * own, change everything a key has; at a random moment the server is killed; then what it kept must be, for each writer, what was
 * last acknowledged, or that with the one change that was under way.
 */
import test from 'ava'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { KMS } from '@aws-sdk/client-kms'
import { serve, type Served } from './helpers/served.ts'
import { below, pick, seeded, type Random } from './model/arbitrary.ts'

const KILLS = 100
const WRITERS = 6
const SEED = 20261124

/** What a writer believes its key to be. `gone` means that there is none. */
interface Belief {
  id: string
  description: string
  enabled: boolean
  deletion: boolean
  tags: Record<string, string>
  policy: string
  alias: boolean
}

type Step = { readonly after: Belief; act(kms: KMS): Promise<unknown> }

test(`${KILLS} kills under concurrent writes of every kind`, async (t) => {
  t.timeout(1_200_000)
  const data = await mkdtemp(join(tmpdir(), 'strongroom-crash-'))
  t.teardown(() => rm(data, { recursive: true, force: true }))
  const random = seeded(SEED)
  const writers = Array.from({ length: WRITERS }, (_, i) => new Writer(i, random))
  let acknowledged = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const server = await serve([], { data })
    const kms = client(server)
    for (const writer of writers) t.is(await writer.disagreement(kms), undefined, `seed ${SEED}, after kill ${kill}`)
    let down = false
    const writing = writers.map((writer) => writer.write(kms, () => down))
    await setTimeout(20 + below(random, 150))
    down = true
    await server.kill()
    kms.destroy()
    for (const steps of await Promise.all(writing)) acknowledged += steps
  }
  const server = await serve([], { data })
  const kms = client(server)
  for (const writer of writers) t.is(await writer.disagreement(kms), undefined, `seed ${SEED}, at the end`)
  kms.destroy()
  await server.stop()
  t.true(acknowledged > KILLS * WRITERS, `only ${acknowledged} writes were acknowledged`)
})

function client({ url }: Served): KMS {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  return new KMS({ region: 'us-east-1', endpoint: url, credentials, maxAttempts: 1 })
}

class Writer {
  private readonly random: Random
  private readonly aliasName: string
  /** What was acknowledged; undefined before the first key was. */
  private known: Belief | undefined
  /** What will be true if the change under way got through. */
  private perhaps: Belief | undefined
  /** A CreateKey that was never answered leaves a key nobody knows of: it may be there or not. */
  private serial = 0

  constructor(n: number, random: Random) {
    this.random = random
    this.aliasName = `alias/writer-${n}`
  }

  /** Writes until the server is gone; how many writes it acknowledged. */
  async write(kms: KMS, down: () => boolean): Promise<number> {
    for (let steps = 0; ; steps++) {
      try {
        if (this.known === undefined) {
          const { KeyMetadata } = await kms.createKey({ Description: 'new' })
          this.known = fresh(KeyMetadata!.KeyId!)
          continue
        }
        const step = this.step(this.known)
        this.perhaps = step.after
        await step.act(kms)
        this.known = step.after
        this.perhaps = undefined
      } catch (error) {
        // Only a connection cut by the kill ends a writer; a refusal by a living server is a finding.
        if (!down() || (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode) throw error
        return steps
      }
    }
  }

  /** How what the server says differs from all that may be true, or undefined; settles what is true from now on. */
  async disagreement(kms: KMS): Promise<string | undefined> {
    if (!this.known) return undefined
    const found = JSON.stringify(await this.look(kms, this.known.id))
    const possible = [this.known, this.perhaps].filter((belief) => belief !== undefined)
    const truth = possible.find((belief) => JSON.stringify(belief) === found)
    if (!truth) return `found ${found}, expected ${possible.map((belief) => JSON.stringify(belief)).join(' or ')}`
    this.known = truth
    this.perhaps = undefined
    return undefined
  }

  private async look(kms: KMS, id: string): Promise<Belief> {
    const [{ KeyMetadata }, { Tags }, { Policy }, { Aliases }] = await Promise.all([
      kms.describeKey({ KeyId: id }),
      kms.listResourceTags({ KeyId: id }),
      kms.getKeyPolicy({ KeyId: id }),
      kms.listAliases({ KeyId: id }),
    ])
    const key = KeyMetadata!
    const deletion = key.KeyState === 'PendingDeletion'
    return {
      id,
      description: key.Description!,
      // A key saved from deletion is disabled, so what it was before does not matter.
      enabled: key.KeyState === 'Enabled',
      deletion,
      tags: Object.fromEntries(Tags!.map(({ TagKey, TagValue }) => [TagKey!, TagValue!]).toSorted()) as Belief['tags'],
      policy: Policy!.includes('key-default-1') ? '' : Policy!,
      alias: Aliases!.some(({ AliasName }) => AliasName === this.aliasName),
    }
  }

  private step(belief: Belief): Step {
    const KeyId = belief.id
    const { aliasName: AliasName, random } = this
    const n = String(this.serial++)
    if (belief.deletion) {
      return { after: { ...belief, deletion: false, enabled: false }, act: (kms) => kms.cancelKeyDeletion({ KeyId }) }
    }
    const policy = JSON.stringify({
      Id: n,
      Statement: [{ Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' }],
    })
    const tag = `t${below(random, 3)}`
    const { [tag]: removed, ...others } = belief.tags
    const steps: Step[] = [
      { after: { ...belief, description: n }, act: (kms) => kms.updateKeyDescription({ KeyId, Description: n }) },
      { after: { ...belief, enabled: true }, act: (kms) => kms.enableKey({ KeyId }) },
      { after: { ...belief, enabled: false }, act: (kms) => kms.disableKey({ KeyId }) },
      { after: { ...belief, policy }, act: (kms) => kms.putKeyPolicy({ KeyId, Policy: policy }) },
      {
        after: { ...belief, deletion: true, enabled: false },
        act: (kms) => kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 }),
      },
      removed === undefined
        ? {
            after: { ...belief, tags: sorted({ ...others, [tag]: n }) },
            act: (kms) => kms.tagResource({ KeyId, Tags: [{ TagKey: tag, TagValue: n }] }),
          }
        : { after: { ...belief, tags: sorted(others) }, act: (kms) => kms.untagResource({ KeyId, TagKeys: [tag] }) },
      belief.alias
        ? { after: { ...belief, alias: false }, act: (kms) => kms.deleteAlias({ AliasName }) }
        : { after: { ...belief, alias: true }, act: (kms) => kms.createAlias({ AliasName, TargetKeyId: KeyId }) },
    ]
    return pick(random, steps)
  }
}

function fresh(id: string): Belief {
  return { id, description: 'new', enabled: true, deletion: false, tags: {}, policy: '', alias: false }
}

function sorted(tags: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).toSorted())
}
