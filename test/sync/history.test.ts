// Histories by chance over the embedded store. SYNC_SEEDS=<count> lives through more of them, SYNC_SEED=<n> through one.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { stores } from '../server/harness.ts';
import { liveThrough } from './history.ts';
import { seedsToTry } from './seeds.ts';
import { openSite, type Site } from './site.ts';

let site: Site;
before(async () => {
  const [embedded] = stores;
  assert(embedded);
  site = await openSite(embedded);
});
after(() => site.stop());

for (const seed of seedsToTry(10)) {
  test(`whatever happens, everyone ends with the same: SYNC_SEED=${seed}`, (t) => liveThrough(t, site, seed));
}
