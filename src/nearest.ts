/** The name somebody probably meant. */

/** `; did you mean \`port\`?`, or what there is when nothing is near. */
export function nearest(name: string, known: readonly string[], mark = (word: string) => `\`${word}\``): string {
  const ranked = known.map((word) => ({ word, edits: distance(name.toLowerCase(), word.toLowerCase()) }))
  const [best] = ranked.sort((a, b) => a.edits - b.edits)
  if (best && best.edits <= Math.max(1, Math.floor(best.word.length / 3))) return `; did you mean ${mark(best.word)}?`
  return `; there are ${known.map(mark).join(', ')}`
}

/** Letters to change, add or drop, and neighbours to swap, to make one word of the other (Damerau, optimal alignment). */
function distance(a: string, b: string): number {
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      row[j] = Math.min(last[j - 1]! + (same ? 0 : 1), last[j]! + 1, row[j - 1]! + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, before[j - 2]! + 1)
    }
    ;[before, last] = [last, row]
  }
  return last[b.length]!
}
