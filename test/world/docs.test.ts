/** The example of docs/world.md runs as it stands. */
import assert from 'node:assert/strict'
import test from 'ava'
import { Strongroom } from '../../src/index.ts'
import { read } from '../helpers/tree.ts'

const AsyncFunction = (async () => {}).constructor as new (...text: string[]) => (...given: unknown[]) => Promise<void>

test('the example of docs/world.md runs as it stands', async (t) => {
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(read('docs/world.md')) ?? []
  const [imports, rest] = [code.match(/^import .*$/gm) ?? [], code.replaceAll(/^import .*$/gm, '')]
  t.is(imports.length, 2)
  await t.notThrowsAsync(new AsyncFunction('assert', 'Strongroom', rest)(assert, Strongroom))
})
