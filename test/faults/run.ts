// `npm run test:faults`: every scenario of the fault laboratory at its full count, and the table for docs/reliability.md.
//
//   node test/faults/run.ts [--only <name>]… [--seed <first>] [--count <tries>]
//
// `--only` takes the beginning of a name, too. With a seed and no count it makes one try. SIGTERM ends it after the present try, with
// the table of what was run. Exits with 1 if a try failed.

import { parseArgs } from 'node:util';

import { formatTable, runScenario, seedsFrom, type Row } from './lab.ts';
import { scenarios } from './scenarios.ts';

const { values: { only, seed, count } } = parseArgs({
  options: { only: { type: 'string', multiple: true }, seed: { type: 'string' }, count: { type: 'string' } },
});

const chosen = scenarios.filter(({ name }) => only?.some((wanted) => name.startsWith(wanted)) ?? true);
if (chosen.length === 0) throw new Error(`There is no such scenario. There are ${scenarios.map(({ name }) => name).join(', ')}.`);
const rows: Row[] = [];
let isStopped = false;
process.once('SIGTERM', () => { isStopped = true; });
for (const scenario of chosen) {
  if (scenario.skip) {
    console.log(`${scenario.name}: not run. ${scenario.skip}`);
    continue;
  }
  const seeds = seedsFrom(Number(seed ?? 1), Number(count ?? (seed === undefined ? scenario.tries : 1)));
  if (isStopped) break;
  const row = await runScenario(scenario, seeds, undefined, () => isStopped);
  rows.push(row);
  const cpuMs = Math.round(row.cpuMs / Math.max(row.tries, 1));
  console.log(`${row.name}: ${row.tries} tries, ${row.failedSeeds.length} failed, ${cpuMs} ms of CPU each`);
}
console.log(`\n${formatTable(rows)}`);
// The MongoDB that the scenarios share ends with this process, and would keep it from ending by itself.
process.exit(rows.some(({ failedSeeds }) => failedSeeds.length > 0) ? 1 : 0);
