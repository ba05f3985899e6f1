/** The filters of DescribeDBInstances: an instance has to have one of the values of each. */
import type { Recorded } from '../../store/resources.ts'
import type { InstanceRecord } from './records.ts'
import { invalid } from './refusals.ts'
import type { Filter } from './shapes.ts'
import { ENGINE } from './shown.ts'

type Instance = Recorded<InstanceRecord>

/** Of an ARN, an instance's own name is enough: there are none of other places in a list. */
const READERS: ReadonlyMap<string, (instance: Instance, value: string) => boolean> = new Map([
  ['db-instance-id', ({ name }, value) => name === value.toLowerCase().replace(/^arn:.*:db:/, '')],
  ['dbi-resource-id', ({ value: { id } }, value) => id === value],
  ['engine', (_, value) => ENGINE.Engine === value],
])

export function filterOf(filters: readonly Filter[] = []): (instance: Instance) => boolean {
  const tests = filters.map(({ Name = '', Values = [] }) => {
    const test = READERS.get(Name) ?? invalid(`Unrecognized filter name: ${Name}`)
    return (instance: Instance) => Values.some((value) => test(instance, value))
  })
  return (instance) => tests.every((test) => test(instance))
}
