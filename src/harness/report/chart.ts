/** Charts as SVG: axes that are linear or logarithmic, and lines over them, told apart by dashes and names as well as by colour. */
import { markup, NOTHING, type Markup } from '../../page/markup.ts'

export interface Axis {
  readonly from: number
  readonly to: number
  readonly isLog?: boolean
  readonly ticks: readonly (readonly [value: number, label: string])[]
}

export interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
  /** With the space under it, or with a dot for each point. */
  readonly kind?: 'area' | 'dots'
}

export interface Chart {
  readonly title: string
  /** How much of the page it takes. */
  readonly width: keyof typeof WIDTHS
  /** What it shows, for who cannot see it. */
  readonly said: string
  readonly x: Axis
  readonly y: Axis
  readonly xTitle: string
  readonly series: readonly Series[]
  /** Places on the x axis that have a name. */
  readonly marks?: readonly (readonly [x: number, label: string])[]
}

const WIDTHS = { half: 480, whole: 1030 } as const
const HEIGHT = 280
const [LEFT, RIGHT, TOP, BOTTOM] = [62, 10, 20, 42]
const TONES = 8

export function chart({ title, width, said, x, y, xTitle, series, marks = [] }: Chart): Markup {
  const whole = WIDTHS[width]
  const place: Place = {
    x: (value) => round(LEFT + part(x, value) * (whole - LEFT - RIGHT)),
    y: (value) => round(HEIGHT - BOTTOM - part(y, value) * (HEIGHT - TOP - BOTTOM)),
  }
  const [left, right, top, bottom] = [LEFT, whole - RIGHT, TOP, HEIGHT - BOTTOM]
  return markup`<figure class="chart ${width}"><figcaption>${title}</figcaption>${legend(series)}
<div class="scroll" role="region" aria-label="${title}" tabindex="0"><svg viewBox="0 0 ${whole} ${HEIGHT}" role="img" aria-label="${said}">
${y.ticks.map(([value, label]) => markup`<line class="grid" x1="${left}" x2="${right}" y1="${place.y(value)}" y2="${place.y(value)}"/><text x="${left - 8}" y="${place.y(value) + 4}" text-anchor="end">${label}</text>`)}
${x.ticks.map(([value, label]) => markup`<line class="grid" x1="${place.x(value)}" x2="${place.x(value)}" y1="${top}" y2="${bottom}"/><text x="${place.x(value)}" y="${bottom + 17}" text-anchor="${value === x.to ? 'end' : 'middle'}">${label}</text>`)}
<text x="${right}" y="${HEIGHT - 6}" text-anchor="end">${xTitle}</text>
${marks.map(([value, label]) => markup`<line class="mark" x1="${place.x(value)}" x2="${place.x(value)}" y1="${top}" y2="${bottom}"/><text class="marked" x="${place.x(value)}" y="${top - 6}" text-anchor="${value === x.to ? 'end' : 'middle'}">${label}</text>`)}
${series.map((each, i) => drawn(each, i, place, bottom))}</svg></div></figure>\n`
}

interface Place {
  x(value: number): number
  y(value: number): number
}

function drawn({ name, points, kind }: Series, i: number, place: Place, bottom: number): Markup {
  if (points.length === 0) return NOTHING
  const at = points.map(([x, y]) => `${place.x(x)} ${place.y(y)}`)
  const [first, last] = [place.x(points[0]![0]), place.x(points.at(-1)![0])]
  const under =
    kind === 'area' ? markup`<path class="under" d="M${first} ${bottom}L${at.join('L')}L${last} ${bottom}Z"/>` : NOTHING
  const dots =
    kind === 'dots' || points.length === 1
      ? points.map(([x, y]) => markup`<circle cx="${place.x(x)}" cy="${place.y(y)}" r="3.5"/>`)
      : NOTHING
  return markup`<g class="tone${i % TONES}"><title>${name}</title>${under}<path class="curve" d="M${at.join('L')}"/>${dots}</g>`
}

function legend(series: readonly Series[]): Markup {
  if (series.length < 2) return NOTHING
  return markup`<ul class="lines">${series.map(
    ({ name }, i) =>
      markup`<li class="tone${i % TONES}"><svg width="28" height="10" aria-hidden="true"><path class="curve" d="M0 5H28"/></svg> ${name}</li>`,
  )}</ul>`
}

function part({ from, to, isLog }: Axis, value: number): number {
  const scaled = isLog ? Math.log(Math.max(value, from) / from) / Math.log(to / from) : (value - from) / (to - from)
  return Math.min(1, Math.max(0, scaled))
}

const round = (value: number): number => Math.round(value * 10) / 10

/** From nothing to what holds the values, at four or five round steps. */
export function fromZero(values: readonly number[], label: (value: number) => string): Axis {
  const most = Math.max(...values, 0) || 1
  const magnitude = 10 ** Math.floor(Math.log10(most / 4))
  const step = magnitude * [1, 2, 2.5, 5, 10].find((each) => most / (each * magnitude) <= 5)!
  const to = step * Math.ceil(most / step)
  return { from: 0, to, ticks: range(0, Math.round(to / step)).map((i) => [i * step, label(i * step)]) }
}

/** From round number to round number; where there are many decades, they alone are named. */
export function logarithmic(values: readonly number[], label: (value: number) => string): Axis {
  const told = values.filter((value) => value > 0)
  if (told.length === 0) return { from: 1, to: 10, isLog: true, ticks: [] }
  const [least, most] = [Math.min(...told), Math.max(...told)]
  const round = range(-3, 12).flatMap((decade) => [1, 2, 5].map((step) => Number(`${step}e${decade}`)))
  const from = round.findLast((each) => each <= least) ?? round[0]!
  const to = round.find((each) => each >= most && each > from) ?? round.at(-1)!
  const isNamed = (value: number): boolean => to / from <= 50 || Number.isInteger(Math.log10(value))
  const ticks = round.filter((each) => each >= from && each <= to && isNamed(each))
  return { from, to, isLog: true, ticks: ticks.map((each) => [each, label(each)]) }
}

/** Whole numbers, both included. */
export const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
