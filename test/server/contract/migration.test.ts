// A database of protocol 1 is brought up to date when a server starts on it, before anybody is served.

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';

import { exportAccount } from '../../../server/export.ts';
import { importAccount } from '../../../server/import.ts';
import { migratePayload } from '../../../server/migrate-payload.ts';
import { runVerify } from '../../../server/verify-command.ts';
import { publishedFields, findCollection, type Invoice } from '../../../shared/collections.ts';
import { checkFields } from '../../../shared/fields.ts';
import { isActionAllowed } from '../../../shared/invoice.ts';
import { noProblems } from '../../../shared/problems.ts';
import { assertError, type Client } from '../../client.ts';
import { firstOwner, openStore, password, prepare, startMs, startServer, stores, type Installation, type TestServer } from '../harness.ts';
import { NaiveCache, withoutEmpty } from '../naive-cache.ts';
import { firstAccount, oldClock, oldScope, prepareOldDatabase, secondAccount } from '../protocol-1/database.ts';
import { customer, plan } from '../samples.ts';
import { edit } from './broken-books.ts';

const work = { description: 'Work', quantityMilli: 1000, unitPriceMinor: 10_000, taxRateBp: 1900 };
const tax19 = { category: 'S', rateBp: 1900, netMinor: 10_000, taxMinor: 1900 };
/** The customer as it is now, under the name that the invoices were issued with. */
const buyer = {
  name: 'Café Müller', contact: 'Zoë', address: { street: 'Neue Str. 2', city: 'Berlin', country: 'DE' }, vatId: 'DE123',
};
const cafe = '69a42ab80000000000000005';
const from = { customerId: cafe, customerName: 'Café Müller' };
const dates = { issueDate: '2026-01-15', dueDate: '2026-02-14' };
const unpaid = { subtotalMinor: 10_000, taxes: [tax19], totalMinor: 11_900, paidMinor: 0, creditedMinor: 0, payments: [] };

/** What is to become of the records, members in their order. */
const expected: Readonly<Record<string, object>> = {
  '69a42ab80000000000000004': { name: 'Hosting', priceMinor: 1900, currency: 'EUR', interval: 'month', active: true },
  [cafe]: {
    name: 'Café Müller GmbH', contact: 'Zoë', address: buyer.address, vatId: 'DE123', email: 'zoe@cafe.test', phone: '+49 30 1',
    currency: 'EUR', planId: '69a42ab80000000000000004', internalNote: 'Pays late.\nCall first.',
  },
  '69a42ab80000000000000006': { name: 'Plain Ltd', currency: 'GBP' },
  '69a42b30000000000000000f': { name: 'Once', currency: 'EUR' },
  '69a42af40000000000000008': {
    kind: 'invoice', ...from, status: 'draft', ...dates, currency: 'EUR',
    lines: [work, { description: 'Book', quantityMilli: 1500, unit: 'pcs', unitPriceMinor: 10_000, taxRateBp: 0 }], note: 'Thank you!',
    subtotalMinor: 25_000, taxes: [{ category: 'Z', rateBp: 0, netMinor: 15_000, taxMinor: 0 }, tax19], totalMinor: 26_900, paidMinor: 0,
    creditedMinor: 0, payments: [],
  },
  '69a42af40000000000000009': {
    kind: 'invoice', number: 'INV-2026-00001', ...from, status: 'open', ...dates, currency: 'EUR', lines: [work], note: 'Please pay.',
    buyer, ...unpaid,
  },
  '69a42af4000000000000000a': {
    kind: 'invoice', number: 'INV-2026-00002', ...from, status: 'open', ...dates, dueDate: '2026-02-01', currency: 'EUR',
    lines: [work, { ...work, unitPriceMinor: 5000, taxRateBp: 700 }], buyer, subtotalMinor: 15_000,
    taxes: [{ category: 'S', rateBp: 700, netMinor: 5000, taxMinor: 350 }, tax19], totalMinor: 17_250, paidMinor: 1500, creditedMinor: 0,
    payments: [
      { id: '848f23f733b7a85e5f44a0de', amountMinor: 1000, paidOn: '2026-01-20' },
      { id: '5a2e0ddf1a41743a4c846570', amountMinor: 500, paidOn: '2026-01-21' },
    ],
  },
  '69a42af4000000000000000b': {
    kind: 'invoice', number: 'INV-2026-00003', customerId: '69a42ab80000000000000006', customerName: 'Plain Ltd', status: 'paid', ...dates,
    currency: 'GBP', lines: [{ ...work, taxRateBp: 0 }], buyer: { name: 'Plain Ltd' }, subtotalMinor: 10_000,
    taxes: [{ category: 'Z', rateBp: 0, netMinor: 10_000, taxMinor: 0 }], totalMinor: 10_000, paidMinor: 10_000, creditedMinor: 0,
    payments: [{ id: '3cb65ad4729e9ac17d4f25f5', amountMinor: 10_000, paidOn: '2026-01-31' }],
  },
  '69a42af4000000000000000c': {
    kind: 'invoice', number: 'INV-2026-00004', ...from, status: 'void', ...dates, currency: 'EUR', lines: [work], buyer, ...unpaid,
  },
  '69a42af4000000000000000d': {
    kind: 'invoice', number: 'INV-2025-00001', ...from, status: 'paid', ...dates, issueDate: '2025-12-31', currency: 'EUR',
    lines: [{ ...work, unitPriceMinor: 0 }], buyer, ...unpaid, subtotalMinor: 0, taxes: [{ ...tax19, netMinor: 0, taxMinor: 0 }],
    totalMinor: 0,
  },
};

