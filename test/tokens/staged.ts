/** Checks for tests of the runner: what each comes to is known beforehand. */
import { Finding, type Check } from '../../src/conformance/check.ts'
import { CKO } from '../../src/conformance/cryptoki/numbers.ts'
import type { Device } from '../../src/conformance/device.ts'

const check = (id: string, run: Check['run'], rest: Partial<Check> = {}): Check => ({
  ...{ id, title: `what ${id} says`, clause: 'PKCS#11 3.1, 5.6.1 C_OpenSession', severity: 'major', run },
  ...rest,
})

/** A data object that stays until it is swept. */
function store(device: Device): number {
  const template = [
    { type: 'CLASS', value: CKO.DATA },
    { type: 'TOKEN', value: true },
    { type: 'LABEL', value: device.label },
  ] as const
  return device.create(device.session(), template).rv
}

export const CHECKS: readonly Check[] = [
  check('stage.passes', (device) => device.expect(device.open().rv, 'OK')),
  check('stage.fails', (device) => device.expect(device.login(device.session()), 'OK')),
  check('stage.leaves', (device) => {
    // What is left behind must not make the next check fail.
    device.session()
    device.call('C_Finalize', null)
  }),
  check('stage.next', (device) => device.expect(device.login(device.open().handle), 'OK')),
  check('stage.crashes', (device) => {
    device.open()
    process.kill(process.pid, 'SIGSEGV')
    // Until the signal comes.
    for (;;);
  }),
  check('stage.ends', () => process.exit(7)),
  check(
    'stage.hangs',
    (device) => {
      device.session()
      for (;;);
    },
    { patience: 2 },
  ),
  check('stage.breaks', () => {
    throw new RangeError('the check itself is wrong')
  }),
  check('stage.lacks', () => undefined, { needs: ['KIP_DERIVE'] }),
  check('stage.cannot', (device) => device.skip('it cannot be told here')),
  check(
    'stage.remarks',
    () => {
      throw new Finding('one', 'two', 'it means nothing')
    },
    { severity: 'note' },
  ),
  check('stage.writes', (device) => device.expect(store(device), 'OK'), { writes: true }),
  check('another.passes', () => undefined),
]
