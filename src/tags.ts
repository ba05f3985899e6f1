/** Tags of a key, and the rules AWS gathers under TagException. */
import { fail } from './errors.ts'
import type { Tag } from './model/kms.ts'

export const TAGS_PER_KEY = 50

/** `tags` with `more` added or put in the place of those of the same key. */
export function mergeTags(tags: readonly Tag[], more: readonly Tag[]): Tag[] {
  const merged = new Map(tags.map((tag) => [tag.TagKey, tag]))
  const given = new Set<string>()
  for (const { TagKey, TagValue } of more) {
    if (given.has(TagKey)) fail('TagException', 'Duplicate tag keys')
    refuseReserved(TagKey)
    given.add(TagKey)
    merged.set(TagKey, { TagKey, TagValue })
  }
  if (merged.size > TAGS_PER_KEY) fail('TagException', 'Too many tags')
  return [...merged.values()]
}

/** Tags of AWS's own are nobody's to put or to take off. */
export function refuseReserved(key: string): void {
  if (key.toLowerCase().startsWith('aws:')) fail('TagException', 'Tags beginning with aws: are reserved')
}