for (const store of stores) {
  describe(`a database of protocol 1, on ${store.kind}`, { skip: store.skip }, () => {
    let installation: Installation;
    let server: TestServer;
    let owner: Client;
    before(async () => {
      installation = await prepareOldDatabase(store);
      const { DATA_DIR = '', MONGODB_DB = '' } = installation.env;
      server = await startServer(store, { DATA_DIR, MONGODB_DB });
      owner = await server.client.login(firstOwner, password);
    });
    after(async () => {
      await server.stop();
      await installation.remove();
    });

    test('has every customer and invoice as protocol 2 has it, members in the order of their declaration', async () => {
      const { changes } = await owner.pullAll();
      const found = new Map(changes.map(({ mongoId, payload }) => [mongoId, JSON.stringify(payload)]));
      for (const [id, payload] of Object.entries(expected)) assert.equal(found.get(id), JSON.stringify(payload));
      assert.equal(changes.length, Object.keys(expected).length + 'owner, editor, company'.split(', ').length);
      for (const { collection: name, payload } of changes) {
        const collection = findCollection(name);
        assert(collection);
        const problems = noProblems();
        assert.equal(JSON.stringify(checkFields(publishedFields(collection), payload, problems)), JSON.stringify(payload));
        assert.deepEqual(Object.keys(problems), []);
      }
    });

    test('has a company for each account, after everything else', async () => {
      const { changes } = await owner.pullAll();
      const { mongoId: _id, ...company } = changes.at(-1) ?? {};
      const updatedAt = oldClock.replace('04Z', '05Z');
      assert.deepEqual(company, { type: 'upsert', collection: 'company', updatedAt, payload: { name: '' } });
      const second = await server.client.login('owner@second.test', password);
      const all = (await second.pullAll()).changes;
      assert.deepEqual(all.map(({ collection }) => collection), ['users', 'customers', 'company']);
      assert.equal(all[1]?.payload?.['internalNote'], 'n');
    });

    test('lets a desktop that has pulled before start again, once, and has the digest of what it gets then', async () => {
      const since = await owner.pull(`?since=${oldClock}`);
      assert.deepEqual([since.status, since.body.count], [200, 1]);
      assert.notEqual(since.body.scope, oldScope[store.kind]);
      const cache = new NaiveCache();
      const { pages, last } = await owner.pullAll();
      for (const page of pages) cache.apply(page);
      assert.deepEqual(cache.digest(), withoutEmpty(last.body.digest));
      assert.equal(last.body.scope, since.body.scope);
    });

    test('is clean, and keeps deletions, sessions, kept answers and the audit trail', async () => {
      const database = await openStore(installation, () => startMs);
      const lines: string[] = [];
      try {
        const deps = { nowMs: () => startMs + 3_600_000, write: (line: string) => void lines.push(line) };
        assert.equal(await runVerify(database, { fixes: false, account: null }, deps), 0, lines.join(''));
        const deleted = await owner.pull('?since=2026-03-01T12:03:00.000000Z');
        assert.deepEqual(deleted.body.changes.filter(({ type }) => type === 'delete').map(({ mongoId }) => mongoId),
          ['69a42ab80000000000000007', '69a42b30000000000000000e']);
        assert.equal((await database.listSessions(secondAccount)).filter(({ device }) => device === null).length > 0, true);
        assert.deepEqual((await database.auditEntries(firstAccount, 0, 30)).map(({ number }) => number).slice(0, 27),
          Array.from({ length: 27 }, (_, index) => index + 1));
      } finally {
        await database.close();
      }
      const again = await owner.post('/api/customers', customer({ name: 'Once' }), { 'Idempotency-Key': 'one' });
      assert.equal(again.body.record.id, '69a42b30000000000000000f');
    });

    test('is not touched by a second start', async () => {
      const before = await owner.pullAll();
      await server.restart();
      const { changes, last } = await owner.pullAll();
      assert.deepEqual(changes, before.changes);
      assert.deepEqual([last.body.scope, last.body.digest], [before.last.body.scope, before.last.body.digest]);
    });

    test('goes on with its numbers, payments and drafts', async () => {
      const draft = await owner.read('invoices', '69a42af40000000000000008');
      assert.equal((await owner.act(draft, 'issue')).payload['number'], 'INV-2026-00005');
      const partly = await owner.read('invoices', '69a42af4000000000000000a');
      const paid = await owner.act(partly, 'payments', { amountMinor: 15_750, paidOn: '2026-03-01' });
      assert.equal(paid.payload['status'], 'paid');
    });
  });

  describe(`a record in a currency that is no longer active, on ${store.kind}`, { skip: store.skip }, () => {
    let installation: Installation;
    let server: TestServer;
    let owner: Client;
    before(async () => {
      installation = await prepareOldDatabase(store);
      await edit(installation, {
        embedded: (db) => void db.prepare(`UPDATE record SET payload = replace(payload, '"EUR"', '"BGN"')`).run(),
        async mongodb(db) {
          const payload = { $replaceAll: { input: '$payload', find: '"EUR"', replacement: '"BGN"' } };
          for (const name of ['plans', 'customers', 'invoices']) await db.collection(name).updateMany({}, [{ $set: { payload } }]);
        },
      });
      const { DATA_DIR = '', MONGODB_DB = '' } = installation.env;
      server = await startServer(store, { DATA_DIR, MONGODB_DB });
      owner = await server.client.login(firstOwner, password);
    });
    after(async () => {
      await server.stop();
      await installation.remove();
    });

    test('can be changed in everything else, issued, paid and credited', async () => {
      for (const [collection, id, change] of [
        ['plans', '69a42ab80000000000000004', { priceMinor: 2000 }], ['customers', cafe, { phone: null, currency: 'BGN' }],
        ['invoices', '69a42af40000000000000008', { lines: [work] }], ['invoices', '69a42af40000000000000009', { internalNote: 'x' }],
      ] as const) {
        const { payload } = await owner.change(collection, await owner.read(collection, id), change);
        assert.equal(payload['currency'], 'BGN');
      }
      const issued = await owner.act(await owner.read('invoices', '69a42af40000000000000008'), 'issue');
      const paid = await owner.act(issued, 'payments', { amountMinor: 11_900, paidOn: '2026-03-01' });
      const note = await owner.change('invoices', await owner.act(paid, 'credit'), { note: 'Sorry.' });
      assert.equal((await owner.act(note, 'issue')).payload['currency'], 'BGN');
    });

    test('can leave its currency, and not come back', async () => {
      assertError(await owner.post('/api/plans', plan({ currency: 'BGN' })), 'invalid_request', ['currency']);
      const path = '/api/customers/69a42b30000000000000000f';
      const once = await owner.read('customers', '69a42b30000000000000000f');
      for (const currency of ['HRK', null]) {
        assertError(await owner.patch(path, once.updatedAt, { currency }), 'invalid_request', ['currency']);
      }
      assertError(await owner.patch(path, once.updatedAt, { language: '?' }), 'invalid_request', ['language']);
      const { updatedAt } = await owner.change('customers', once, { currency: 'EUR' });
      assertError(await owner.patch(path, updatedAt, { currency: 'BGN' }), 'invalid_request', ['currency']);
    });

    test('is sound for verify, and moves with its account', async (t) => {
      const nowMs = (): number => startMs + 3_600_000;
      const [from, target] = [await openStore(installation, nowMs), await prepare(store)];
      const to = await openStore(target, nowMs);
      t.after(async () => {
        await from.close();
        await to.close();
        await target.remove();
      });
      const lines: string[] = [];
      const deps = { nowMs, write: (line: string) => void lines.push(line) };
      assert.equal(await runVerify(from, { fixes: false, account: null }, deps), 0, lines.join(''));
      let text = '';
      await exportAccount(from, { account: firstAccount, file: null, moves: false }, nowMs, async (piece) => void (text += piece));
      assert.match(text, /"currency\\":\\"BGN\\"/);
      await importAccount(to, Readable.from([Buffer.from(text)]), nowMs);
      const refused = text.replaceAll('\\"BGN\\"', '\\"bgn\\"').replaceAll(firstAccount, secondAccount);
      await assert.rejects(importAccount(to, Readable.from([Buffer.from(refused)]), nowMs), /its field currency must be/);
    });
  });
}

test('an invoice that protocol 1 voided after it was paid keeps its payments, and stays void', () => {
  const payments = [{ amountMinor: 100, paidOn: '2026-01-20' }];
  const old = { status: 'void', customerName: 'Café Müller', totalMinor: 100, paidMinor: 100, payments };
  const migrated = JSON.parse(migratePayload({ collection: 'invoices', id: cafe, payload: JSON.stringify(old) }, () => null)) as Invoice;
  assert.deepEqual([migrated.status, migrated.paidMinor, migrated.payments.map(({ amountMinor }) => amountMinor)], ['void', 100, [100]]);
  for (const action of ['pay', 'unpay', 'credit', 'void'] as const) assert.equal(isActionAllowed(migrated, action), false, action);
});
