/** What is printed about the operations is what they are. */
import test from 'ava'
import { render } from '../scripts/docs.ts'
import { read } from './helpers/tree.ts'

test('docs/operations.md is fresh, and every operation has a story', async (t) => {
  t.true((await render()) === read('docs/operations.md'), 'run: npm run docs')
})
