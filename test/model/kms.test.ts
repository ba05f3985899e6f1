/** The generated model is what its source says. */
import test from 'ava'
import { readFileSync } from 'node:fs'
import { type Model, render, trim } from '../../scripts/model.ts'
import { ERRORS, OPERATIONS, SHAPES, TARGET_PREFIX, type Shape } from '../../src/model/kms.ts'

const model = JSON.parse(readFileSync('scripts/kms.model.json', 'utf8')) as Model

test('the model has the 56 operations and 48 exceptions of 2026', (t) => {
  t.is(Object.keys(OPERATIONS).length, 56)
  t.is(Object.keys(ERRORS).length, 48)
  t.is(TARGET_PREFIX, 'TrentService')
})

test('three exceptions are faults of the service, answered with 500', (t) => {
  const faults = Object.entries(ERRORS).filter(([, { status }]) => status === 500)
  t.deepEqual(
    faults.map(([name]) => name),
    ['DependencyTimeoutException', 'KMSInternalException', 'KeyUnavailableException'],
  )
  t.true(Object.values(ERRORS).every(({ status, fault }) => fault === (status === 500)))
})

test('every name in the tables is a row of the tables', (t) => {
  const shapes = SHAPES as Record<string, Shape>
  for (const { input, errors } of Object.values(OPERATIONS)) {
    t.is(shapes[input]?.type, 'structure')
    for (const error of errors) t.true(error in ERRORS, error)
  }
  for (const [name, shape] of Object.entries(shapes)) {
    const parts = { ...shape } as { members?: Record<string, string>; member?: string; key?: string; value?: string }
    for (const part of [parts.member, parts.key, parts.value, ...Object.values(parts.members ?? {})])
      if (part !== undefined) t.true(part in SHAPES, `${name} names ${part}`)
  }
})

test('structures have few enough members for the bits that json.ts keeps of those it saw', (t) => {
  for (const [name, shape] of Object.entries(SHAPES) as [string, Shape][])
    if (shape.type === 'structure') t.true(Object.keys(shape.members).length <= 32, name)
})

test('white space classes stand where validate.ts can widen them', (t) => {
  for (const shape of Object.values(SHAPES) as Shape[])
    if (shape.type === 'string' && shape.pattern?.includes('\\s')) t.regex(shape.pattern, /^[^\\]*\[[^\]\\]*\\s[^\\]*$/)
})

test('trimming a trimmed model changes nothing', (t) => {
  t.deepEqual(trim(model), model)
})

test('src/model/kms.ts is what scripts/model.ts renders', async (t) => {
  t.is(readFileSync('src/model/kms.ts', 'utf8'), await render(model))
})
