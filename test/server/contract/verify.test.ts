// `node server.ts verify`: what somebody broke by hand in the database is found, account by account.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test, type TestContext } from 'node:test';

import { MongoClient, type Db } from 'mongodb';

import { ConfigError } from '../../../server/config.ts';
import { newId, toContent } from '../../../server/records.ts';
import { parseVerify, runVerify } from '../../../server/verify-command.ts';
import { findCollection } from '../../../shared/collections.ts';
import type { JsonObject } from '../../../shared/fields.ts';
import { addAccount, openStore, runServer, startServer, stores, type Installation, type TestServer, type TestStore } from '../harness.ts';
import { customer, invoice, plan } from '../samples.ts';

for (const store of stores) {
  describe(`verify, on ${store.kind}`, { skip: store.skip }, () => {
    test('finds nothing wrong in accounts that only servers wrote, beside a running server', async (t) => {
      const { server } = await openBooks(t, store);
      await addAccount(server, 'owner@second.test');
      const { code, stdout, stderr } = await runServer(['verify'], server.env);
      assert.equal(code, 0, stdout + stderr);
      const said = stdout.trimEnd().split('\n').map((line) => line.slice(26)).sort();
      assert.deepEqual(said, ['Nothing is wrong in 1 record.', 'Nothing is wrong in 5 records.']);
    });

    test('says what it takes with exit code 2, and changes nothing', async (t) => {
      const { server, accountId } = await openBooks(t, store);
      for (const args of [['--fast'], ['--fix', '--fix'], [accountId, accountId]]) assert.throws(() => parseVerify(args), ConfigError);
      for (const args of [['--fast'], ['642642642642642642642642']]) {
        const { code, stdout, stderr } = await runServer(['verify', ...args], server.env);
        assert.deepEqual([code, stdout], [2, ''], args.join(' '));
        assert.match(stderr, /^(Usage: node server\.ts verify|There is no account 6426)/);
      }
    });

    test('names everything that was broken by hand, each with its record', async (t) => {
      const { server, accountId, ids } = await openBooks(t, store);
      await edit(server, {
        embedded(db) {
          const run = (sql: string, ...values: (string | number)[]): unknown => db.prepare(sql).run(...values);
          run(`UPDATE record SET payload = replace(payload, 'Hosting', 'Hoisting') WHERE id = ?`, ids.plan);
          run(`UPDATE record SET payload = '{"name":' WHERE id = ?`, ids.spare);
          run(`UPDATE record SET refs = '[]' WHERE id = ?`, ids.invoice);
          run(`UPDATE account SET numbers = '{}'`);
          run('UPDATE account SET clock = (SELECT min(at) FROM record)');
          run(`UPDATE directory SET email = 'other@first.test'`);
          run('DELETE FROM record WHERE id = ?', ids.customer);
        },
        async mongodb(db) {
          const at = (id: string): object => ({ _id: id as never });
          await db.collection('plans').updateOne(at(ids.plan), [{
            $set: { payload: { $replaceOne: { input: '$payload', find: 'Hosting', replacement: 'Hoisting' } } },
          }]);
          await db.collection('plans').updateOne(at(ids.spare), { $set: { payload: '{"name":' } });
          await db.collection('invoices').updateOne(at(ids.invoice), { $set: { references: [] } });
          const oldest = await db.collection('users').findOne({}, { promoteLongs: false });
          await db.collection('accounts').updateOne({}, { $set: { numbers: {}, clock: oldest?.['sync'].at } });
          const entry = await db.collection('directory').findOneAndDelete({});
          await db.collection('directory').insertOne({ ...entry, _id: 'other@first.test' as never });
          await db.collection('customers').deleteOne(at(ids.customer));
        },
      });
      const { code, text } = await verify(server);
      assert.equal(code, 1);
      for (const line of [
        /^[^:]+: plans: the digest says 2 records with the sum \d+, and there are 2 records with the sum \d+\.$/m,
        /^[^:]+: customers: the digest says 1 records with the sum \d+, and there are 0 records with the sum 0\.$/m,
        new RegExp(`: plans ${ids.spare} has a payload that is not JSON\\.$`, 'm'),
        new RegExp(`: invoices ${ids.invoice} is kept with other references than it has\\.$`, 'm'),
        new RegExp(`: invoices ${ids.invoice} refers by customerId to customers ${ids.customer}, which does not exist\\.$`, 'm'),
        /: the series INV-2026 is at 0, and an invoice has number 1 of it\.$/m,
        /: the clock shows \S+, before the newest change of \S+\.$/m,
        /: users [0-9a-f]{24} cannot sign in as owner@first\.test: the directory does not say so\.$/m,
        /: the directory has other@first\.test for users [0-9a-f]{24}, whose address it is not\.$/m,
      ]) assert.match(text, line);
      assert.match(text, new RegExp(`^${accountId}: \\d+ problems in 4 records\\.$`, 'm'));
    });

    test('finds an account that a wrong clock has stamped', async (t) => {
      const { server, accountId } = await openBooks(t, store);
      await stampWrongly(server, accountId, 1);
      assert.match((await verify(server)).text, /: the newest change is of 2099-01-01T00:00:00\.000000Z, which is after now, 2026-03-01T/);
    });
  });
}

