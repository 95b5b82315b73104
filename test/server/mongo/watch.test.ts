// `WATCH=1`: what another program changes in adopted collections becomes records, whatever happens to the processes that follow it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { MongoClient, ObjectId, Timestamp, type Db } from 'mongodb';

import { findCollection } from '../../../shared/collections.ts';
import type { Log } from '../../../server/log.ts';
import { parseMapping } from '../../../server/mapping.ts';
import { runAdopt } from '../../../server/mongo/adopt.ts';
import { Adoption } from '../../../server/mongo/adoption.ts';
import { adoptions, saveMapping, takeLease } from '../../../server/mongo/lease.ts';
import { startWatch } from '../../../server/mongo/watch.ts';
import { newId, toContent } from '../../../server/records.ts';
import type { Store } from '../../../server/store.ts';
import { runVerify } from '../../../server/verify-command.ts';
import { openStore, spawnServer, startServer, stores, type TestServer } from '../harness.ts';
import { customer as newCustomer, invoice as newInvoice } from '../samples.ts';
import { example, exampleDocuments, fillShop, recordsOf } from './shop.ts';

const [, mongodb] = stores;
assert.ok(mongodb);

type Payload = Readonly<Record<string, unknown>>;

describe('WATCH=1', { skip: mongodb.skip }, () => {
  let server: TestServer;
  let client: MongoClient;
  let shop: Db;
  let books: Db;
  before(async () => {
    server = await startServer(mongodb, { WATCH: '1' });
    const { MONGODB_URL: mongodbUrl = '', MONGODB_DB: mongodbDb = '' } = server.env;
    client = await new MongoClient(mongodbUrl).connect();
    [shop, books] = [client.db(`shop_${new ObjectId().toHexString()}`), client.db(mongodbDb)];
    await fillShop(shop, exampleDocuments);
    const store = await openStore(server, () => server.clock.ms);
    const config = { mongodbUrl, mongodbDb, allowsPlaintextMongo: false };
    const mapping = JSON.stringify({ ...example, database: shop.databaseName });
    assert.equal(await runAdopt({ mapping, file: 'mapping.json', account: null, isDryRun: false }, { store, config, write: () => {} }), 0);
    await store.close();
  });
  after(async () => {
    await shop.dropDatabase();
    await client.close();
    await server.stop();
  });

  /** Looks at the records again after each transaction of the account until they are as they should be. */
  const untilAsync = async (check: () => Promise<boolean>): Promise<void> => {
    const stream = books.collection('accounts').watch();
    try {
      await stream.tryNext();
      while (!await check()) await stream.next();
    } finally {
      await stream.close();
    }
  };
  const until = async (check: (records: ReadonlyMap<string, Payload>) => boolean): Promise<ReadonlyMap<string, Payload>> => {
    let records: ReadonlyMap<string, Payload> = new Map();
    await untilAsync(async () => check(records = await recordsOf(server.owner)));
    return records;
  };
  const customers = () => shop.collection('Customer');
  const nameOf = (records: ReadonlyMap<string, Payload>, id: ObjectId): unknown => records.get(id.toHexString())?.['name'];
  const requireSound = async (): Promise<void> => {
    const store = await openStore(server, () => server.clock.ms);
    const lines: string[] = [];
    const deps = { nowMs: () => Date.now(), write: (line: string) => void lines.push(line) };
    assert.equal(await runVerify(store, { fixes: false, account: null }, deps), 0, lines.join(''));
    await store.close();
  };

  test('publishes what is inserted, updated, replaced and deleted, and keeps what the mapping does not have', async () => {
    const _id = new ObjectId();
    await customers().insertOne({ _id, displayName: 'New' });
    await until((records) => nameOf(records, _id) === 'New');
    const { body } = await server.owner.get(`/api/customers/${_id}`);
    const noted = await server.owner.patch(`/api/customers/${_id}`, body.record.updatedAt, { internalNote: 'ours' });
    assert.equal(noted.status, 200);
    await customers().updateOne({ _id }, { $set: { displayName: 'Updated' } });
    await until((records) => nameOf(records, _id) === 'Updated');
    await customers().replaceOne({ _id }, { displayName: 'Replaced', mail: 'a@b.test' });
    const replaced = await until((records) => nameOf(records, _id) === 'Replaced');
    assert.deepEqual(replaced.get(_id.toHexString()), { name: 'Replaced', email: 'a@b.test', currency: 'EUR', internalNote: 'ours' });
    await customers().deleteOne({ _id });
    await until((records) => !records.has(_id.toHexString()));
    const { body: trail } = await server.owner.get('/api/audit?limit=1000');
    const { entries } = trail as unknown as { readonly entries: readonly Payload[] };
    const own = entries.filter(({ record }) => record === _id.toHexString());
    assert.deepEqual(own.map(({ action }) => action), ['watch', 'update', 'watch', 'watch', 'watch']);
    await requireSound();
  });

  test('publishes 2,000 documents that come at once, each once', async () => {
    const ids = Array.from({ length: 2000 }, () => new ObjectId());
    const own = books.collection<{ _id: string }>('customers');
    const before = await own.countDocuments();
    await customers().insertMany(ids.map((_id) => ({ _id, displayName: 'Bulk' })));
    await untilAsync(async () => await own.countDocuments() === before + ids.length);
    assert.equal((await recordsOf(server.owner)).get(String(ids.at(-1)))?.['name'], 'Bulk');
    await customers().deleteMany({ _id: { $in: ids } });
    await untilAsync(async () => await own.countDocuments() === before);
    await requireSound();
  });

  test('leaves out what does not fit, says so in /api/ready, and publishes it once it does', async () => {
    const [customer, invoice] = [new ObjectId(), new ObjectId()];
    await customers().insertOne({ _id: customer, displayName: 'Later', mail: 'nobody' });
    const [sample] = exampleDocuments['Invoice'] ?? [];
    await shop.collection('Invoice').insertOne({ ...sample, _id: invoice, customer, no: 'RE-2' });
    const stream = books.collection('adopted').watch();
    await stream.tryNext();
    while (await books.collection('adopted').countDocuments({ problem: { $type: 'string' } }) < 2) await stream.next();
    await stream.close();
    const ready = await server.client.get('/api/ready');
    const { checks } = ready.body as unknown as { readonly checks: Payload };
    assert.deepEqual([ready.status, String(checks['watch']).slice(0, 11)], [200, '2 documents']);
    assert.ok(server.lines.some((line) => line.includes('email must be an e-mail address')));
    await customers().updateOne({ _id: customer }, { $set: { mail: 'some@body.test' } });
    await until((records) => records.has(invoice.toHexString()));
    // What once fitted stays as it was.
    await shop.collection('Invoice').updateOne({ _id: invoice }, { $set: { state: 'LOST' } });
    const last = new ObjectId();
    await customers().insertOne({ _id: last, displayName: 'Last' });
    const records = await until((found) => found.has(last.toHexString()));
    assert.equal(records.get(invoice.toHexString())?.['status'], 'open');
    await shop.collection('Invoice').updateOne({ _id: invoice }, { $set: { state: 'OPEN' } });
    await requireSound();
  });

  test('reaches what did not fit and now does, however much else does not', async () => {
    const [customer, invoice] = [new ObjectId(), new ObjectId()];
    const misfits = Array.from({ length: 501 }, () => ({ _id: new ObjectId(), displayName: 'Misfit', billing: { country: 'Nowhere' } }));
    const adopted = books.collection('adopted');
    const untilMisfits = async (count: number): Promise<void> => {
      const stream = adopted.watch();
      await stream.tryNext();
      while (await adopted.countDocuments({ problem: { $type: 'string' } }) !== count) await stream.next();
      await stream.close();
    };
    await customers().insertMany(misfits);
    await untilMisfits(misfits.length);
    const [sample] = exampleDocuments['Invoice'] ?? [];
    await shop.collection('Invoice').insertOne({ ...sample, _id: invoice, customer, no: 'RE-3' });
    await untilMisfits(misfits.length + 1);
    await customers().insertOne({ _id: customer, displayName: 'In time' });
    await until((records) => records.has(invoice.toHexString()));
    await customers().deleteMany({ _id: { $in: misfits.map(({ _id }) => _id) } });
    await untilMisfits(0);
    await requireSound();
  });

  test('goes on after a restart from where it was, and looks at every document if the history is lost', async () => {
    const [gone, first, second] = [new ObjectId(), new ObjectId(), new ObjectId()];
    await customers().insertOne({ _id: gone, displayName: 'Gone' });
    await until((records) => records.has(gone.toHexString()));
    await server.restart({ WATCH: '' });
    await customers().insertOne({ _id: first, displayName: 'First' });
    await server.restart({ WATCH: '1' });
    await until((records) => records.has(first.toHexString()));
    await server.restart({ WATCH: '' });
    await customers().deleteOne({ _id: gone });
    await customers().insertOne({ _id: second, displayName: 'Second' });
    await adoptions(books).updateMany({}, { $set: { token: null, startAt: new Timestamp({ t: 1, i: 1 }) } });
    await server.restart({ WATCH: '1' });
    await until((records) => records.has(second.toHexString()) && !records.has(gone.toHexString()));
    await requireSound();
  });

  test('is taken over by another process when the one at work is stopped, which writes nothing more when it wakes', async (t) => {
    await server.restart({ WATCH: '' });
    const holder = async (): Promise<string | null> => (await adoptions(books).findOne({}))?.holder ?? null;
    const held = async (isOther: (holder: string) => boolean): Promise<string> => {
      const stream = adoptions(books).watch();
      try {
        await stream.tryNext();
        for (;;) {
          const found = await holder();
          if (found !== null && isOther(found)) return found;
          await stream.next();
        }
      } finally {
        await stream.close();
      }
    };
    const env = { ...server.env, WATCH: '1', ADMIN_EMAIL: '', ADMIN_PASSWORD: '' };
    const one = await spawnServer(env);
    t.after(() => one.end('SIGKILL'));
    const before = await held(() => true);
    const two = await spawnServer(env);
    t.after(() => two.end('SIGKILL'));
    one.child.kill('SIGSTOP');
    const _id = new ObjectId();
    await customers().insertOne({ _id, displayName: 'While stopped' });
    await until((records) => nameOf(records, _id) === 'While stopped');
    const after = await held((found) => found !== before);
    await customers().updateOne({ _id }, { $set: { displayName: 'Awake' } });
    one.child.kill('SIGCONT');
    await until((records) => nameOf(records, _id) === 'Awake');
    assert.equal(await holder(), after);
    await two.end('SIGKILL');
    await customers().updateOne({ _id }, { $set: { displayName: 'Killed' } });
    await until((records) => nameOf(records, _id) === 'Killed');
    assert.equal(await one.end(), 0);
    await server.restart({ WATCH: '1' });
    await requireSound();
  });

  test('does not take what is missing for gone while a collection is restored, but does once that is over', async (t) => {
    await server.restart({ WATCH: '' });
    const store = await openStore(server, () => server.clock.ms);
    t.after(() => store.close());
    const { MONGODB_URL: mongodbUrl = '', MONGODB_DB: mongodbDb = '' } = server.env;
    const looks: Payload[] = [];
    const log: Log = (_level, message, facts) => {
      if (message === 'looked at every document of another program') looks.push(facts ?? {});
    };
    const [kept, gone, misfit] = [new ObjectId(), new ObjectId(), new ObjectId()];
    const filling = Array.from({ length: 201 }, () => ({ _id: new ObjectId(), displayName: 'Filling' }));
    const config = { mongodbUrl, mongodbDb, allowsPlaintextMongo: false };
    const watching = await startWatch({ config, store, log, quietMs: 4000 });
    t.after(() => watching.close());
    await customers().insertMany([kept, gone, misfit].map((_id) => ({ _id, displayName: 'Restored' })));
    await until((records) => [kept, gone, misfit].every((_id) => records.has(_id.toHexString())));
    const { body } = await server.owner.get(`/api/customers/${kept}`);
    await server.owner.patch(`/api/customers/${kept}`, body.record.updatedAt, { internalNote: 'ours' });
    const adopted = books.collection('adopted');
    await customers().updateOne({ _id: misfit }, { $set: { billing: { country: 'Nowhere' } } });
    while (await adopted.countDocuments({ problem: { $type: 'string' } }) === 0) await sleep(50);

    await customers().drop();
    const [first, ...others] = filling;
    await customers().insertOne(first ?? {});
    while (looks.length === 0) await sleep(50);
    for (let index = 0; index < others.length; index += 50) {
      await customers().insertMany(others.slice(index, index + 50));
      await sleep(300);
    }
    await customers().insertOne({ _id: kept, displayName: 'Restored' });
    const during = await recordsOf(server.owner);
    assert.deepEqual([kept, gone, misfit].map((_id) => during.has(_id.toHexString())), [true, true, true]);
    const after = await until((records) => !records.has(gone.toHexString()));
    assert.deepEqual([after.get(kept.toHexString())?.['internalNote'], after.has(misfit.toHexString())], ['ours', false]);
    assert.deepEqual(looks[0]?.['removed'], 0);
    await requireSound();
  });

  test('does not take what is missing for gone either if it fails while it looks at what replaced a collection', async (t) => {
    await server.restart({ WATCH: '' });
    const store = await openStore(server, () => server.clock.ms);
    t.after(() => store.close());
    const [failed, looked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let isFailing = false;
    const failing: Pick<Store, 'mend'> = {
      mend: (accountId, change) => isFailing ? Promise.reject(new Error('failed')) : store.mend(accountId, change),
    };
    const log: Log = (_level, message) => {
      if (message === 'watching another database failed') failed.resolve();
      if (message === 'looked at every document of another program') looked.resolve();
    };
    const { MONGODB_URL: mongodbUrl = '', MONGODB_DB: mongodbDb = '' } = server.env;
    const watching = await startWatch({ config: { mongodbUrl, mongodbDb, allowsPlaintextMongo: false }, store: failing, log });
    t.after(() => watching.close());
    const [missing, first] = [new ObjectId(), new ObjectId()];
    await customers().insertOne({ _id: missing, displayName: 'Missing' });
    await until((records) => records.has(missing.toHexString()));
    isFailing = true;
    await shop.collection('Restored').insertOne({ _id: first, displayName: 'First' });
    await shop.collection('Restored').rename('Customer', { dropTarget: true });
    await failed.promise;
    isFailing = false;
    await looked.promise;
    const records = await recordsOf(server.owner);
    assert.deepEqual([missing, first].map((_id) => records.has(_id.toHexString())), [true, true]);
    await requireSound();
  });

  test('knows what the account changes between what it reads and what it writes, however much that is', async (t) => {
    await server.restart({ WATCH: '' });
    const { _id: accountId = '', mapping = '' } = await adoptions(books).findOne({}) ?? {};
    const store = await openStore(server, () => server.clock.ms);
    t.after(() => store.close());
    let meanwhile: () => Promise<unknown> = async () => {};
    const late: Pick<Store, 'mend'> = {
      async mend(id, change) {
        const once = meanwhile;
        meanwhile = async () => {};
        await once();
        return store.mend(id, change);
      },
    };
    const said: string[] = [];
    const adoption = new Adoption({
      client, store: late, databaseName: books.databaseName, mapping: parseMapping(mapping, 'x'), accountId, action: 'watch',
      requireLease: async () => {}, report: ({ text }) => void said.push(text),
    });
    const refresh = (from: string, sourceId: ObjectId, isDeleted = false) => adoption.refresh(new Map([[from, [{ sourceId, isDeleted }]]]));
    const collection = findCollection('customers');
    assert.ok(collection);
    const addOthers = (count: number): Promise<unknown> => store.write(accountId, async (transaction) => {
      const content = toContent(collection, { name: 'Other', currency: 'EUR' }, null);
      for (let index = 0; index < count; index += 1) transaction.put('customers', newId(server.clock.ms), content, null);
    });

    for (const count of [1, 1000]) {
      const _id = new ObjectId();
      await customers().insertOne({ _id, displayName: 'Referred to' });
      await refresh('Customer', _id);
      await customers().deleteOne({ _id });
      meanwhile = async () => {
        await addOthers(count);
        await server.owner.create('invoices', newInvoice(_id.toHexString()));
      };
      const { removed, problems } = await refresh('Customer', _id, true);
      assert.deepEqual([removed, problems], [0, 1], said.at(-1));
    }

    const [again, buyer, numbered] = [new ObjectId(), new ObjectId(), new ObjectId()];
    await customers().insertMany([again, buyer].map((_id) => ({ _id, displayName: 'Before' })));
    for (const _id of [again, buyer]) await refresh('Customer', _id);
    await customers().updateOne({ _id: again }, { $set: { displayName: 'After' } });
    meanwhile = async () => server.owner.remove(`/api/customers/${again}`, (await server.owner.read('customers', String(again))).updatedAt);
    assert.equal((await refresh('Customer', again)).changed, 1);
    assert.equal((await server.owner.read('customers', again.toHexString())).payload['name'], 'After');

    const [sample] = exampleDocuments['Invoice'] ?? [];
    await shop.collection('Invoice').insertOne({ ...sample, _id: numbered, customer: buyer, no: 'INV-2031-00001' });
    const own = await server.owner.create('customers', newCustomer());
    const draft = await server.owner.create('invoices', newInvoice(own.id, { issueDate: '2031-01-01', dueDate: '2031-01-31' }));
    meanwhile = async () => assert.equal((await server.owner.act(draft, 'issue')).payload['number'], 'INV-2031-00001');
    assert.deepEqual([(await refresh('Invoice', numbered)).problems, said.at(-1)],
      [1, `has the number INV-2031-00001, as another invoice has (${draft.id})`]);
    await requireSound();
  });

  test('writes nothing with a lease that another process has taken over', async (t) => {
    await server.restart({ WATCH: '' });
    const { _id: accountId = '', mapping = '' } = await adoptions(books).findOne({}) ?? {};
    const lease = await takeLease(books, accountId, true);
    const store = await openStore(server, () => server.clock.ms);
    t.after(() => store.close());
    const adoption = new Adoption({
      client, store, databaseName: books.databaseName, mapping: parseMapping(mapping, 'x'), accountId, action: 'watch',
      requireLease: async () => lease?.require(), report: () => {},
    });
    const _id = new ObjectId();
    await customers().insertOne({ _id, displayName: 'Late' });
    await takeLease(books, accountId, true);
    await assert.rejects(adoption.refresh(new Map([['Customer', [{ sourceId: _id, isDeleted: false }]]])), /Another process/);
    await assert.rejects(async () => lease?.save({ isScanned: false }), /Another process/);
    const held = await takeLease(books, accountId, true);
    await saveMapping(books, accountId, mapping);
    await assert.rejects(async () => held?.save({ isScanned: true }), /Another process/, 'by the mapping from before');
    assert.ok(!(await recordsOf(server.owner)).has(_id.toHexString()));
  });

  test('that cannot follow a database says so until another process follows it, or nobody has to', async (t) => {
    await server.restart({ WATCH: '' });
    const adoption = await adoptions(books).findOne({});
    assert.ok(adoption);
    const { _id: accountId } = adoption;
    const store = await openStore(server, () => server.clock.ms);
    t.after(() => store.close());
    const { MONGODB_URL: mongodbUrl = '', MONGODB_DB: mongodbDb = '' } = server.env;
    let failed = Promise.withResolvers<void>();
    const log: Log = (_level, message) => {
      if (message === 'watching another database failed') failed.resolve();
    };
    await adoptions(books).updateOne({ _id: accountId }, { $set: { mapping: '{', holder: null } });
    const watching = await startWatch({ config: { mongodbUrl, mongodbDb, allowsPlaintextMongo: false }, store, log });
    t.after(() => watching.close());
    const isFailing = async (): Promise<boolean> => (await watching.describe()).includes('cannot be followed');
    await failed.promise;
    assert.ok(await isFailing());
    const other = await takeLease(books, accountId, true);
    while (await isFailing()) await sleep(50);
    failed = Promise.withResolvers();
    await other?.release();
    await failed.promise;
    assert.ok(await isFailing());
    await adoptions(books).deleteOne({ _id: accountId });
    while (await isFailing()) await sleep(50);
    await adoptions(books).insertOne(adoption);
  });
});
