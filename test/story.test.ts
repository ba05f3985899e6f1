/** The story of a clinic, told to its end; each of its steps checks itself. */
import test from 'ava'
import { perform } from '../src/story/perform.ts'

test('the clinic’s story comes out as it is told', async (t) => {
  t.timeout(300_000)
  let told = ''
  const steps = await perform((text) => (told += text))
  t.log(told)
  t.is((told.match(/^ {2}✔ /gm) ?? []).length, steps)
  t.notRegex(told, /✘/)
  t.true(steps >= 40, `${steps} steps`)
})
