/** What the generator is told, and what is made of its answer: another is put in the place of the one in Rust. */
import test, { type ExecutionContext } from 'ava'
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js'
import { endpointTarget } from '../../src/harness/endpoint.ts'
import type { LoadOutcome, LoadPlan } from '../../src/harness/load.ts'
import { measure } from '../../src/harness/measure.ts'
import type { Measured, Pace } from '../../src/harness/measured.ts'
import { tableOf } from '../../src/harness/table.ts'
import { NotMeasured, type Target } from '../../src/harness/target.ts'
import { workloadOf } from '../../src/harness/workload.ts'

/** A hundred answers of a millisecond each. */
function outcome(but: Partial<LoadOutcome> = {}): LoadOutcome {
  const times = build({ highestTrackableValue: 3_600_000_000_000, numberOfSignificantValueDigits: 3 })
  times.recordValueWithCount(1_000_000, 100)
  const histogram = Buffer.from(encodeIntoCompressedBase64(times), 'base64')
  const usual = { tallies: [{ histogram, errors: [] }], intervals: [], seconds: 1, busy: 0.2, behind: 0, unsent: 0 }
  return { ...usual, ...but }
}

interface Scene {
  readonly plans: LoadPlan[]
  /** The operations of set-up and of cleaning up. */
  readonly asked: string[]
  run(pace?: Pace): Promise<Measured>
}

/** An endpoint that is not there, and a generator that answers `come`. */
async function scene(come: () => Promise<LoadOutcome>): Promise<Scene> {
  const [plans, asked]: [LoadPlan[], string[]] = [[], []]
  const target: Target = await endpointTarget({
    ...{ url: new URL('http://127.0.0.1:9/base'), region: 'eu-west-1', after: () => () => undefined },
    credentials: [{ accessKeyId: 'AKIA', secretAccessKey: 'secret', sessionToken: 'token' }],
    runLoad: async (plan) => {
      plans.push(plan)
      return come()
    },
    ask: async (operation) => {
      asked.push(operation)
      return { KeyMetadata: { KeyId: 'key-1' } }
    },
  })
  const usual = { connections: 3, isRamp: false, warmup: 0.5, seconds: 1, command: 'strongroom bench' }
  const watcher = { now: () => 0, onPhase: () => undefined, onInterval: () => undefined, stop: new Promise(() => {}) }
  const workload = workloadOf({ operations: [{ operation: 'Encrypt' }], contextPairs: 1, size: 3 })
  return { plans, asked, run: async (pace = { closed: 2 }) => measure(target, { ...usual, workload, pace }, watcher) }
}

test('the plan: where, how fast, how long, and what is asked, signed by whom', async (t) => {
  const { plans, asked, run } = await scene(async () => outcome())
  await run()
  await run({ rate: 70 })
  const [plan, atRate] = plans
  t.like(plan, { address: '127.0.0.1:9', host: '127.0.0.1:9', kinds: 1, connections: 2, rate: undefined })
  t.like(plan, { roots: undefined, warmupMillis: 500, durationMillis: 1000 })
  t.like(atRate, { connections: 3, rate: 70 })
  const signer = {
    accessKeyId: 'AKIA',
    secretAccessKey: 'secret',
    sessionToken: 'token',
    region: 'eu-west-1',
    service: 'kms',
  }
  t.deepEqual(plan!.signers, [signer])
  const [request] = plan!.requests
  t.like(request, { kind: 0, method: 'POST', path: '/base', signer: 0 })
  t.deepEqual(request!.headers, ['content-type', 'application/x-amz-json-1.1', 'x-amz-target', 'TrentService.Encrypt'])
  const { Plaintext, ...rest } = JSON.parse(Buffer.from(request!.body).toString()) as Record<string, unknown>
  t.deepEqual(rest, { KeyId: 'key-1', EncryptionContext: { 'purpose-1': 'strongroom-bench-1' } })
  t.is(Buffer.from(Plaintext as string, 'base64').length, 3)
  t.deepEqual(asked, ['CreateKey', 'ScheduleKeyDeletion', 'CreateKey', 'ScheduleKeyDeletion'])
})

const said = test.macro({
  title: (_, why: string) => why,
  exec: async (t: ExecutionContext, _why: string, but: Partial<LoadOutcome>, line: RegExp | undefined) => {
    const { run } = await scene(async () => outcome(but))
    const measured = await run()
    t.is(measured.generator.limited, line !== undefined)
    const table = tableOf(measured)
    if (line) t.regex(table, line)
    else t.notRegex(table, /LIMITED|NOT KEPT UP/)
  },
})
test(said, 'a generator with time to spare is no limit', { busy: 0.9 }, undefined)
test(
  said,
  'one without is',
  { busy: 0.91 },
  /\nLIMITED BY THE GENERATOR, which was at work 91 % of the time: the target may/,
)
test(said, 'nor is one that kept up, however late', { behind: 5000 }, undefined)
test(
  said,
  'what was never sent is told',
  { unsent: 1, behind: 5000 },
  /\nNOT KEPT UP WITH: 1 request due and never sent, others up to 5 ms late/,
)

test('when nobody answers nothing was measured, and the keys are taken away', async (t) => {
  const { asked, run } = await scene(() => Promise.reject(new Error('connection refused')))
  await t.throwsAsync(run(), { instanceOf: NotMeasured, message: '127.0.0.1:9 does not answer: connection refused' })
  t.is(asked.at(-1), 'ScheduleKeyDeletion')
})
