/** JSON as policies are written in: an object that says a key twice is refused, where JSON.parse would keep the last. */

/** The value of `text`; undefined when it is no JSON, or an object in it has two members of one name. */
export function parseStrictly(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return hasDuplicateKey(text) ? undefined : value
  } catch {
    return undefined
  }
}

const STRINGS_AND_BRACKETS = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/gs

/** Looks through valid JSON alone; only a string in front of a colon is a key. */
function hasDuplicateKey(text: string): boolean {
  const open: Set<string>[] = []
  for (const [token, colon] of text.matchAll(STRINGS_AND_BRACKETS)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (colon !== undefined) {
      const keys = open.at(-1)!
      const key = JSON.parse(token.slice(0, -colon.length)) as string
      if (keys.has(key)) return true
      keys.add(key)
    }
  }
  return false
}
