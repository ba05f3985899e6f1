/** What a run that was kept has to have, for a comparison to read it. */
import type { Shape } from '../../shape.ts'
import { MEASURED_SCHEMA } from '../measured.ts'

/** Where it is in the folder of a run. */
export const RUN_FILE = 'report.json'

const text: Shape = { type: 'string' }
const number: Shape = { type: 'number' }
const truth: Shape = { type: 'boolean' }

/** What else a later version tells is none of this one's business. */
function object(properties: Readonly<Record<string, Shape>>, optional: readonly string[] = []): Shape {
  return { type: 'object', properties, required: Object.keys(properties).filter((name) => !optional.includes(name)) }
}

const tally = object({
  succeeded: number,
  failed: number,
  perSecond: number,
  latency: object({ p50: number, p99: number }),
})

export const MEASURED: Shape = object({
  schema: { const: MEASURED_SCHEMA },
  environment: object({ cpu: text, cores: number, governor: text, kernel: text, node: text, machine: text }, [
    'governor',
  ]),
  workload: object({
    operations: { type: 'array', items: object({ name: text, keySpec: text, weight: number }) },
    ...{ size: number, contextPairs: number, keys: number, principals: number },
    distribution: object({ kind: { enum: ['uniform', 'zipf'] }, exponent: number }, ['exponent']),
  }),
  pace: object({ closed: number, rate: number }, ['closed', 'rate']),
  operations: { type: 'object' },
  total: tally,
  intervals: { type: 'array', items: object({ succeeded: number, failed: number, p50: number, p99: number }) },
  generator: object({ limited: truth }),
})

export const TALLY = tally
