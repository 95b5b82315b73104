// The suite that every store must pass: what store.ts promises, observed from outside.
//
// All tests of one run of it share a database, each in accounts of its own, so every test also runs beside the data of
// the others.

import { after, before, describe } from 'node:test';

import { openFixture, type Fixture, type TestDatabase } from './fixture.ts';
import { feedTests } from './suite-feed.ts';
import { lifecycleTests } from './suite-lifecycle.ts';
import { sessionTests } from './suite-sessions.ts';
import { watchTests } from './suite-watch.ts';
import { writeTests } from './suite-writes.ts';

/** `skip` says what is missing for this store to be tested, or false. */
export function storeSuite(name: string, newDatabase: () => Promise<TestDatabase>, skip: string | false = false): void {
  describe(name, { skip }, () => {
    let database: TestDatabase;
    const fixture = { store: null, clock: null } as unknown as { -readonly [K in keyof Fixture]: Fixture[K] };

    before(async () => {
      database = await newDatabase();
      Object.assign(fixture, await openFixture(database));
    });
    after(async () => {
      await fixture.store.close();
      await database.remove();
    });

    describe('writes', () => writeTests(fixture));
    describe('feed', () => feedTests(fixture));
    describe('addresses, sessions and answers', () => sessionTests(fixture));
    describe('watching', () => watchTests(fixture, newDatabase));
    describe('life', () => lifecycleTests(fixture, newDatabase));
  });
}
