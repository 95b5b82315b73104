// Random histories on the embedded store. SYNC_SEEDS=<count> sets how many; SYNC_SEED=<n> runs a single one.

import { after, before, test } from 'node:test';

import { embedded } from '../server/harness.ts';
import { runHistory } from './history.ts';
import { repeatedBy, seedsToTry } from './seeds.ts';
import { openSite, type Site } from './site.ts';

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

for (const seed of seedsToTry(10)) {
  test(`a random history ends with the same records everywhere: ${repeatedBy(seed)}`, (t) => runHistory(t, site, seed));
}
