/** Tags: TagResource, UntagResource, ListResourceTags. */
import { fail } from '../errors.ts'
import { KEPT, withFields } from '../keys.ts'
import { existing } from '../locators.ts'
import { operation } from '../operation.ts'
import { pageEnd, pageOf } from '../paging.ts'
import { edits } from '../store/cache.ts'
import { mergeTags, refuseReserved } from '../tags.ts'

const key = existing('KeyId', KEPT)

export const tagResource = operation('TagResource', {
  on: { key },
  mutates: true,
  run(call) {
    const { key, input } = call
    call.put(edits.putKey(withFields(key, { tags: mergeTags(key.tags, input.Tags) })))
  },
})

export const untagResource = operation('UntagResource', {
  on: { key },
  mutates: true,
  check: ({ TagKeys }) => TagKeys.forEach(refuseReserved),
  run(call) {
    const { key, input } = call
    call.put(edits.putKey(withFields(key, { tags: key.tags.filter(({ TagKey }) => !input.TagKeys.includes(TagKey)) })))
  },
})

export const listResourceTags = operation('ListResourceTags', {
  on: { key: existing('KeyId') },
  run({ key, input }) {
    const page = pageOf('ListResourceTags', input, 50, 50)
    const from = page.after === undefined ? 0 : key.tags.findIndex(({ TagKey }) => TagKey === page.after) + 1
    if (page.after !== undefined && from === 0) fail('InvalidMarkerException')
    const Tags = key.tags.slice(from, from + page.limit)
    const more = key.tags.length > from + page.limit
    return { Tags, ...pageEnd('ListResourceTags', more ? Tags.at(-1)!.TagKey : undefined) }
  },
})
