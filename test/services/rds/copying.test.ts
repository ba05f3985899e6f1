/** Which statements wait for rows: told from their text alone; and what an engine is told, and says, of all others. */
import test from 'ava'
import { INVITATION, isCopyIn, isRow, unaccompanied, uninvited } from '../../../src/services/rds/copying.ts'
import { message, type Message } from '../../../src/services/rds/wire.ts'

const asked = (type: string, ...parts: string[]): Message => {
  const bytes = message(type, ...parts)
  return { type, bytes, body: bytes.subarray(5) }
}

const waits = test.macro({
  title: (_, does: boolean, sql: string) => `${does ? 'waits' : 'does not'}: ${JSON.stringify(sql)}`,
  exec(t, does: boolean, sql: string) {
    t.is(isCopyIn(asked('Q', sql)), does)
  },
})

test(waits, true, 'copy patients from stdin')
test(waits, true, '  /* rows; */ -- now; \n COPY public.patients (id, name) FROM STDIN;')
test(waits, true, 'COPY patients FROM STDIN WITH (FORMAT csv)')
test(waits, true, "COPY patients FROM /* no file */ STDIN WITH (DELIMITER ';')")
test(waits, true, 'copy "from;here" from\nstdin')
test(waits, false, 'select 1; copy patients from stdin')
test(waits, false, 'copy patients from stdin; select 1')
test(waits, false, 'copy patients to stdout')
test(waits, false, "copy (select ' from stdin ') to stdout")
test(waits, false, 'copy (select $a$ from stdin $a$) to stdout')
test(waits, false, "select 'copy patients from stdin'")
test(waits, false, '-- copy patients from stdin')
test(waits, false, 'select 1')
test(waits, false, 'copy_log from stdin')

test('a statement that is prepared is not waited for', (t) => {
  t.false(isCopyIn(asked('P', 'name', 'copy patients from stdin')))
})

test('whatever runs a statement says that no rows follow, and nothing else does', (t) => {
  for (const type of ['Q', 'E', 'P', 'B', 'S']) {
    const said = asked(type, 'anything')
    t.is(unaccompanied(said, said.bytes).length > said.bytes.length, type === 'Q' || type === 'E')
  }
})

test('rows, their end, and that there are none, are known by their letters', (t) => {
  t.deepEqual(
    ['Q', 'd', 'c', 'f'].map((type) => isRow(asked(type))),
    [false, true, true, true],
  )
})

test('every invitation is taken out of an answer, and nothing else', (t) => {
  const [one, other] = [message('C', 'SELECT 1'), message('Z', 'G')]
  t.deepEqual(uninvited(Buffer.concat([INVITATION, one, INVITATION, other])), Buffer.concat([one, other]))
  t.deepEqual(uninvited(Buffer.concat([one, other])), Buffer.concat([one, other]))
  t.is(uninvited(Buffer.alloc(0)).length, 0)
})
