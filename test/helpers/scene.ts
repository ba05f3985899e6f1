/** A fresh room in memory with one key and a clock to turn; closed when the test ends. */
import type { ExecutionContext } from 'ava'
import { KmsError, Strongroom, type StrongroomOptions } from '../../src/index.ts'

export interface Scene {
  room: Strongroom
  /** The key's id and ARN. */
  id: string
  arn: string
  /** Moves the room's time on, by days. */
  pass(days: number): void
}

export async function scene(t: ExecutionContext, options: StrongroomOptions = {}): Promise<Scene> {
  let now = Date.UTC(2026, 0, 1)
  const room = await Strongroom.open({ memory: true, now: () => new Date(now), ...options })
  t.teardown(() => room.close())
  const { KeyMetadata } = await room.createKey({})
  return {
    room,
    id: KeyMetadata!.KeyId,
    arn: KeyMetadata!.Arn!,
    pass: (days) => {
      now += days * 86_400_000
    },
  }
}

/** Asserts that `act` fails with the AWS exception `code`, and with `message` when one is given. */
export async function refuses(t: ExecutionContext, act: Promise<unknown>, code: string, message?: string | RegExp) {
  const error = await t.throwsAsync(act, { instanceOf: KmsError })
  t.is(error.code, code)
  if (message instanceof RegExp) t.regex(error.message, message)
  else if (message !== undefined) t.is(error.message, message)
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
