/**
 * Values of the model's shapes as CloudTrail shows them: names in camelCase, dates in words. INVARIANT: whatever a caller
 * of this asks for, nothing that is a blob, or that the model calls sensitive, comes out. What has not the type of its
 * shape, as in a request refused for that, is left out.
 */
import type { Instant } from '../clock.ts'
import { SHAPES, type Shape } from '../model/kms.ts'
import type { Json, JsonObject } from './cloudtrail.ts'

/** `value`, of the shape of this name, as JSON; undefined when nothing of it may be shown. */
export function shown(name: string, value: unknown): Json | undefined {
  if (value === undefined || value === null) return undefined
  const shape = shapeOf(name)
  switch (shape.type) {
    case 'blob':
      return undefined
    case 'string':
      return typeof value === 'string' && !shape.sensitive ? value : undefined
    case 'integer':
      return Number.isFinite(value) ? (value as number) : undefined
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'timestamp':
      return value instanceof Date && !Number.isNaN(value.getTime()) ? dateText(value.getTime()) : undefined
    case 'list':
      return Array.isArray(value) ? value.flatMap((each) => shown(shape.member, each) ?? []) : undefined
    case 'map':
      return isObject(value) ? shownMap(shape.value, value) : undefined
    case 'structure':
      return isObject(value) ? shownMembers(shape.members, value) : undefined
  }
}

/** The shapes of a structure's members, by name. */
export function membersOf(name: string | undefined): Readonly<Record<string, string>> {
  const shape = name === undefined ? undefined : shapeOf(name)
  return shape?.type === 'structure' ? shape.members : {}
}

/** Whether values of this shape are text, a number or a flag. */
export function isScalar(name: string): boolean {
  return ['string', 'integer', 'boolean'].includes(shapeOf(name).type)
}

export function isMap(name: string): boolean {
  return shapeOf(name).type === 'map'
}

/** Names whose spelling in records differs by more than the case of its first letter. */
const SPELLINGS: Readonly<Record<string, string>> = { CloudHsmClusterId: 'clusterId' }

/** `AWSAccountId` is `aWSAccountId` in a record. */
export function spelled(member: string): string {
  return SPELLINGS[member] ?? member.charAt(0).toLowerCase() + member.slice(1)
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `May 21, 2025, 5:47:45 AM`, in UTC. */
function dateText(instant: Instant): string {
  const date = new Date(instant)
  const hours = date.getUTCHours()
  const day = `${MONTHS[date.getUTCMonth()]} ${date.getUTCDate()}, ${date.getUTCFullYear()}`
  const time = [hours % 12 || 12, twoDigits(date.getUTCMinutes()), twoDigits(date.getUTCSeconds())].join(':')
  return `${day}, ${time} ${hours < 12 ? 'AM' : 'PM'}`
}

const twoDigits = (value: number): string => String(value).padStart(2, '0')

function shownMap(valueShape: string, value: object): JsonObject {
  const pairs = Object.entries(value).map(([key, it]) => [key, shown(valueShape, it)] as const)
  return known(pairs)
}

function shownMembers(members: Readonly<Record<string, string>>, value: object): JsonObject {
  const pairs = Object.entries(members).map(
    ([member, shape]) => [spelled(member), shown(shape, (value as Record<string, unknown>)[member])] as const,
  )
  return known(pairs)
}

/** An object of those pairs that have a value. */
export function known(pairs: readonly (readonly [string, Json | undefined])[]): JsonObject {
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined)) as JsonObject
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function shapeOf(name: string): Shape {
  return (SHAPES as Record<string, Shape>)[name]!
}
