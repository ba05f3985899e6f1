/** What a KMS can do with keys in this token: a table per family of key specs, with what is said of its cells below. */
import type { Capability, Report } from '../../report.ts'
import { grouped } from '../areas.ts'
import { markup, section, table, type Content, type Markup } from '../../../page/markup.ts'
import { SUPPORT } from './words.ts'

export function matrix({ capabilities }: Report): Markup {
  if (capabilities.length === 0)
    return section('matrix', 'What a KMS can do with it', markup`<p class="lead">This was not tried.</p>`)
  const legend = Object.entries(SUPPORT).map(
    ([support, { sign, means }]) =>
      markup`<li class="${support}"><span aria-hidden="true">${sign}</span> <b>${support}</b> ${means} (${capabilities.filter((each) => each.support === support).length})</li>`,
  )
  const families = grouped(capabilities, ({ spec }) => familyOf(spec))
  return section(
    'matrix',
    'What a KMS can do with it',
    markup`<ul class="legend">${legend}</ul>`,
    families.map(([family, own]) => part(family, own)),
  )
}

const FAMILIES: readonly (readonly [string, string])[] = [
  ['SYMMETRIC', 'Symmetric keys'],
  ['RSA', 'RSA'],
  ['ECC', 'Elliptic curves'],
  ['SM2', 'SM2'],
  ['HMAC', 'HMAC'],
  ['ML_DSA', 'ML-DSA'],
  ['ML_KEM', 'ML-KEM'],
]

function familyOf(spec: string): string {
  return FAMILIES.find(([start]) => spec.startsWith(start))?.[1] ?? 'Other keys'
}

function part(family: string, own: readonly Capability[]): Markup {
  const algorithms = [...new Set(own.map(({ algorithm }) => algorithm))]
  const remarks = [...new Set(own.flatMap(({ how }) => (how ? [how] : [])))]
  const rows = grouped(own, ({ spec }) => spec).map(([spec, cells]) => {
    const of = (algorithm: string): Capability | undefined => cells.find((each) => each.algorithm === algorithm)
    return markup`<tr><th scope="row"><code>${spec}</code></th>${algorithms.map((each) => cell(of(each), remarks))}</tr>`
  })
  const notes = remarks.map((remark) => markup`<li>${remark}</li>`)
  const head = ['Key spec', ...algorithms.map(broken)]
  return markup`<h3>${family}</h3>${table(`${family}: key specs and what is done with them`, head, rows, 'matrix uncaptioned')}${remarks.length === 0 ? '' : markup`<ol class="notes">${notes}</ol>`}`
}

/** The names of algorithms are long, and end where they begin a part. */
function broken(algorithm: string): Content {
  return algorithm.split('_').map((word, i) => (i === 0 ? word : [markup`_<wbr>`, word]))
}

function cell(capability: Capability | undefined, remarks: readonly string[]): Markup {
  if (!capability) return markup`<td class="none"></td>`
  const { support, how } = capability
  const note = how ? markup`<sup>${remarks.indexOf(how) + 1}</sup>` : ''
  return markup`<td class="${support}" title="${[support, how].filter(Boolean).join(': ')}"><span aria-hidden="true">${SUPPORT[support].sign}</span><span class="word"> ${support}</span>${note}</td>`
}
