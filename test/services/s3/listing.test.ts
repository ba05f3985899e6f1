/** Lists: by prefix, delimiter and pages, against a model that reads everything; a failure prints its seed. */
import test from 'ava'
import { Resources } from '../../../src/store/resources.ts'
import { refuses } from '../../helpers/scene.ts'
import { numbers } from './numbers.ts'
import { Bucket, shop } from './scene.ts'

interface Asked {
  readonly Prefix?: string
  readonly Delimiter?: string
  readonly StartAfter?: string
}

const inBytes = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other))

/** What a list should be, by the definition: an entry a line, common prefixes with a star. */
function model(keys: readonly string[], { Prefix = '', Delimiter = '', StartAfter = '' }: Asked): string[] {
  const wanted = keys.filter((key) => key.startsWith(Prefix) && inBytes(key, StartAfter) > 0).toSorted(inBytes)
  const entries = wanted.map((key) => {
    const at = Delimiter === '' ? -1 : key.indexOf(Delimiter, Prefix.length)
    return at < 0 ? key : `${key.slice(0, at + Delimiter.length)}*`
  })
  return [...new Set(entries)]
}

/** Some that UTF-16 puts in another order, the last characters before and after the surrogates, and the last of all. */
const LETTERS = ['a', 'a', 'b', '/', '/', '-', 'é', '\ud7ff', '\uffff', '😀', '\u{10ffff}']

for (let seed = 1; seed <= 8; seed++) {
  test(`any list is as it should be, page by page (seed ${seed})`, async (t) => {
    const { room } = await shop(t)
    const next = numbers(seed)
    const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!
    const word = (most: number) => Array.from({ length: 1 + Math.floor(next() * most) }, () => pick(LETTERS)).join('')
    const keys = [...new Set(Array.from({ length: 60 }, () => word(6)))]
    await Promise.all(keys.map((Key) => room.s3.putObject({ Bucket, Key, Body: '' })))
    for (let round = 0; round < 40; round++) {
      const asked: Asked = {
        ...(next() < 0.5 && { Prefix: next() < 0.5 ? word(2) : pick(keys) }),
        ...(next() < 0.7 && { Delimiter: next() < 0.8 ? '/' : word(2) }),
        ...(next() < 0.3 && { StartAfter: next() < 0.5 ? word(3) : pick(keys) }),
      }
      const MaxKeys = pick([1, 2, 5, 1000])
      const told = JSON.stringify({ seed, asked, MaxKeys })
      t.deepEqual(await pagesOfV2(asked, MaxKeys), model(keys, asked), told)
      const { StartAfter, ...others } = asked
      if (StartAfter === undefined) t.deepEqual(await pagesOfV1(others, MaxKeys), model(keys, others), told)
    }

    async function pagesOfV2(asked: Asked, MaxKeys: number): Promise<string[]> {
      const found: string[] = []
      let ContinuationToken: string | undefined
      for (;;) {
        const page = await room.s3.listObjectsV2({ Bucket, ...asked, MaxKeys, ContinuationToken })
        const entries = entriesOf(page)
        t.is(page.KeyCount, entries.length)
        found.push(...entries)
        if (!page.IsTruncated) return found
        t.is(entries.length, MaxKeys)
        ContinuationToken = page.NextContinuationToken
      }
    }

    /** Without a delimiter the next page comes after the last key. */
    async function pagesOfV1(asked: Asked, MaxKeys: number): Promise<string[]> {
      const found: string[] = []
      let Marker: string | undefined
      for (;;) {
        const page = await room.s3.listObjects({ Bucket, ...asked, MaxKeys, Marker })
        found.push(...entriesOf(page))
        if (!page.IsTruncated) return found
        Marker = page.NextMarker ?? page.Contents.at(-1)!.Key
      }
    }
  })
}

/** Objects and prefixes of a page in one order. */
function entriesOf(page: {
  readonly Contents: readonly { readonly Key: string }[]
  readonly CommonPrefixes: readonly { readonly Prefix: string }[]
}): string[] {
  const prefixes = page.CommonPrefixes.map(({ Prefix }) => `${Prefix}*`)
  const bare = (entry: string) => (prefixes.includes(entry) ? entry.slice(0, -1) : entry)
  return [...page.Contents.map(({ Key }) => Key), ...prefixes].sort((one, other) => inBytes(bare(one), bare(other)))
}

test('an answer repeats what was asked, and says what there is', async (t) => {
  const { room } = await shop(t)
  for (const Key of ['a/1', 'a/2', 'b']) await room.s3.putObject({ Bucket, Key, Body: Key })
  const page = await room.s3.listObjectsV2({ Bucket, Delimiter: '/', FetchOwner: true, StartAfter: 'A' })
  t.deepEqual(page, {
    ...{ Name: Bucket, Prefix: '', Delimiter: '/', StartAfter: 'A', MaxKeys: 1000, KeyCount: 2, IsTruncated: false },
    Contents: [
      {
        ...{ Key: 'b', Size: 1, ETag: '"92eb5ffee6ae2fec3ad71c777531578f"', StorageClass: 'STANDARD' },
        ...{ LastModified: Date.UTC(2026, 0, 1), Owner: { ID: '111122223333' } },
      },
    ],
    CommonPrefixes: [{ Prefix: 'a/' }],
  })
  const old = await room.s3.listObjects({ Bucket, Prefix: 'a/', MaxKeys: 1, EncodingType: 'url' })
  t.like(old, { Marker: '', MaxKeys: 1, IsTruncated: true, EncodingType: 'url' })
  t.is(old.NextMarker, undefined)
})

const numbersOfKeys: readonly [number, number | 'InvalidArgument'][] = [
  [0, 0],
  [1, 1],
  [5000, 3],
  [-1, 'InvalidArgument'],
  [1.5, 'InvalidArgument'],
]
test('how many keys may be asked for', async (t) => {
  const { room } = await shop(t)
  for (const Key of ['a', 'b', 'c']) await room.s3.putObject({ Bucket, Key, Body: '' })
  for (const [MaxKeys, outcome] of numbersOfKeys) {
    const listed = room.s3.listObjectsV2({ Bucket, MaxKeys })
    if (typeof outcome === 'string') await refuses(t, listed, outcome)
    else t.is((await listed).KeyCount, outcome)
  }
  t.false((await room.s3.listObjectsV2({ Bucket, MaxKeys: 0 })).IsTruncated)
  for (const ContinuationToken of ['', 'zz', '6f626a656374', Buffer.from('else x').toString('hex')])
    await refuses(t, room.s3.listObjectsV2({ Bucket, ContinuationToken }), 'InvalidArgument')
})

test.serial('what shares a prefix is skipped, not read', async (t) => {
  const { room } = await shop(t)
  const keys = Array.from({ length: 300 }, (_, n) => `${n % 3}/${n}`)
  await Promise.all(keys.map((Key) => room.s3.putObject({ Bucket, Key, Body: '' })))
  let read = 0
  const { list } = Resources.prototype
  Resources.prototype.list = async function (this: Resources<object>, ...asked) {
    const found = await list.apply(this, asked)
    read += found.length
    return found
  } as typeof list
  t.teardown(() => (Resources.prototype.list = list))
  const { CommonPrefixes } = await room.s3.listObjectsV2({ Bucket, Delimiter: '/' })
  t.deepEqual(CommonPrefixes, [{ Prefix: '0/' }, { Prefix: '1/' }, { Prefix: '2/' }])
  t.true(read < 50, `${read} records were read`)
})
