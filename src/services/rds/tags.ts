/** Tags of instances and snapshots: put on, listed and taken off, by the ARN of what they are on. */
import type { Context } from '../../context.ts'
import type { Change } from '../../store/store.ts'
import type { Means } from './means.ts'
import { parseArn, placeIn, placeOf, type Tag } from './records.ts'
import { invalid } from './refusals.ts'
import type * as shapes from './shapes.ts'

const MOST = 50

/** Something that has tags. */
interface Tagged {
  readonly tags: readonly Tag[]
  /** The change that keeps others in their place. */
  put(tags: readonly Tag[]): Change
}

export class Tags {
  readonly #means: Means

  constructor(means: Means) {
    this.#means = means
  }

  add({ ResourceName, Tags = [] }: shapes.AddTagsRequest, context: Context): Promise<object> {
    return this.#change('AddTagsToResource', ResourceName, context, (tags) => {
      const added = tagsIn(Tags)
      return tagsIn([...without(tags, added), ...added])
    })
  }

  remove({ ResourceName, TagKeys = [] }: shapes.RemoveTagsRequest, context: Context): Promise<object> {
    const removed = TagKeys.map((Key) => ({ Key }))
    return this.#change('RemoveTagsFromResource', ResourceName, context, (tags) => without(tags, removed))
  }

  async list({ ResourceName }: shapes.ListTagsRequest, context: Context): Promise<shapes.TagListMessage> {
    const { kind, place, name } = await this.#permitted('ListTagsForResource', ResourceName, context)
    return { TagList: (await this.#tagged(kind, place, name)).tags }
  }

  async #change(
    action: string,
    arn: string | undefined,
    context: Context,
    change: (tags: readonly Tag[]) => readonly Tag[],
  ): Promise<object> {
    const { kind, place, name } = await this.#permitted(action, arn, context)
    return this.#means.alone(kind, place, name, async () => {
      const tagged = await this.#tagged(kind, place, name)
      await this.#means.records.commit(tagged.put(change(tagged.tags)))
      return {}
    })
  }

  /** What an ARN names, which has to be the caller's own, and here. */
  async #permitted(action: string, arn = '', context: Context) {
    const named = parseArn(arn) ?? invalid(`Invalid resource name: ${arn}`)
    await this.#means.permit(action, named.kind, arn, context)
    const place = placeOf(named.region, named.account)
    if (place !== placeIn(context)) {
      invalid('The specified resource name does not match an RDS resource in this region.')
    }
    return { ...named, place }
  }

  async #tagged(kind: 'db' | 'snapshot', place: string, name: string): Promise<Tagged> {
    const { records } = this.#means
    if (kind === 'db') {
      const { value, version } = await this.#means.instance(place, name)
      return { tags: value.tags ?? [], put: (tags) => records.instances.put(place, name, { ...value, tags }, version) }
    }
    const { record, version } = await this.#means.snapshotIn(place, name)
    return { tags: record.tags ?? [], put: (tags) => records.snapshots.put(place, name, { ...record, tags }, version) }
  }
}

/** Tags that somebody wants, made sure of. */
export function tagsIn(tags: readonly Partial<Tag>[] = []): readonly Tag[] {
  if (tags.length > MOST) invalid(`A resource has ${MOST} tags at the most.`)
  const checked = tags.map(({ Key = '', Value = '' }) => {
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u.test(Key) || /^(aws|rds):/i.test(Key))
      invalid(`Invalid tag key: ${Key}`)
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u.test(Value)) invalid(`Invalid tag value: ${Value}`)
    return { Key, Value }
  })
  if (new Set(checked.map(({ Key }) => Key)).size < checked.length) invalid('A tag key was said twice.')
  return checked
}

function without(tags: readonly Tag[], others: readonly { readonly Key: string }[]): readonly Tag[] {
  return tags.filter(({ Key }) => !others.some((other) => other.Key === Key))
}
