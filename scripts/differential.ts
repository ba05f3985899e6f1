/** Compares authorize() with the naive evaluator: `node --import ts-blank-space/register scripts/differential.ts 200000 --seed 1`. */
import { parseArgs } from 'node:util'
import { compare } from '../test/authorization/compare.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: '1' } },
})
const { shares, disagreements } = compare(Number(positionals[0] ?? 200_000), Number(values.seed))
console.log(shares, `${disagreements.length} disagreements`)
for (const each of disagreements.slice(0, 3)) console.log(JSON.stringify(each))
process.exitCode = disagreements.length > 0 ? 1 : 0
