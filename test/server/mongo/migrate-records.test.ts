// The migration of a database of protocol 1 in MongoDB: killed at every point, by several processes at once, and beside one of the old
// version that still writes.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';

import type { Collection, Document } from 'mongodb';
import { MongoClient } from 'mongodb';

import { migrateRecords } from '../../../server/mongo/migrate-records.ts';
import { openMongoStore } from '../../../server/mongo/store.ts';
import { createSchema, openTables, type Tables } from '../../../server/mongo/schema.ts';
import { parseMapping } from '../../../server/mapping.ts';
import { stores, type Installation } from '../harness.ts';
import { firstAccount, prepareOldDatabase, secondAccount } from '../protocol-1/database.ts';
import { assertConsistent, depsOf, readAll, START_MS } from '../store/fixture.ts';

const mongo = stores.find(({ kind }) => kind === 'mongodb') ?? { kind: 'mongodb', skip: 'no MongoDB' } as const;
const log = (): void => {};
const openInvoice = '69a42af40000000000000009';

describe('the migration of a database of protocol 1', { skip: mongo.skip }, () => {
  let installation: Installation;
  let client: MongoClient;
  let tables: Tables;

  before(async () => {
    installation = await prepareOldDatabase(mongo);
    client = await MongoClient.connect(installation.env['MONGODB_URL'] ?? '');
  });
  after(async () => {
    await client.close();
    await installation.remove();
  });

  /** Another such database. */
  async function renew(t: TestContext): Promise<void> {
    const { env, remove } = await prepareOldDatabase(mongo);
    t.after(remove);
    tables = openTables(client.db(env['MONGODB_DB']));
    await createSchema(tables);
  }

  async function assertMigrated(): Promise<void> {
    const { MONGODB_URL = '' } = installation.env;
    const store = await openMongoStore(MONGODB_URL, tables.db.databaseName, depsOf({ nowMs: START_MS }));
    try {
      for (const accountId of [firstAccount, secondAccount]) {
        const seen = await readAll(store, accountId);
        assertConsistent(seen);
        assert.equal(seen.changes.filter(({ collection }) => collection === 'company').length, 1);
        for (const { collection, payload } of seen.changes) {
          if (collection === 'invoices' && payload !== null) assert.match(String(payload), /^\{"kind":"invoice",/);
        }
      }
    } finally {
      await store.close();
    }
  }

  test('goes on from wherever it was killed', async (t) => {
    await renew(t);
    let kills = 0;
    for (let isDone = false; !isDone; kills += 1) {
      isDone = await migrateRecords(client, killedAfter(tables, kills), log).then(() => true, (error: unknown) => {
        assert(error instanceof Killed, String(error));
        return false;
      });
      // What the time does to the lease of a process that is gone.
      await tables.settings.deleteOne({ _id: 'migration' });
    }
    assert(kills > 5, `only ${kills} points`);
    await assertMigrated();
  });

  test('waits for a process that is at work, and goes on once that was killed', async (t) => {
    await renew(t);
    await tables.settings.insertOne({ _id: 'migration', value: 'another', expiresAt: new Date(Date.now() + 500) });
    await migrateRecords(client, tables, log);
    await assertMigrated();
  });

  test('is done by one of several processes', async (t) => {
    await renew(t);
    const said: string[] = [];
    await Promise.all([1, 2, 3].map(() => migrateRecords(client, tables, (_level, event) => void said.push(event))));
    assert.deepEqual(said.map((event) => event.replace(/.* (are|were) .*/, '$1')), ['are', 'were']);
    await assertMigrated();
  });

  test('is not begun again by a process that asked just before another finished', async (t) => {
    await renew(t);
    let isFinished = false;
    const finishes = async (): Promise<void> => {
      if (isFinished) return;
      isFinished = true;
      await migrateRecords(client, tables, log);
    };
    const said: string[] = [];
    const settings = beforeWrites(tables.settings, finishes);
    await migrateRecords(client, { ...tables, settings }, (_level, event) => void said.push(event));
    assert.deepEqual(said, []);
    await assertMigrated();
  });

  test('does not undo what a process of the old version writes meanwhile', async (t) => {
    await renew(t);
    let isWritten = false;
    const meanwhile = async (): Promise<void> => {
      if (isWritten) return;
      isWritten = true;
      const { payload: old = '' } = await tables.records('invoices').findOne({ _id: openInvoice }) ?? {};
      const payload = old.replace('Please pay.', 'Please pay now.');
      await tables.records('invoices').updateOne({ _id: openInvoice }, { $set: { payload } });
      await tables.accounts.updateOne({ _id: firstAccount }, { $inc: { writes: 1 } });
    };
    await migrateRecords(client, { ...tables, records: (name) => beforeWrites(tables.records(name), meanwhile) }, log);
    assert(isWritten);
    const { payload } = await tables.records('invoices').findOne({ _id: openInvoice }) ?? {};
    assert.match(payload ?? '', /"note":"Please pay now\."/);
    await assertMigrated();
  });

  test('renames what an adoption\'s mapping names', async (t) => {
    await renew(t);
    const mapping = JSON.stringify({ database: 'shop', collections: {
      customers: { from: 'Customer', fields: { name: 'n', currency: { value: 'EUR' }, taxId: 'vat', notes: 'memo' } },
      invoices: { from: 'Invoice', fields: {
        customerId: 'c', issueDate: 'd', dueDate: 'e', currency: { value: 'EUR' }, notes: 'memo',
        status: { from: 'state', values: { OPEN: 'sent', PAID: 'paid' }, default: 'sent' },
        lines: { from: 'items', each: { description: 't', quantityMilli: 'q', unitPriceMinor: 'p', taxRateBp: 'v' } },
      } },
    } });
    await tables.db.collection<{ _id: string; mapping: string }>('adoptions').insertOne({ _id: firstAccount, mapping });
    await migrateRecords(client, tables, log);
    const found = await tables.db.collection<{ _id: string; mapping: string }>('adoptions').findOne({ _id: firstAccount });
    const [customers, invoices] = parseMapping(found?.mapping ?? '', 'the mapping').collections;
    assert.deepEqual([...customers?.rules.keys() ?? []].sort(), ['currency', 'internalNote', 'name', 'vatId']);
    assert(invoices?.rules.has('note'));
    const status = invoices?.rules.get('status');
    assert(status?.kind === 'path');
    assert.deepEqual([status.values, status.otherwise], [{ OPEN: 'open', PAID: 'paid' }, 'open']);
  });
});

class Killed extends Error {}

/** The tables for a process that ends in place of its write number `count`, counted from 0. */
function killedAfter(tables: Tables, count: number): Tables {
  let writes = 0;
  const check = async (): Promise<void> => {
    writes += 1;
    if (writes > count) throw new Killed();
  };
  return {
    ...tables, accounts: beforeWrites(tables.accounts, check), settings: beforeWrites(tables.settings, check),
    records: (name) => beforeWrites(tables.records(name), check),
  };
}

/** A collection that waits for something before each write. */
function beforeWrites<D extends Document>(table: Collection<D>, run: () => Promise<void>): Collection<D> {
  const writes = ['insertOne', 'updateOne', 'findOneAndUpdate', 'bulkWrite', 'deleteOne'];
  return new Proxy(table, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      if (!writes.includes(String(name))) return member.bind(target) as unknown;
      return async (...args: unknown[]): Promise<unknown> => {
        await run();
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  });
}
