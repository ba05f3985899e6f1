/** Which bytes of an object a request wants. */
import { fail } from '../../errors.ts'
import type { Span } from './files.ts'

/** The one range of a Range header; undefined for what is none, which S3 ignores, as it does more than one. */
export function rangeIn(header: string | undefined, size: number): Span | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? []
  if (first === undefined || last === undefined || first + last === '') return undefined
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1)
  if (start >= end) fail('InvalidRange', 'The requested range is not satisfiable')
  return { start, end }
}

export function shownRange({ start, end }: Span, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`
}
