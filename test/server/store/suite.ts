// The suite that every store must pass: it tests the contract in store.ts from outside.
//
// The tests of a run share one database but use separate accounts, so every test also runs beside the data of the others.

import { after, before, describe } from 'node:test';

import { openFixture, type Fixture, type TestDatabase } from './fixture.ts';
import { auditTests } from './suite-audit.ts';
import { feedTests } from './suite-feed.ts';
import { lifecycleTests } from './suite-lifecycle.ts';
import { sessionTests } from './suite-sessions.ts';
import { watchTests } from './suite-watch.ts';
import { writeTests } from './suite-writes.ts';

/** `skip` is the reason why this store cannot be tested, or false. */
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
    describe('addresses, sessions and idempotency replies', () => sessionTests(fixture));
    describe('audit trail', () => auditTests(fixture, newDatabase));
    describe('watching', () => watchTests(fixture, newDatabase));
    describe('lifecycle', () => lifecycleTests(fixture, newDatabase));
  });
}
