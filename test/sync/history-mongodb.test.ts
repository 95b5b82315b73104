// Random histories on MongoDB: fewer, as each write waits for a majority.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { stores } from '../server/harness.ts';
import { runHistory } from './history.ts';
import { repeatedBy, seedsToTry } from './seeds.ts';
import { openSite, type Site } from './site.ts';

const mongodb = stores.find(({ kind }) => kind === 'mongodb');

describe('on mongodb', { skip: mongodb?.skip ?? true }, () => {
  let site: Site;
  before(async () => {
    assert(mongodb);
    site = await openSite(mongodb);
  });
  after(() => site.stop());

  for (const seed of seedsToTry(3)) {
    test(`a random history ends with the same records everywhere: ${repeatedBy(seed)}`, (t) => runHistory(t, site, seed));
  }
});
