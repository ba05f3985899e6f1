/** Opens a room of the story's own, in a folder of its own, tells the story, and leaves nothing behind. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Strongroom } from '../strongroom.ts'
import { CAST, tellStory } from './story.ts'

/** How many steps were told. Throws StoryError at the first that does not come out as told. */
export async function perform(out: (text: string) => unknown): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-story-'))
  try {
    const room = await Strongroom.open({ ...CAST, data: folder })
    return await tellStory(room, folder, out).finally(() => room.close())
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
