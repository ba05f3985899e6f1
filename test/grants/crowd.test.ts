/** A crowd of grants to one name: whichever allows a request is found by its mark, and only where there is one. */
import test from 'ava'
import { granting, type GrantQuestion } from '../../src/granting.ts'
import { grantOf, markOf, marksOf, type Grant } from '../../src/grants.ts'
import type { GrantConstraints, GrantOperation } from '../../src/model/kms.ts'
import { Grants, putGrant } from '../../src/store/grants.ts'
import type { Store } from '../../src/store/store.ts'
import { Random } from '../simulation/random.ts'
import { ALICE, BOB, ROOT, SOURCE } from '../helpers/grants.ts'
import { recordsOf } from '../helpers/inside.ts'
import { scene } from '../helpers/scene.ts'

// Marks -------------------------------------------------------------------------------------------

type Case = [sentence: string, GrantConstraints | undefined, context: Record<string, string>, source?: string]

const one = { a: '1' }
const two = { b: '2', a: '1' }

const FOUND: Case[] = [
  ['a grant without constraints, whatever the context', undefined, two],
  ['a grant of the whole context, in any order', { EncryptionContextEquals: { a: '1', b: '2' } }, two],
  ['a grant of the empty context', { EncryptionContextEquals: {} }, {}],
  ['a grant of a part of the context', { EncryptionContextSubset: one }, two],
  ['a grant of all of it as a part', { EncryptionContextSubset: two }, two],
  ['a grant of an empty part', { EncryptionContextSubset: {} }, two],
  ['a grant for the resource', { SourceArn: SOURCE }, {}, SOURCE],
  ['a grant for the resource and of a part', { SourceArn: SOURCE, EncryptionContextSubset: one }, two, SOURCE],
]

const NOT_FOUND: Case[] = [
  ['a grant of another context', { EncryptionContextEquals: one }, two],
  ['a grant of the empty context by another', { EncryptionContextEquals: {} }, one],
  ['a grant of a pair with another value', { EncryptionContextSubset: { a: '2' } }, two],
  ['a grant of a whole that is a pair of it', { EncryptionContextEquals: one }, { a: '1', c: '' }],
  ['a grant for another resource', { SourceArn: SOURCE }, {}, `${SOURCE}2`],
  ['a grant for a resource, without one', { SourceArn: SOURCE }, {}],
]

for (const [cases, found] of [
  [FOUND, true],
  [NOT_FOUND, false],
] as const) {
  for (const [sentence, constraints, context, source] of cases) {
    test(`a request ${found ? 'looks' : 'does not look'} where there is ${sentence}`, (t) => {
      t.is(marksOf(context, source).includes(markOf(constraints)), found)
    })
  }
}

test('of a part the pair with the longest value is the mark', (t) => {
  const mark = markOf({ EncryptionContextSubset: { a: 'of many', z: 'of very few' } })
  t.true(marksOf({ z: 'of very few' }, undefined).includes(mark))
  t.false(marksOf({ a: 'of many' }, undefined).includes(mark))
})

// Looking -----------------------------------------------------------------------------------------

const question = (more: Partial<GrantQuestion> = {}): GrantQuestion => ({
  operation: 'Encrypt',
  grantees: [ALICE, ROOT],
  encryptionContext: undefined,
  sourceArn: undefined,
  now: 0,
  delay: 0,
  tokens: new Set(),
  child: undefined,
  ...more,
})

async function crowd(t: Parameters<typeof scene>[0]) {
  const { room, id } = await scene(t)
  const records = recordsOf(room)
  const key = (await records.key('us-east-1', '000000000000', id))!
  let made = 0
  const grants: Grant[] = []
  return {
    key,
    grants,
    stored: records.grants,
    async put(GranteePrincipal: string, Operations: GrantOperation[], Constraints?: GrantConstraints) {
      const input = { KeyId: id, GranteePrincipal, Operations, Constraints }
      const grantId = (++made).toString(16).padStart(64, '0')
      const grant = grantOf(input, key, grantId, key.account, 0, undefined)
      grants.push(grant)
      await records.commit([putGrant(grant)])
    },
  }
}

