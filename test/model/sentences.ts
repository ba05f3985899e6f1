/** What a validator makes of an input, as sentences: it accepts, tells of a violation, or cannot read. */
import test from 'ava'
import { KmsError } from '../../src/errors.ts'
import type { OperationName } from '../../src/model/kms.ts'
import { validator } from '../../src/model/validate.ts'

export const KEY = '1234abcd-12ab-34cd-56ef-1234567890ab'
export const blob = (length: number): Buffer => Buffer.alloc(length)

export const refusal = (name: OperationName, input: unknown): string => {
  try {
    validator(name)(input)
  } catch (error) {
    if (error instanceof KmsError) return `${error.code}: ${error.message}`
    throw error
  }
  return 'accepted'
}

export const accepts = test.macro({
  title: (_, name: OperationName, why: string) => `${name} accepts ${why}`,
  exec: (t, name: OperationName, _why: string, input: unknown) => t.is(refusal(name, input), 'accepted'),
})

/** One violation of one value: `Value 'x' at 'y'` and what it must be. */
export const tells = test.macro({
  title: (_, name: OperationName, why: string) => `${name} refuses ${why}`,
  exec: (t, name: OperationName, _why: string, input: unknown, where: string, ...constraints: string[]) => {
    const parts = constraints.map((text) => `${where} failed to satisfy constraint: ${text}`)
    const errors = parts.length === 1 ? 'error' : 'errors'
    t.is(
      refusal(name, input),
      `ValidationException: ${parts.length} validation ${errors} detected: ${parts.join('; ')}`,
    )
  },
})

export const mistakes = test.macro({
  title: (_, name: OperationName, why: string) => `${name} cannot read ${why}`,
  exec: (t, name: OperationName, _why: string, input: unknown, message: string) =>
    t.is(refusal(name, input), `SerializationException: ${message}`),
})
