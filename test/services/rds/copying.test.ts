/** Which statements wait for rows: told from their text alone. */
import test from 'ava'
import { copyIn } from '../../../src/services/rds/copying.ts'
import { message, type Message } from '../../../src/services/rds/wire.ts'

const asked = (type: string, ...parts: string[]): Message => {
  const bytes = message(type, ...parts)
  return { type, bytes, body: bytes.subarray(5) }
}

const waits = test.macro({
  title: (_, how: string | undefined, sql: string) => `${how ?? 'no'}: ${JSON.stringify(sql)}`,
  exec(t, how: string | undefined, sql: string) {
    t.is(copyIn(asked('Q', sql)), how as ReturnType<typeof copyIn>)
  },
})

test(waits, 'alone', 'copy patients from stdin')
test(waits, 'alone', '  /* rows */ -- now\n COPY public.patients (id, name) FROM STDIN;')
test(waits, 'alone', 'COPY patients FROM STDIN WITH (FORMAT csv)')
test(waits, 'among', 'select 1; copy patients from stdin')
test(waits, 'among', 'copy patients from stdin; select 1')
test(waits, undefined, 'copy patients to stdout')
test(waits, undefined, "select 'copy patients from stdin'")
test(waits, undefined, 'select 1')
test(waits, undefined, 'copy_log from stdin')

test('among: a statement that is prepared', (t) => {
  t.is(copyIn(asked('P', 'name', 'copy patients from stdin')), 'among')
})
