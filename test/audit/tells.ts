/** How a row of what the trail tells of an operation is tested. */
import test from 'ava'
import type { CloudTrailRecord } from '../../src/audit/cloudtrail.ts'
import type { ObservedCall } from '../../src/audit/observed.ts'
import type { OperationName } from '../../src/model/kms.ts'
import { byAlice, calling, committed, HERE, KEY, onRecord, trailed } from './scene.ts'

type Part = 'requestParameters' | 'responseElements' | 'additionalEventData' | 'resources' | 'readOnly'
type Expected = Partial<Pick<CloudTrailRecord, Part>>

export const bytes = (text: string): Buffer => Buffer.from(text)
export const named = (...arns: string[]) =>
  arns.map((ARN) => ({ accountId: HERE, type: 'AWS::KMS::Key' as const, ARN }))
export const ofKey = { requestParameters: { keyId: 'k1' }, resources: named(KEY.arn) }
export const material = { keyMaterialId: KEY.currentId }
export const answered = { responseElements: { keyId: KEY.arn } }

/** The parts of a record that differ from those of an operation that has none. */
export const tells = test.macro({
  title: (given, name: OperationName) => `${name}${given ? `: ${given}` : ''}`,
  async exec(
    t,
    name: OperationName,
    input: object,
    expected: Expected,
    { found = { key: KEY }, output }: { found?: Partial<ObservedCall>; output?: object } = {},
  ) {
    const scene = await trailed(t)
    scene.trail.succeeded({ name }, calling(input, found), byAlice, output)
    await scene.trail.settled()
    await committed(scene.store, scene.trail.edit({ name }, calling(input, found), byAlice, output))
    const records = await onRecord(scene)
    const [batched, withMutation] = records.filter(({ awsRegion }) => awsRegion === byAlice.region)
    const told = partsOf(batched!)
    t.deepEqual(told, { ...NOTHING, readOnly: told.readOnly, ...expected })
    t.deepEqual(partsOf(withMutation!), told, 'the same as an edit')
    t.is(batched!.eventName, name)
  },
})

const NOTHING = {
  requestParameters: null,
  responseElements: null,
  additionalEventData: undefined,
  resources: undefined,
}

function partsOf(record: CloudTrailRecord): Record<Part, unknown> {
  const { requestParameters, responseElements, additionalEventData, resources, readOnly } = record
  return { requestParameters, responseElements, additionalEventData, resources, readOnly }
}