interface Books {
  readonly server: TestServer;
  readonly accountId: string;
  readonly ids: { readonly plan: string; readonly spare: string; readonly customer: string; readonly invoice: string };
}

/** An account with an owner, two plans, a customer and an invoice that was sent. */
async function openBooks(t: TestContext, store: TestStore): Promise<Books> {
  const server = await startServer(store);
  t.after(() => server.stop());
  const { owner } = server;
  const { id: planId } = await owner.create('plans', plan());
  const { id: spareId } = await owner.create('plans', plan({ name: 'Spare' }));
  const { id: customerId } = await owner.create('customers', customer({ planId }));
  const draft = await owner.create('invoices', invoice(customerId));
  await owner.act(draft, 'send');
  const { user } = (await owner.get('/api/auth/me')).body;
  return { server, accountId: user.accountId, ids: { plan: planId, spare: spareId, customer: customerId, invoice: draft.id } };
}

/** Adds plans by a clock that shows 2099. */
async function stampWrongly(server: TestServer, accountId: string, count: number): Promise<void> {
  const store = await openStore(server, () => Date.parse('2099-01-01T00:00:00Z'));
  const plans = findCollection('plans');
  assert(plans);
  for (let index = 0; index < count; index += 1) {
    const content = toContent(plans, plan({ name: `Late ${index}` }) as JsonObject, null);
    await store.write(accountId, async (transaction) => transaction.put('plans', newId(server.clock.ms), content, null));
  }
  await store.close();
}

/** Runs the command in this process, by the server's clock. */
async function verify(server: TestServer, ...args: readonly string[]): Promise<{ code: number; text: string }> {
  const store = await openStore(server, () => server.clock.ms);
  try {
    const lines: string[] = [];
    const code = await runVerify(store, parseVerify(args), { nowMs: () => server.clock.ms, write: (line) => void lines.push(line) });
    return { code, text: lines.join('') };
  } finally {
    await store.close();
  }
}

/** Changes the database as somebody with a shell would. */
async function edit(
  { env, folder }: Installation, edits: { embedded(db: DatabaseSync): void; mongodb(db: Db): Promise<void> },
): Promise<void> {
  const { MONGODB_URL, MONGODB_DB } = env;
  if (MONGODB_URL === undefined) {
    using db = new DatabaseSync(join(folder, 'invoify.sqlite'), { timeout: 5000 });
    edits.embedded(db);
    return;
  }
  await using client = await new MongoClient(MONGODB_URL).connect();
  await edits.mongodb(client.db(MONGODB_DB));
}
