/** What docs/services/ says of the services' calls to the KMS is what their trail says now. */
import test from 'ava'
import { PAGES, render } from '../scripts/services.ts'
import { read } from './helpers/tree.ts'

for (const page of PAGES) {
  test(`docs/services/${page}.md is fresh`, async (t) => {
    t.timeout(300_000)
    t.true((await render(page)) === read(`docs/services/${page}.md`), 'run: npm run docs')
  })
}
