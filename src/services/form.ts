/** Forms of the query protocols as trees: a name says, from dot to dot, where in the tree its text is. */

export type Tree = Map<string, Tree | string>

/** Of a name in a form; what is longer says nothing. */
const DEEPEST = 8

export function treeOf(parameters: ReadonlyMap<string, string>): Tree {
  const tree: Tree = new Map()
  for (const [name, text] of parameters) plant(tree, name.split('.'), text)
  return tree
}

function plant(tree: Tree, path: readonly string[], text: string): void {
  if (path.length > DEEPEST) return
  const [name = '', ...rest] = path
  if (rest.length === 0) {
    tree.set(name, text)
    return
  }
  let branch = tree.get(name)
  if (!(branch instanceof Map)) tree.set(name, (branch = new Map()))
  plant(branch, rest, text)
}

/** The items of a numbered list, in the order of their numbers; what has no number is none. */
export function numbered(tree: Tree): (Tree | string)[] {
  const items = [...tree].filter(([name]) => /^[1-9]\d{0,5}$/.test(name))
  return items.toSorted(([a], [b]) => Number(a) - Number(b)).map(([, item]) => item)
}