test('a hundred grants to a name are few, and one more is a crowd', async (t) => {
  const { key, put, stored } = await crowd(t)
  for (let i = 0; i < 100; i++) await put(ALICE, ['Encrypt'])
  await put(ROOT, ['Encrypt'])
  t.is((await stored.few(key, [ALICE, ROOT, BOB]))?.length, 101)
  await put(ALICE, ['Encrypt'])
  t.is(await stored.few(key, [ALICE, ROOT]), undefined)
  t.is((await stored.few(key, [ROOT]))?.length, 1)
})

test('what allows is found behind hundreds that do not, and not by who it is not for', async (t) => {
  const { key, put, stored } = await crowd(t)
  for (let i = 0; i < 250; i++) await put(ALICE, ['Decrypt'])
  await put(ALICE, ['Encrypt'])
  await put(BOB, ['DescribeKey'], { EncryptionContextEquals: one })
  t.is((await stored.allowing(key, question()))?.id, (251).toString(16).padStart(64, '0'))
  t.is(await stored.allowing(key, question({ operation: 'ReEncryptTo' })), undefined)
  t.is(await stored.allowing(key, question({ grantees: [BOB] })), undefined)
  t.truthy(await stored.allowing(key, question({ grantees: [BOB], operation: 'DescribeKey' })))
})

test('a request looks in as many places as it has names and pairs, however many grants there are', async (t) => {
  const reads: unknown[][] = []
  const store = {
    list: (...asked: unknown[]) => {
      reads.push(asked)
      return Promise.resolve([])
    },
  }
  const grants = new Grants(store as unknown as Store)
  const key = { region: 'us-east-1', account: '000000000000', id: 'k' }
  await grants.allowing(key, question({ encryptionContext: two, sourceArn: SOURCE }))
  // The resource, the context, each pair of it, and neither; for Alice and for her account.
  t.is(reads.length, 2 * 5)
  t.deepEqual(new Set(reads.map(([, index]) => index)), new Set(['grants_by_mark']))
})

for (const seed of [1, 2, 3]) {
  test(`what is found by marks is what a look at all grants finds: seed ${seed}`, async (t) => {
    const chaos = new Random(seed)
    const context = () =>
      Object.fromEntries(['a', 'b', 'c'].filter(() => chaos.chance(0.4)).map((name) => [name, chaos.pick(['1', '22'])]))
    const operations = (): GrantOperation[] =>
      (['Encrypt', 'Decrypt', 'DescribeKey', 'CreateGrant'] as const).filter(() => chaos.chance(0.5))
    const constraints = (): GrantConstraints | undefined =>
      chaos.pick([
        () => undefined,
        () => ({ EncryptionContextEquals: context() }),
        () => ({ EncryptionContextSubset: context() }),
        () => ({ SourceArn: SOURCE }),
        () => ({ SourceArn: SOURCE, EncryptionContextEquals: context() }),
      ])()
    const { key, grants, put, stored } = await crowd(t)
    for (let i = 0; i < 8; i++) await put(chaos.pick([ALICE, BOB, ROOT]), operations(), constraints())
    const answers = { yes: 0, no: 0 }
    for (let i = 0; i < 300; i++) {
      const operation = chaos.pick(['Encrypt', 'Decrypt', 'DescribeKey', 'CreateGrant'] as const)
      const child = { KeyId: key.id, GranteePrincipal: BOB, Operations: operations(), Constraints: constraints() }
      const asked = question({
        operation,
        grantees: chaos.pick([[ALICE, ROOT], [BOB, ROOT], [ROOT]]),
        encryptionContext: chaos.chance(0.8) ? context() : undefined,
        sourceArn: chaos.pick([SOURCE, undefined]),
        child: operation === 'CreateGrant' ? child : undefined,
      })
      const [found, wanted] = [await stored.allowing(key, asked), granting(grants, asked)]
      answers[wanted ? 'yes' : 'no']++
      if ((found === undefined) !== (wanted === undefined)) t.fail(JSON.stringify({ grants, asked, found }))
      if (found && !granting([found], asked)) t.fail(JSON.stringify({ found, asked }))
    }
    t.true(answers.yes > 30 && answers.no > 30, JSON.stringify(answers))
  })
}
