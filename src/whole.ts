/** A file that is there when it is whole, and not before. */
import { randomBytes } from 'node:crypto'
import { open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export async function appear(file: string, text: string): Promise<void> {
  const draft = join(dirname(file), `.strongroom-${randomBytes(6).toString('hex')}.draft`)
  const handle = await open(draft, 'wx')
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, file)
}
