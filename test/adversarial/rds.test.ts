/** Clients of RDS that mean harm: forms with names that are no parameters, and greetings that are none. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import type { Rds } from '../../src/services/rds/rds.ts'
import { rds } from '../../src/services/rds/query.ts'

/** What an operation is told of a form. */
async function heard(form: Readonly<Record<string, string>>): Promise<unknown> {
  let told: unknown = {}
  const modifyDBSnapshotAttribute = (input: unknown) => {
    told = input
    return Promise.resolve({})
  }
  const parameters = new Map([['Action', 'ModifyDBSnapshotAttribute'], ...Object.entries(form)])
  await rds({ modifyDBSnapshotAttribute } as unknown as Rds).call(parameters, { requestId: 'one' } as never)
  // A list without items is as good as none.
  const isTelling = ([name, value]: [string, unknown]) => name !== 'Action' && !(Array.isArray(value) && !value.length)
  return Object.fromEntries(Object.entries(told as object).filter(isTelling))
}

// Forms ---------------------------------------------------------------------------------------------

const FORMS: [sentence: string, form: Readonly<Record<string, string>>, told: object][] = [
  ['a list has its items in order', { 'ValuesToAdd.x.2': 'b', 'ValuesToAdd.x.1': 'a' }, { ValuesToAdd: ['a', 'b'] }],
  ['a list without its first item has the others', { 'ValuesToAdd.member.7': 'a' }, { ValuesToAdd: ['a'] }],
  ['a list is not what is one text', { ValuesToAdd: 'a' }, {}],
  ['a text is not what is a list', { 'DBSnapshotIdentifier.x.1': 'a' }, {}],
  ['items are counted from one', { 'ValuesToAdd.x.0': 'a' }, {}],
  ['what all objects inherit is no list', { ['__proto__.x.1']: 'evil', 'constructor.x.1': 'evil' }, {}],
  ['what all objects inherit is a text like any other', { toString: 'a' }, { toString: 'a' }],
]

for (const [sentence, form, told] of FORMS) {
  test.serial(`in a form for RDS, ${sentence}`, async (t) => {
    t.deepEqual(await heard(form), told)
    t.false('0' in {} || '0' in Object, 'nothing else has it')
  })
}

// Engines -------------------------------------------------------------------------------------------

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

test('where databases have no engine, who wants one is told so, and the room goes on', async (t) => {
  const imports = ['--import=ts-blank-space/register', `--import=${here('hidden.ts')}`]
  const { stdout } = await promisify(execFile)(process.execPath, [...imports, here('bare.ts')])
  t.regex(stdout, /^InvalidParameterCombination databases need the optional package .* Enabled\n$/)
})
