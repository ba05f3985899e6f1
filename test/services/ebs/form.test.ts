/** Forms of EC2's as they are read, and answers as they are written. */
import test from 'ava'
import type { Context } from '../../../src/context.ts'
import { KmsError } from '../../../src/errors.ts'
import type { Ebs } from '../../../src/services/ebs/ebs.ts'
import { inputOf } from '../../../src/services/ebs/form.ts'
import { ec2 } from '../../../src/services/ebs/query.ts'

for (const [what, form, input] of [
  [
    'numbers and flags',
    'Size=7&Encrypted=true&DryRun=false&KmsKeyId=7',
    { Size: 7, Encrypted: true, DryRun: false, KmsKeyId: '7' },
  ],
  ['a list', 'VolumeId.1=a&VolumeId.2=b', { VolumeIds: ['a', 'b'] }],
  ['a list out of order', 'VolumeId.10=b&VolumeId.9=a', { VolumeIds: ['a', 'b'] }],
  [
    'lists in a list',
    'Filter.1.Name=n&Filter.1.Value.1=x&Filter.1.Value.2=y',
    { Filters: [{ Name: 'n', Values: ['x', 'y'] }] },
  ],
  [
    'tags',
    'TagSpecification.1.ResourceType=volume&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=true',
    { TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'k', Value: 'true' }] }] },
  ],
  [
    'owners',
    'Owner.1=self&RestorableBy.1=x&UserGroup.1=all',
    { OwnerIds: ['self'], RestorableByUserIds: ['x'], GroupNames: ['all'] },
  ],
  [
    'permissions',
    'CreateVolumePermission.Add.1.UserId=x&CreateVolumePermission.Remove.1.Group=all',
    { CreateVolumePermission: { Add: [{ UserId: 'x' }], Remove: [{ Group: 'all' }] } },
  ],
  ['what is too deep', 'a.b.c.d.e.f.g.h.i=1', {}],
] as const) {
  test(`a form with ${what} is read`, (t) => {
    t.deepEqual(inputOf(new Map(new URLSearchParams(form))) as unknown, input as unknown)
  })
}

for (const form of ['Size=large', 'Size=1.5', 'Encrypted=yes', 'MaxResults=']) {
  test(`${form} is refused`, (t) => {
    const error = t.throws(() => inputOf(new Map(new URLSearchParams(form))), { instanceOf: KmsError })
    t.is(error.code, 'InvalidParameterValue')
  })
}

test('a name that objects have by nature does them no harm', (t) => {
  const input = inputOf(new Map(new URLSearchParams('__proto__.Size=1&constructor.1=x&toString=y')))
  t.is(Object.getPrototypeOf(input), Object.prototype)
  t.is((input as { Size?: unknown }).Size, undefined)
})

const context = { requestId: 'r' } as Context & { requestId: string }

test('an answer has EC2s names for its members', async (t) => {
  const answer = {
    Volumes: [{ State: 'a<b', Tags: [{ Key: 'k', Value: '' }], CreateTime: new Date(0), NbdUri: undefined }],
  }
  const { call } = ec2({ describeVolumes: () => Promise.resolve(answer) } as unknown as Ebs)
  const told =
    '<status>a&#60;b</status><tagSet><item><key>k</key><value></value></item></tagSet><createTime>1970-01-01T00:00:00.000Z</createTime>'
  t.is(
    await call(new Map([['Action', 'DescribeVolumes']]), context),
    `<DescribeVolumesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><volumeSet><item>${told}</item></volumeSet></DescribeVolumesResponse>`,
  )
})

for (const Action of ['', 'RunInstances', 'constructor', 'close', 'createVolume']) {
  test(`there is no action called \`${Action}\``, async (t) => {
    const error = await t.throwsAsync(ec2({} as Ebs).call(new Map([['Action', Action]]), context), {
      instanceOf: KmsError,
    })
    t.is(error.code, 'InvalidAction')
  })
}
