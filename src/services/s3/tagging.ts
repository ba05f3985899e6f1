/** Tags of objects: set with an object or later, and read by themselves. */
import type { Context } from '../../context.ts'
import { fail } from '../../errors.ts'
import { find, type Means } from './means.ts'
import { malformedXml, noSuchKey } from './refusals.ts'
import type * as Shapes from './shapes.ts'

const MOST = 10
const LONGEST = { Key: 128, Value: 256 } as const

export async function putObjectTagging(
  means: Means,
  input: Shapes.PutObjectTaggingRequest,
  context: Context,
): Promise<object> {
  await find(means, input, 's3:PutObjectTagging', context)
  const { TagSet } = input.Tagging ?? {}
  if (!TagSet?.every(({ Key, Value }) => typeof Key === 'string' && typeof Value === 'string')) malformedXml()
  return tagged(means, input, checkedTags(TagSet))
}

export async function getObjectTagging(
  means: Means,
  input: Shapes.OfObject,
  context: Context,
): Promise<{ TagSet: readonly Shapes.Tag[] }> {
  const { object } = await find(means, input, 's3:GetObjectTagging', context)
  return { TagSet: object.tags ?? [] }
}

export async function deleteObjectTagging(means: Means, input: Shapes.OfObject, context: Context): Promise<object> {
  await find(means, input, 's3:DeleteObjectTagging', context)
  return tagged(means, input, [])
}

/** The object is the same otherwise, and no younger. */
function tagged({ records }: Means, { Bucket, Key }: Shapes.OfObject, tags: readonly Shapes.Tag[]): Promise<object> {
  return records.change(async () => {
    const there = (await records.objects.get(Bucket, Key)) ?? noSuchKey()
    return { changes: [records.objects.put(Bucket, Key, { ...there.value, tags }, there.version)], result: {} }
  })
}

/** The tags of an upload, as its header has them: `a=1&b=2`. To set them takes leave of its own. */
export async function tagsFrom(
  { leave }: Means,
  input: Shapes.OfObject & Shapes.Tagged,
  context: Context,
): Promise<readonly Shapes.Tag[] | undefined> {
  if (!input.Tagging) return undefined
  await leave.object(input, 's3:PutObjectTagging', context)
  return checkedTags([...new URLSearchParams(input.Tagging)].map(([key, value]) => ({ Key: key, Value: value })))
}

function checkedTags(tags: readonly Shapes.Tag[]): readonly Shapes.Tag[] {
  if (tags.length > MOST) fail('BadRequest', `Object tags cannot be greater than ${MOST}`)
  if (new Set(tags.map(({ Key }) => Key)).size < tags.length)
    fail('InvalidTag', 'Cannot provide multiple Tags with the same key')
  for (const { Key, Value } of tags) {
    if (!Key || Key.length > LONGEST.Key) fail('InvalidTag', 'The TagKey you have provided is invalid')
    if (Value.length > LONGEST.Value) fail('InvalidTag', 'The TagValue you have provided is invalid')
  }
  return tags.map(({ Key, Value }) => ({ Key, Value }))
}
