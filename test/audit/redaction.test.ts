/** Whatever is asked, and whatever is answered: no secret of it is on record. */
import test from 'ava'
import { ROWS } from '../../src/audit/parameters.ts'
import { textOf } from '../../src/audit/record.ts'
import { KmsError } from '../../src/errors.ts'
import { OPERATIONS, type Operation, type OperationName } from '../../src/model/kms.ts'
import { validator } from '../../src/model/validate.ts'
import { arbitrary, below, seeded, shapeOf, type Random } from '../model/arbitrary.ts'
import { byAlice, calling, chunkText, committed, KEY, onRecord, trailed } from './scene.ts'

/** Members that hold secrets though the model does not say so. */
const SECRET_MEMBERS = /^(GrantTokens?|ImportToken|EncryptedKeyMaterial)$/
const CANARY = 'CANARY-7f3a'

/** A value of the shape with a canary in place of everything that must never be told. */
function planted(name: string, random: Random, member = ''): unknown {
  const shape = shapeOf(name)
  const secret = SECRET_MEMBERS.test(member) || shape.type === 'blob' || ('sensitive' in shape && shape.sensitive)
  if (secret) return shape.type === 'blob' ? Buffer.from(CANARY) : shape.type === 'list' ? [CANARY] : CANARY
  if (shape.type !== 'structure') return arbitrary(name, random)
  return Object.fromEntries(
    Object.entries(shape.members)
      .filter(() => random() < 0.9)
      .map(([each, target]) => [each, planted(target, random, each)]),
  )
}

const LEAKS = [
  CANARY,
  Buffer.from(CANARY).toString('hex'),
  Buffer.from(CANARY).toString('base64').slice(0, 12),
  [...Buffer.from(CANARY)].join(),
]

for (const name of Object.keys(OPERATIONS) as OperationName[])
  test(`${name} tells no secret`, async (t) => {
    const { input, output }: Operation = OPERATIONS[name]
    const random = seeded(below(seeded(name.length), 1e9))
    const scene = await trailed(t)
    for (let i = 0; i < 50; i++) {
      const call = calling(planted(input, random) as object, { key: KEY, source: KEY, destination: KEY })
      const answer = output === undefined ? undefined : planted(output, random)
      scene.trail.succeeded({ name }, call, byAlice, answer)
      scene.trail.failed({ name }, call, byAlice, refusalOf(name, call.input))
      await committed(scene.store, scene.trail.edit({ name }, call, byAlice, answer))
    }
    const records = await onRecord(scene)
    t.true(records.length >= 150)
    const everything = `${chunkText(scene.store)}\n${records.map(textOf).join('\n')}`
    for (const leak of LEAKS) t.false(everything.includes(leak), leak)
  })

/** What the pipeline says of the input, or something. */
function refusalOf(name: OperationName, input: unknown): unknown {
  try {
    validator(name)(input)
    return new KmsError('DisabledException', 'it is disabled')
  } catch (error) {
    return error
  }
}

test('the search finds what is told, lest it be blind', async (t) => {
  const scene = await trailed(t)
  scene.trail.succeeded({ name: 'Encrypt' }, calling({ KeyId: CANARY }), byAlice, undefined)
  const [record] = await onRecord(scene)
  t.true(chunkText(scene.store).includes(CANARY) && textOf(record!).includes(CANARY))
})

test('no row lists what is secret', (t) => {
  for (const { name, request, response } of ROWS.values())
    t.deepEqual(
      [...request, ...response].filter((member) => SECRET_MEMBERS.test(member)),
      [],
      name,
    )
})
