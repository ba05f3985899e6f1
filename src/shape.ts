/** The shape of JSON as JSON Schema writes it, and the first thing that is not of a shape: as much of it as our schemas use. */

export interface Shape {
  readonly $schema?: string
  readonly $id?: string
  readonly title?: string
  readonly description?: string
  readonly type?: 'object' | 'array' | 'string' | 'boolean' | 'number' | 'integer'
  readonly const?: string
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly additionalProperties?: false
  readonly items?: Shape
  readonly uniqueItems?: true
}

/** What is wrong with `value`, and where; undefined when it is of this shape. */
export function mistakeIn(value: unknown, shape: Shape, place = 'it'): string | undefined {
  if (shape.const !== undefined && value !== shape.const) return `${place} must be \`${shape.const}\``
  if (shape.enum && !shape.enum.includes(value)) return `${place} must be ${shape.enum.map(String).join(' or ')}`
  if (shape.type && !IS[shape.type](value)) return `${place} must be of the type ${shape.type}`
  if (shape.pattern !== undefined && !new RegExp(shape.pattern, 'u').test(value as string))
    return `${place} must match ${shape.pattern}`
  if (Array.isArray(value)) return mistakeInItems(value, shape, place)
  return shape.properties ? mistakeInMembers(value as object, shape, place) : undefined
}

function mistakeInItems(items: readonly unknown[], { items: shape, uniqueItems }: Shape, place: string) {
  if (uniqueItems && new Set(items).size < items.length) return `${place} must not say anything twice`
  return shape && first(items.map((item, i) => () => mistakeIn(item, shape, `${place}[${i}]`)))
}

function mistakeInMembers(value: object, { properties, required, additionalProperties }: Shape, place: string) {
  const missing = required?.find((name) => !Object.hasOwn(value, name))
  if (missing !== undefined) return `${place} must have \`${missing}\``
  return first(
    Object.entries(value).map(([name, member]) => () => {
      const shape = Object.hasOwn(properties!, name) ? properties![name] : undefined
      if (shape) return mistakeIn(member, shape, place === 'it' ? `\`${name}\`` : `${place}.${name}`)
      return additionalProperties === false ? `${place} must not have \`${name}\`` : undefined
    }),
  )
}

function first(trials: readonly (() => string | undefined)[]): string | undefined {
  for (const trial of trials) {
    const mistake = trial()
    if (mistake !== undefined) return mistake
  }
  return undefined
}

const IS: Readonly<Record<NonNullable<Shape['type']>, (value: unknown) => boolean>> = {
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  integer: Number.isInteger,
}
