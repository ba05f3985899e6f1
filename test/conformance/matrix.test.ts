/** The stories are complete: they show every operation, every error that can be raised, every form of an identifier. */
import test from 'ava'
import { shown, wanted } from './matrix.ts'
import { play } from './play.ts'
import { readStories } from './story.ts'
import { excused } from './unraisable.ts'

test('every cell of the matrix is shown by a story, or excused', async (t) => {
  const stories = readStories()
  const cells = new Set<string>()
  for (const story of stories)
    for (const step of await play(story, 'direct')) shown(step).forEach((cell) => cells.add(cell))
  const all = wanted()
  const excuses = excused()
  const told = [...all].filter((cell) => cells.has(cell))
  t.log(`${stories.length} stories show ${told.length} cells of ${all.size}; ${excuses.size} are excused`)
  t.deepEqual(
    [...all].filter((cell) => !cells.has(cell) && !excuses.has(cell)),
    [],
    'no story shows these',
  )
  t.deepEqual(
    [...excuses.keys()].filter((cell) => cells.has(cell) || !all.has(cell)),
    [],
    'excused, though a story shows them, or the model has no such cell',
  )
})
