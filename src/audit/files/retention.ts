/**
 * Removing files that are past their time: whole days of digests, the oldest first, with the log files they name. The chain
 * then begins later, which a digest says that is signed like any other.
 */
import { foldersIn, objectsBelow, readObject, removeObject, uncompressed } from './disk.ts'
import { sha256, type Digest, type LogEntry, type Removed } from './digest.ts'
import { DIGESTS, folderOf, isDigestName, readLogName, signatureOf, type Chain } from './names.ts'

/** The first day of which a chain has digests: `2026/01/31`. */
export async function firstDay(folder: string, chain: Chain): Promise<string | undefined> {
  const path: string[] = []
  for (let level = 0; level < 3; level++) {
    const [first] = await foldersIn(folder, [folderOf(DIGESTS, chain), ...path].join('/'))
    if (first === undefined) return undefined
    path.push(first)
  }
  return path.join('/')
}

/** What is to be removed of the days before `day`, to be said in the digest that allows it. */
export async function removedBefore(folder: string, chain: Chain, day: string): Promise<Removed | undefined> {
  let digests = 0
  let through: Removed['through'] | undefined
  const logFiles: { s3Object: string; hashValue: string }[] = []
  for await (const { digest, text } of digestsBefore(folder, chain, day)) {
    digests++
    through = { digestS3Object: digest.digestS3Object, hashValue: sha256(text) }
    for (const { s3Object, hashValue } of logsOf(digest, chain)) logFiles.push({ s3Object, hashValue })
  }
  return through && { through, digests, logFiles }
}

/** Removes it. A digest goes last of its files, so that what was left is found again. */
export async function removeBefore(folder: string, chain: Chain, day: string): Promise<void> {
  for await (const { object, digest } of digestsBefore(folder, chain, day)) {
    for (const { s3Object } of logsOf(digest, chain)) await removeObject(folder, s3Object)
    await removeObject(folder, signatureOf(object))
    await removeObject(folder, object)
  }
}

/** Up to the first that is not as it was written: what comes after it stays, for somebody to look at. */
async function* digestsBefore(folder: string, chain: Chain, day: string) {
  const root = folderOf(DIGESTS, chain)
  for await (const object of objectsBelow(folder, root)) {
    if (object.slice(root.length + 1, root.length + 11) >= day) return
    if (!isDigestName(object, chain)) continue
    const read = await readDigest(folder, object)
    if (read?.digest.digestS3Object !== object) return
    yield { object, ...read }
  }
}

/** What lies outside the chain's own folder is not removed, whatever a digest that somebody changed may say. */
function logsOf({ logFiles }: Digest, { account, region }: Chain): LogEntry[] {
  return logFiles.filter(({ s3Object }) => {
    const name = readLogName(s3Object)
    return name?.account === account && name.region === region
  })
}

/** A digest and its text; undefined when there is none that can be read. */
export async function readDigest(
  folder: string,
  object: string,
): Promise<{ digest: Digest; text: string } | undefined> {
  try {
    const text = await uncompressed((await readObject(folder, object))!)
    const digest = JSON.parse(text) as Digest
    return Array.isArray(digest.logFiles) ? { digest, text } : undefined
  } catch {
    return undefined
  }
}
