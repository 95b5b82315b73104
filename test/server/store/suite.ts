// The suite that every store must pass: what store.ts promises, observed from outside.
//
// All tests of one run of it share a database, each in accounts of its own, so every test also runs beside the data of
// the others.

import { after, before, describe } from 'node:test';

import { openBench, type Bench, type StoreHome } from './bench.ts';
import { feedTests } from './suite-feed.ts';
import { lifeTests } from './suite-life.ts';
import { peopleTests } from './suite-people.ts';
import { watchTests } from './suite-watch.ts';
import { writeTests } from './suite-writes.ts';

/** `skip` says what is missing for this store to be tested, or false. */
export function storeSuite(name: string, newHome: () => Promise<StoreHome>, skip: string | false = false): void {
  describe(name, { skip }, () => {
    let home: StoreHome;
    const bench = { store: null, clock: null } as unknown as { -readonly [K in keyof Bench]: Bench[K] };

    before(async () => {
      home = await newHome();
      Object.assign(bench, await openBench(home));
    });
    after(async () => {
      await bench.store.close();
      await home.remove();
    });

    describe('writes', () => writeTests(bench));
    describe('feed', () => feedTests(bench));
    describe('addresses, sessions and answers', () => peopleTests(bench));
    describe('watching', () => watchTests(bench, newHome));
    describe('life', () => lifeTests(bench, newHome));
  });
}
