/** The stories, through the room's own methods. */
import test from 'ava'
import { play } from './play.ts'
import { readStories } from './story.ts'

for (const story of readStories()) {
  test(`${story.group}: ${story.title}`, async (t) => {
    await t.notThrowsAsync(play(story, 'direct'))
  })
}
