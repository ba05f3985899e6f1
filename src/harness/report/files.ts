/** A run as files: its JSON, its page, and its histograms as other tools read them. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { HistogramLogWriter } from 'hdr-histogram-js'
import type { Measured } from '../measured.ts'
import { readTimes } from '../times.ts'
import { benchPage } from './html.ts'
import { RUN_FILE } from './schema.ts'
import { appear } from '../../whole.ts'

/** Each appears whole; the JSON, which is what counts, last. */
export async function keepRun(folder: string, measured: Measured): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [name, text] of Object.entries(filesOf(measured))) await appear(join(folder, name), text)
}

export function filesOf(measured: Measured): Readonly<Record<string, string>> {
  const names = Object.keys(measured.operations)
  const percentiles = names.map((name) => [`${slug(name)}.hgrm`, percentilesOf(measured, name)] as const)
  return {
    ...Object.fromEntries(percentiles),
    'histograms.hlog': logOf(measured),
    'report.html': benchPage(measured),
    [RUN_FILE]: `${JSON.stringify(measured, null, 2)}\n`,
  }
}

/** By percentile, in microseconds, as what plots HDR histograms reads it. */
function percentilesOf({ operations }: Measured, name: string): string {
  return readTimes(operations[name]!.histogram).outputPercentileDistribution(5, 1000)
}

/** All histograms as they are, in nanoseconds, one a line with the operation as its tag; the longest in milliseconds. */
function logOf({ operations, command, started, seconds }: Measured): string {
  const lines: string[] = []
  const log = new HistogramLogWriter((line) => lines.push(line))
  log.outputLogFormatVersion()
  log.outputComment(command.replaceAll(/\s+/g, ' '))
  log.outputComment(`[StartTime: ${Date.parse(started) / 1000} (seconds since epoch), ${started}]`)
  log.outputLegend()
  for (const [name, { histogram }] of Object.entries(operations)) {
    const times = readTimes(histogram)
    times.tag = slug(name)
    log.outputIntervalHistogram(times, 0, seconds, 1e6)
  }
  return lines.join('')
}

/** A tag, or the name of a file, has no spaces, commas or slashes. */
const slug = (name: string): string => name.replaceAll(/[^\w.-]+/g, '-').replace(/^\.+/, '')
