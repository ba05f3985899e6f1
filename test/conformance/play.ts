/** Plays a story at a door, and tells where it went another way. */
import type { OperationName } from '../../src/model/kms.ts'
import { ACCOUNT, REGION, STRANGER, visit, type DoorName, type Outcome, type Visit } from './doors.ts'
import { CLOCK, requestsWith, type Asking, type Requests, type Story, type Template, type Waiting } from './story.ts'
import { differences, placed, resolve, type Saved } from './values.ts'
import { make } from './workbench.ts'

/** What a step came to: which operation was asked, with what, and how it ended. */
export interface Played {
  readonly name: OperationName
  readonly input: Readonly<Record<string, unknown>>
  /** The error's code; undefined for an answer. */
  readonly error: string | undefined
}

/** Throws at the first step that does not come to what is expected of it. */
export async function play(story: Story, door: DoorName): Promise<Played[]> {
  const stage = await visit(door, story.room.settleMillis)
  const saved = new Map<string, unknown>([
    ['account', ACCOUNT],
    ['stranger', STRANGER],
    ['nowhere', '00000000-0000-4000-8000-000000000000'],
  ])
  const played: Played[] = []
  try {
    for (const [i, step] of story.steps.entries()) {
      const where = `step ${i + 1}`
      if ('clock' in step) stage.pass(millisOf(step))
      else if ('make' in step) saved.set(step.save, make(step.make, resolve(step.from, saved) as never, stage.now()))
      else played.push(...(await ask(stage, step, story.requests, saved, where)))
    }
    return played
  } finally {
    await stage.leave()
  }
}

async function ask(
  stage: Visit,
  step: Asking,
  requests: Requests,
  saved: Map<string, unknown>,
  where: string,
): Promise<Played[]> {
  const { times = 1, region = REGION, expect = {}, save = {} } = step
  const account = step.as === undefined ? ACCOUNT : (resolve(step.as, saved) as string)
  const { call, input = {}, each } = step
  const several = each ? requestsWith(requests, each) : Object.entries(step.calls ?? {})
  const calls = call ? [[call, input] as const] : several
  const played: Played[] = []
  for (let i = 0; i < times; i++) {
    saved.set('i', i)
    for (const [name, template] of calls as [OperationName, Template][]) {
      const input = resolve(template, saved) as Record<string, unknown>
      const outcome = await stage.send(name, input, { account, region })
      const problems = compare(expect, outcome, saved)
      if (problems.length > 0) throw new Error(`${where}, ${name}: ${problems.join('\n  ')}`)
      played.push({ name, input, error: 'error' in outcome ? outcome.error : undefined })
      if ('error' in outcome) continue
      for (const [key, path] of Object.entries(save)) {
        const value = placed(outcome.output, path)
        if (value === undefined) throw new Error(`${where}, ${name}: there is no ${path} to save in the answer`)
        saved.set(key, value)
      }
    }
  }
  return played
}

function compare(expect: Record<string, Template>, outcome: Outcome, saved: Saved): string[] {
  if ('output' in outcome) {
    return 'error' in expect ? ['should have failed, but was answered'] : differences(expect, outcome.output, saved)
  }
  return 'error' in expect ? differences(expect, outcome, saved) : [`failed with ${outcome.error}: ${outcome.message}`]
}

function millisOf({ clock }: Waiting): number {
  const [, count, unit] = CLOCK.exec(clock)!
  return Number(count) * { minute: 60_000, hour: 3_600_000, day: 86_400_000 }[unit as 'day']
}
