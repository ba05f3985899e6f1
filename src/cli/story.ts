/** `strongroom story`: a clinic's keys from the first to the last, told and checked on a fresh room. */

export interface StoryWorld {
  /** Tells it line by line; how many steps it had. Throws at the first that does not come out as told. */
  perform(out: (text: string) => unknown): Promise<number>
  out(text: string): unknown
}

/** Tells the story; the exit code. */
export async function story({ perform, out }: StoryWorld): Promise<number> {
  await perform(out)
  return 0
}
