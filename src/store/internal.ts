/** The table of the keys the KMS has for its own use. */
import { table } from './rows.ts'

export const INTERNAL_KEYS = table({
  name: 'internal_keys',
  columns: [
    { name: 'name', type: 'TEXT' },
    { name: 'material', type: 'TEXT' },
    { name: 'token', type: 'BLOB' },
  ],
  key: ['name'],
  indexes: [],
})
