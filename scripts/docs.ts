/**
 * Prints docs/operations.md from the table of operations, AWS's model and the stories, which are played for it: so it says
 * what is, and where it is shown. `npm run docs` writes it; a test notices when it is stale.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { SPECS } from '../src/algorithms.ts'
import { OPERATIONS as MODEL, SHAPES, type KeySpec, type OperationName } from '../src/model/kms.ts'
import type { About, Operation } from '../src/operation.ts'
import { OPERATIONS as TABLE } from '../src/operations/index.ts'
import { shown } from '../test/conformance/matrix.ts'
import { play } from '../test/conformance/play.ts'
import { readStories, type Story } from '../test/conformance/story.ts'
import { excused } from '../test/conformance/unraisable.ts'

const TARGET = fileURLToPath(new URL('../docs/operations.md', import.meta.url))
const SELF = fileURLToPath(import.meta.url)

/** The text of docs/operations.md. Throws when an operation is shown by no story. */
export async function render(): Promise<string> {
  const stories = await tellers()
  const names = Object.keys(MODEL) as OperationName[]
  const source = `${INTRODUCTION}\n${names.map((name) => section(name, stories)).join('\n')}`
  return format(source, { ...(await resolveConfig(TARGET)), filepath: TARGET })
}

/** For each cell of the matrix the story that tells it, and of several the one that is most about that operation. */
async function tellers(): Promise<Map<string, Story>> {
  const best = new Map<string, { story: Story; share: number }>()
  for (const story of readStories()) {
    const cells = (await play(story, 'direct')).map(shown)
    for (const cell of new Set(cells.flat())) {
      const share = cells.filter((step) => step.includes(cell)).length / cells.length
      if ((best.get(cell)?.share ?? 0) < share) best.set(cell, { story, share })
    }
  }
  return new Map([...best].map(([cell, { story }]) => [cell, story]))
}

const INTRODUCTION = `<!-- Printed by scripts/docs.ts; change that and run \`npm run docs\`. -->

# Operations

Everything strongroom answers, under AWS's names. Of each operation: the fields that name its resources, in which forms,
and the key states and usage that are admitted; the actions that policies speak of; what else the request can carry; the
quota it draws from at AWS; its errors; and the stories that show it. Which answer follows in which state is told whole in
[states.ts](../test/conformance/states.ts), which errors cannot be brought about, and why, in
[unraisable.ts](../test/conformance/unraisable.ts).
`

function section(name: OperationName, stories: ReadonlyMap<string, Story>): string {
  const entry = TABLE.get(name)
  const success = stories.get(`${name}: answers`)
  if (!entry || !success) throw new Error(`${name} is ${entry ? 'shown by no story' : 'not in the table'}`)
  const members = Object.keys(SHAPES[MODEL[name].input as 'EncryptRequest'].members)
  const options = ['DryRun', 'GrantTokens', 'Recipient', 'Marker'].filter((member) => members.includes(member))
  const errors: readonly string[] = MODEL[name].errors
  const raised = errors.filter((error) => stories.has(`${name}: ${error}`))
  const excuses = excused()
  const never = errors.filter((error) => excuses.has(`${name}: ${error}`))
  const told = new Set([success, ...raised.map((error) => stories.get(`${name}: ${error}`)!)])
  const lines = [
    ...entry.locators.map(([role, { about }]) => about && `- ${role}: ${resource(about)}`),
    `- actions: ${actionsOf(entry).map(code).join(', ')}`,
    options.length > 0 && `- takes ${options.map((option) => OPTIONS[option]!).join(', ')}`,
    `- quota: ${quotaOf(entry)}`,
    raised.length > 0 && `- errors: ${raised.map(short).join(', ')}`,
    never.length > 0 && `- never here: ${never.map(short).join(', ')}`,
    `- ${told.size > 1 ? 'stories' : 'story'}: ${[...told].map(link).join('; ')}`,
  ]
  return `## ${name}\n\n${lines.filter(Boolean).join('\n')}\n`
}

const OPTIONS: Readonly<Record<string, string>> = {
  DryRun: '`DryRun`',
  GrantTokens: '`GrantTokens`',
  Recipient: '`Recipient`',
  Marker: 'pages (`Limit`, `Marker`)',
}

const FORMS: Readonly<Record<About['forms'], string>> = {
  any: 'a key’s id, ARN, alias or alias ARN',
  key: 'a key’s id or ARN',
  alias: 'the name of an alias',
}

function resource({ field, forms, states, usage, algorithm }: About): string {
  const admitted = forms === 'alias' ? '' : `; ${states ? states.join(', ') : 'in any state'}`
  const used = usage ? `; ${usage}, ${algorithm ? `by \`${algorithm}\`` : 'SYMMETRIC_DEFAULT alone'}` : ''
  return `\`${field}\`, ${FORMS[forms]}${admitted}${used}`
}

function actionsOf({ name, locators }: Operation): string[] {
  const actions = locators.map(([, { action }]) => action ?? `kms:${name}`)
  return [...new Set(actions.length > 0 ? actions : [`kms:${name}`])]
}

/** Cryptography shares the quota of the key's kind, a data key pair that of its own, all else has a quota to itself. */
function quotaOf({ name, locators }: Operation): string {
  if (name.startsWith('GenerateDataKeyPair')) return 'that of the `KeyPairSpec`'
  if (name === 'GenerateRandom') return 'cryptographic requests, symmetric'
  const used = locators.flatMap(([, { about }]) => (about?.usage ? [about] : []))
  if (used.length === 0) return 'its own'
  return `cryptographic requests, ${[...new Set(used.flatMap(kindsOf))].join(' or ')}`
}

function kindsOf({ usage, algorithm }: About): string[] {
  if (!algorithm) return ['symmetric']
  const specs = (Object.keys(SPECS) as KeySpec[]).filter((spec) => SPECS[spec].algorithms[usage!])
  return specs.map(kindOf)
}

function kindOf(spec: KeySpec): string {
  if (SPECS[spec].family !== 'asymmetric') return 'symmetric'
  const [family] = /^(RSA|ML_DSA|ML_KEM)/.exec(spec) ?? ['ECC']
  return family.replace('_', '-')
}

const code = (text: string): string => `\`${text}\``
const short = (error: string): string => error.replace(/Exception$/, '')
const link = ({ title, group }: Story): string => `[${title}](../test/conformance/stories/${group}.json)`

if (process.argv[1] === SELF) writeFileSync(TARGET, await render())
