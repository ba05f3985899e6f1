/** The head of the page: which device it is, what became of it, and how many checks say so. */
import type { Severity } from '../../check.ts'
import type { Report, Verdict } from '../../report.ts'
import { isBad, judge, SEVERITIES, type Fitness } from '../judgement.ts'
import { markup, section, thousands, type Content, type Markup } from '../../../page/markup.ts'
import { MEANINGS, severityBadge, VERDICTS } from './words.ts'

export function header({ token, module, started, milliseconds, strongroom, writes }: Report): Markup {
  const facts: readonly (readonly [string, Content])[] = [
    ['Token', [token.label, token.model && ` — ${token.model}`]],
    ['Made by', token.manufacturer],
    ['Serial number', markup`<code>${token.serial}</code>`],
    ['Hardware, firmware', `${token.hardwareVersion}, ${token.firmwareVersion}`],
    ['Module', markup`<code>${module.path}</code>`],
    ['SHA-256', markup`<code class="hash">${module.sha256}</code>`],
    [
      'Library',
      `${module.description} ${module.libraryVersion} (${module.manufacturer}), Cryptoki ${module.cryptokiVersion}`,
    ],
    [
      'Checked',
      `${started.slice(0, 16).replace('T', ' ')} UTC, in ${thousands(milliseconds / 1000)} s, with strongroom ${strongroom}, ${writes ? 'storing and removing objects' : 'storing nothing'}`,
    ],
    ['Flags', token.flags.map((flag) => markup`<code class="flag">${flag.replace(/^CKF_/, '')}</code> `)],
  ]
  return markup`<header><p class="kind">PKCS#11 conformance</p><h1>${token.label || token.model || 'A token without a label'}</h1>
<dl class="facts">${facts.map(([name, value]) => markup`<div class="${name === 'Flags' ? 'wide' : ''}"><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></header>\n`
}

const SIGNS: Readonly<Record<Fitness, string>> = { fit: '✓', 'fit with emulation': '◐', unfit: '✕', undecided: '?' }

export function verdict(report: Report): Markup {
  const { fitness, sentence, reasons } = judge(report)
  return section(
    'verdict',
    'Verdict',
    markup`<div class="judgement ${fitness.split(' ').join('-')}"><span class="sign" aria-hidden="true">${SIGNS[fitness]}</span><div><p>${sentence}</p>
<ul>${reasons.map((reason) => markup`<li>${breakable(reason)}</li>`)}</ul></div></div>`,
    tally(report),
    severities(report),
  )
}

/** Long ids may be broken after their dots. */
function breakable(text: string): Content {
  return text.split(/(?<=[.-])(?=\w)/).map((part, i) => (i === 0 ? part : [markup`<wbr>`, part]))
}

function tally({ results }: Report): Markup {
  const counts = (Object.keys(VERDICTS) as Verdict[]).map(
    (verdict) => [verdict, results.filter((result) => result.verdict === verdict).length] as const,
  )
  const told = counts.filter(([, number]) => number > 0)
  return markup`<div class="bar" aria-hidden="true">${told.map(([verdict, number]) => markup`<span class="${verdict}" style="flex-grow:${number}"></span>`)}</div>
<ul class="tally">${counts.map(
    ([verdict, number]) =>
      markup`<li class="${verdict} ${number === 0 ? 'none' : ''}"><b>${number}</b> <span>${VERDICTS[verdict].word}</span> <small>${VERDICTS[verdict].means}</small></li>`,
  )}<li class="all"><b>${results.length}</b> <span>checks</span></li></ul>`
}

function severities({ results }: Report): Markup {
  const bad = results.filter(isBad)
  const of = (severity: Severity): number => bad.filter((result) => result.severity === severity).length
  return markup`<ul class="severities" aria-label="What does not hold, by severity">${SEVERITIES.map(
    (severity) =>
      markup`<li>${severityBadge(severity)} <b>${of(severity)}</b> <small>${MEANINGS[severity]}</small></li>`,
  )}</ul>`
}
