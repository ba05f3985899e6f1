/** Runs the examples of docs/authorization.md, and compares with the outcomes it states. */
import { readFileSync } from 'node:fs'
import test from 'ava'
import { authorize, type AuthorizationRequest } from '../../src/authorization.ts'

const text = readFileSync(new URL('../../docs/authorization.md', import.meta.url), 'utf8')
const EXAMPLE = /## (.+)\n[^]*?```json\n([^]*?)```\n\nOutcome: \*\*(.+)\*\*/g

const examples = [...text.matchAll(EXAMPLE)]

for (const [, title = '', json = '', outcome = ''] of examples) {
  test(`${title}: ${outcome}`, (t) => {
    const { effect, explicit } = authorize(JSON.parse(json) as AuthorizationRequest)
    t.is(explicit ? `${effect}, explicitly` : effect, outcome)
  })
}

test('every rule of the document has its example', (t) => {
  t.is(examples.length, text.match(/^## /gm)!.length)
})
