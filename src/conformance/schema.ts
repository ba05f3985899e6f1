/** The schema of a report, which is published as docs/conformance/report.schema.json, and by which earlier reports are read. */
import { PROFILE_SCHEMA } from '../backends/pkcs11/profile.ts'
import type { Shape } from '../shape.ts'

const text: Shape = { type: 'string' }
const whole: Shape = { type: 'integer' }
const number: Shape = { type: 'number' }
const truth: Shape = { type: 'boolean' }
const list = (items: Shape, description?: string): Shape => ({
  type: 'array',
  items,
  ...(description && { description }),
})
const told = (description: string, shape: Shape = text): Shape => ({ ...shape, description })

function object(properties: Readonly<Record<string, Shape>>, optional: readonly string[] = []): Shape {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false }
}

const call = object(
  {
    call: told('The function.'),
    args: list(
      text,
      'Its arguments; what was written to is told as it was and as it is. Bytes and PINs are never told.',
    ),
    rv: told('The return value; missing where the call never came back.'),
  },
  ['rv'],
)

const result = object(
  {
    id: told('Stable, with dots: what comes first is the area.', {
      type: 'string',
      pattern: '^[a-z0-9_-]+(\\.[a-z0-9_-]+)*$',
    }),
    title: told('What has to hold.'),
    clause: told('Where it says so.'),
    severity: { enum: ['critical', 'major', 'minor', 'note'] },
    profiles: list({ enum: ['baseline', 'extended', 'authentication'] }, 'Profiles of OASIS that it belongs to.'),
    verdict: { enum: ['passed', 'failed', 'crashed', 'hung', 'inapplicable', 'skipped'] },
    expected: text,
    observed: text,
    remark: told('Why it is inapplicable or was skipped, or what its failing means.'),
    milliseconds: number,
    trace: list(call, 'The last calls of what failed, crashed or hung.'),
    reproduce: told('A command that runs this check alone.'),
  },
  ['expected', 'observed', 'remark'],
)

const capability = object(
  {
    spec: told('A key spec of AWS KMS.'),
    algorithm: told('CreateKey, ImportKeyMaterial, GenerateDataKey or an algorithm.'),
    support: { enum: ['native', 'emulated', 'impossible'] },
    how: text,
  },
  ['how'],
)

const throughput: Shape = {
  ...object({
    mechanism: text,
    subject: told('The key, and how much data.'),
    key: { enum: ['session', 'token'] },
    threads: whole,
    operationsPerSecond: number,
    p50: number,
    p90: number,
    p99: number,
    max: number,
  }),
  description: 'How fast something is; percentiles are in microseconds.',
}

const mechanism = object({ name: text, minKeySize: whole, maxKeySize: whole, flags: list(text) })

export const REPORT_SCHEMA: Shape = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://strongroom.dev/schemas/conformance-report-1.json',
  title: 'What a conformance run found out about a PKCS#11 token',
  ...object(
    {
      schema: { const: 'https://strongroom.dev/schemas/conformance-report-1.json' },
      strongroom: told('The version that made it.'),
      started: told('When it began.', { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$' }),
      milliseconds: number,
      complete: told('False when the run was stopped before its end.', truth),
      writes: told('Whether checks could store objects in the token.', truth),
      module: object({
        path: text,
        sha256: told('Of the file of the module.', { type: 'string', pattern: '^[0-9a-f]{64}$' }),
        cryptokiVersion: text,
        manufacturer: text,
        description: text,
        libraryVersion: text,
      }),
      token: object({
        label: text,
        manufacturer: text,
        model: text,
        serial: text,
        hardwareVersion: text,
        firmwareVersion: text,
        flags: list(text),
        mechanisms: list(mechanism),
      }),
      results: list(result, 'In the order of their ids.'),
      capabilities: list(capability),
      throughput: list(throughput),
      profile: PROFILE_SCHEMA,
    },
    ['profile'],
  ),
}
