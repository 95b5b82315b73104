// `node server.ts verify`: what somebody broke by hand in the database is found, account by account.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { Double, Long } from 'mongodb';

import { ConfigError } from '../../../server/config.ts';
import { openEmbeddedStore } from '../../../server/embedded/store.ts';
import { newId, toContent } from '../../../server/records.ts';
import type { Store } from '../../../server/store.ts';
import { parseVerify } from '../../../server/verify-command.ts';
import type { Instant } from '../../../shared/clock.ts';
import { findCollection } from '../../../shared/collections.ts';
import { AppError } from '../../../shared/errors.ts';
import type { JsonObject } from '../../../shared/fields.ts';
import { addAccount, embedded, firstOwner, openStore, password, runServer, stores, type TestServer } from '../harness.ts';
import { NaiveCache, withoutEmpty } from '../naive-cache.ts';
import { customer, invoice, plan } from '../samples.ts';
import { edit, openBooks, verify, type Books } from './broken-books.ts';

for (const store of stores) {
  describe(`verify, on ${store.kind}`, { skip: store.skip }, () => {
    test('finds nothing wrong in accounts that only servers wrote, beside a running server', async (t) => {
      const { server } = await openBooks(t, store);
      await addAccount(server, 'owner@second.test');
      const { code, stdout, stderr } = await runServer(['verify'], server.env);
      assert.equal(code, 0, stdout + stderr);
      const said = stdout.trimEnd().split('\n').map((line) => line.slice(26)).sort();
      assert.deepEqual(said, ['Nothing is wrong in 2 records.', 'Nothing is wrong in 6 records.']);
    });

    test('names everything that was broken by hand, each with its record', async (t) => {
      const { server, accountId, ids } = await openBooks(t, store);
      await breakByHand(server, ids);
      const { code, text } = await verify(server);
      assert.equal(code, 1);
      for (const line of [
        /^[^:]+: plans: the digest says 2 records with the sum \d+, and there are 2 records with the sum \d+\.$/m,
        /^[^:]+: customers: the digest says 1 records with the sum \d+, and there are 0 records with the sum 0\.$/m,
        new RegExp(`: plans ${ids.spare} has a payload that is not JSON\\.$`, 'm'),
        new RegExp(`: invoices ${ids.invoice} is kept with other references than it has\\.$`, 'm'),
        new RegExp(`: invoices ${ids.invoice} refers by customerId to customers ${ids.customer}, which does not exist\\.$`, 'm'),
        /: the newest entry of the audit trail is said to be 1, and is \d\.$/m,
        /: the series INV-2026 is at 0, and an invoice has number 1 of it\.$/m,
        /: the clock shows \S+, before the newest change of \S+\.$/m,
        /: users [0-9a-f]{24} cannot sign in as owner@first\.test: the directory does not say so\.$/m,
        /: the directory has other@first\.test for users [0-9a-f]{24}, whose address it is not\.$/m,
      ]) assert.match(text, line);
      assert.match(text, new RegExp(`^${accountId}: \\d+ problems in 5 records\\.$`, 'm'));
    });

    test('mends what it can with --fix, so that every client pulls everything again and gets it', async (t) => {
      const { server, accountId, ids } = await openBooks(t, store);
      const before = (await server.owner.pull()).body;
      await breakByHand(server, ids);
      const { code, text } = await verify(server, '--fix', accountId);
      assert.equal(code, 1, 'two faults need somebody who knows the record');
      assert.match(text, /Corrected the digest, the series of invoice numbers, .*\. Every desktop pulls everything again, once\./);
      const remaining = text.slice(text.indexOf('Looking again'));
      assert.equal(remaining.split('\n').length, 5, remaining);
      assert.match(remaining, new RegExp(`plans ${ids.spare} has a payload that is not JSON\\.\n`));
      assert.match(remaining, new RegExp(`invoices ${ids.invoice} refers by customerId to customers ${ids.customer}, which`));
      await edit(server, {
        embedded: (db) => void db.prepare('UPDATE record SET payload = ? WHERE id = ?').run(JSON.stringify(plan()), ids.spare),
        mongodb: async (db) => void await db.collection('plans')
          .updateOne({ _id: ids.spare as never }, { $set: { payload: JSON.stringify(plan()) } }),
      });
      await verify(server, '--fix');

      const cache = new NaiveCache();
      const reply = await server.owner.pull();
      const { body } = reply;
      cache.apply(reply);
      assert.notEqual(body.scope, before.scope);
      assert.deepEqual(cache.digest(), withoutEmpty(body.digest));
      assert.equal(cache.records.size, 5);
      assert.match(cache.records.get(`plans ${ids.plan}`)?.text ?? '', /Hoisting/);
      await server.client.login(firstOwner, password);
      const { id } = await server.owner.create('customers', customer());
      const sent = await server.owner.act(await server.owner.create('invoices', invoice(id)), 'issue');
      assert.equal(sent.payload['number'], 'INV-2026-00002');
      assert.match((await server.owner.get('/api/audit')).text, /"action":"verify","actor":"admin"/);
    });

    test('names what is kept for an account that is gone, and a key that is not an id', async (t) => {
      const { server, accountId } = await openBooks(t, store);
      await edit(server, {
        embedded: (db) => void db.prepare("UPDATE account SET account_id = 'renamed'").run(),
        async mongodb(db) {
          const account = await db.collection('accounts').findOneAndDelete({}, { promoteLongs: false });
          await db.collection('accounts').insertOne({ ...account, _id: 'renamed' as never });
        },
      });
      for (const args of [[], ['--fix'], ['--fix', 'renamed'], [accountId]]) {
        const { code, text } = await verify(server, ...args);
        assert.equal(code, 1, text);
        const kept = new RegExp(`^${accountId}: 6 records are kept for an account that does not exist\\.$`, 'm');
        assert.equal(kept.test(text), !args.includes('renamed'), text);
        assert.equal(text.includes("renamed: the account's key is not an id.\n"), args[0] !== accountId, text);
      }
      // As the manual says: the account's key is put back.
      await edit(server, {
        embedded: (db) => void db.prepare('UPDATE account SET account_id = ?').run(accountId),
        async mongodb(db) {
          const account = await db.collection('accounts').findOneAndDelete({}, { promoteLongs: false });
          await db.collection('accounts').insertOne({ ...account, _id: accountId as never });
        },
      });
      const { code, text } = await verify(server);
      assert.deepEqual([code, text], [0, `${accountId}: Nothing is wrong in 6 records.\n`]);
    });

    test('names what cannot be read of an account, goes on with the next one, and makes it anew with --fix', async (t) => {
      const { server, accountId, ids } = await openBooks(t, store);
      await addAccount(server, 'owner@second.test');
      await edit(server, {
        embedded(db) {
          db.prepare(`UPDATE account SET digest = '{', numbers = '[]', clock = ?, paused_ms = ? WHERE account_id = ?`)
            .run(2n ** 62n, -(2n ** 63n), accountId);
          db.prepare('UPDATE record SET at = ? WHERE id = ?').run(2n ** 62n, ids.spare);
        },
        async mongodb(db) {
          const broken = { $unset: { digest: 1, epoch: 1 }, $set: { numbers: 'none', clock: Long.MAX_VALUE, pausedMs: 0.5 } };
          await db.collection('accounts').updateOne({ _id: accountId as never }, broken);
          await db.collection('plans').updateOne({ _id: ids.spare as never }, { $set: { 'sync.at': Long.MAX_VALUE } });
        },
      });
      const { status, body } = await server.owner.get('/api/sync/pull');
      assert.equal(status, store.kind === 'embedded' ? 503 : 500, JSON.stringify(body));
      const opened = await openStore(server, () => server.clock.ms);
      t.after(() => opened.close());
      const saysWhatToDo = (error: unknown): boolean => error instanceof AppError && error.message.includes('verify --fix');
      await assert.rejects(opened.snapshot(accountId, async () => {}), saysWhatToDo);
      const found = await verify(server);
      assert.equal(found.code, 1);
      for (const member of ['digest', 'numbers', 'clock', 'pausedMs']) {
        assert.match(found.text, new RegExp(`^${accountId}: the account's ${member} cannot be read\\.$`, 'm'));
      }
      assert.match(found.text, /: Nothing is wrong in 2 records\.$/m);
      const { code, text } = await verify(server, '--fix');
      assert.equal(code, 0, text);
      const cache = new NaiveCache();
      const reply = await server.owner.pull();
      cache.apply(reply);
      assert.deepEqual(cache.digest(), withoutEmpty(reply.body.digest));
      assert.equal(cache.records.size, 6);
      const next = await server.owner.act(await server.owner.create('invoices', invoice(ids.customer)), 'issue');
      assert.equal(next.payload['number'], 'INV-2026-00002');
    });

    test('finds series and invoice numbers from which no number can follow, and none is issued until --fix', async (t) => {
      const { server, ids } = await openBooks(t, store);
      const draft = await server.owner.create('invoices', invoice(ids.customer));
      for (const count of [7.5, -3, 'seven']) {
        const numbers = { 'INV-2026': count, junk: 1 };
        await edit(server, {
          embedded: (db) => void db.prepare('UPDATE account SET numbers = ?').run(JSON.stringify(numbers)),
          mongodb: async (db) => void await db.collection('accounts').updateOne({}, { $set: { numbers } }),
        });
        await assert.rejects(server.owner.act(draft, 'issue'), /500/);
        const { text } = await verify(server);
        assert.ok(text.includes(`: the series INV-2026 is at ${JSON.stringify(count)}, which no invoice can have.\n`), text);
        assert.match(text, /: the series junk is at 1, which no invoice can have\.\n/);
        const mended = await verify(server, '--fix');
        assert.equal(mended.code, 0, mended.text);
      }
      assert.equal((await server.owner.act(draft, 'issue')).payload['number'], 'INV-2026-00002');
      await edit(server, {
        embedded: (db) => void db.prepare("UPDATE record SET payload = replace(payload, 'INV-2026-00002', 'INV-2026-8.5')").run(),
        mongodb: async (db) => void await db.collection('invoices').updateMany({}, [{
          $set: { payload: { $replaceOne: { input: '$payload', find: 'INV-2026-00002', replacement: 'INV-2026-8.5' } } },
        }]),
      });
      assert.match((await verify(server)).text, /does not fit its collection: number is not one like INV-2026-00001\.$/m);
    });

    test('brings back a clock that was set by hand, and still answers a repeated request from before without doing it', async (t) => {
      const { server, accountId } = await openBooks(t, store);
      const headers = { 'Idempotency-Key': 'one' };
      const first = await server.owner.post('/api/customers', customer({ name: 'Once' }), headers);
      const clock = Date.parse('2099-01-01T00:00:00Z') * 1000;
      await edit(server, {
        embedded: (db) => void db.prepare('UPDATE account SET clock = ?').run(clock),
        mongodb: async (db) => void await db.collection('accounts').updateOne({}, { $set: { clock: Long.fromNumber(clock) } }),
      });
      assert.match((await verify(server)).text, /: the clock shows 2099-01-01T00:00:00\.000000Z, which is after now, 2026-03-01T/);
      const { code, text } = await verify(server, '--fix');
      assert.equal(code, 0, text);
      assert.doesNotMatch(text, /Stamped 0/);
      server.clock.ms += 60_000;
      await server.owner.create('plans', plan());
      const again = await server.owner.post('/api/customers', customer({ name: 'Once' }), headers);
      assert.equal(again.body.record.id, first.body.record.id);
      const opened = await openStore(server, () => server.clock.ms);
      const { pausedMs } = await opened.snapshot(accountId, async ({ account }) => account);
      await opened.close();
      assert.ok(pausedMs >= 0 && pausedMs < 1000, String(pausedMs));
    });

    test('finds a horizon that no cursor gets past, and sets it with --fix', async (t) => {
      const { server } = await openBooks(t, store);
      for (const horizon of [Date.parse('2099-01-01T00:00:00Z') * 1000, -5]) {
        await edit(server, {
          embedded: (db) => void db.prepare('UPDATE account SET horizon = ?').run(horizon),
          mongodb: async (db) => void await db.collection('accounts').updateOne({}, { $set: { horizon: Long.fromNumber(horizon) } }),
        });
        const { text } = await verify(server);
        assert.match(text, /: the horizon is at \d{4}-\S+Z, and not between 1970 and the clock\.$/m);
        const mended = await verify(server, '--fix');
        assert.equal(mended.code, 0, mended.text);
        const { serverTime } = (await server.owner.pull()).body;
        server.clock.ms += 1000;
        await server.owner.create('plans', plan());
        assert.equal((await server.owner.pull(`?since=${serverTime}`)).body.count, 1);
      }
    });

    test('can be killed at any point of --fix, and run again', async (t) => {
      const { server, ids } = await openBooks(t, store);
      await breakByHand(server, ids);
      for (const killAfter of [1, 2, 2]) await assert.rejects(verify({ ...server, killAfter }, '--fix'), /killed/);
      await verify(server, '--fix');
      const { text } = await verify(server);
      assert.match(text, /: 2 problems in 5 records\.\n$/);
      assert.match(text, /is not JSON[^]*which does not exist/);
    });

    test('gives records that no pull could bring an instant of their own with --fix', async (t) => {
      const { server, accountId, ids } = await openBooks(t, store);
      const goneId = 'a'.repeat(24);
      const { body: { serverTime, digest } } = await server.owner.pull();
      await edit(server, {
        embedded: (db) => void db.prepare(`UPDATE record SET at = -1, payload = replace(payload, '"name"', char(10) || '"name"')
          WHERE id = ?`).run(ids.spare),
        async mongodb(db) {
          // As a shell writes numbers.
          await db.collection('plans').updateOne({ _id: ids.spare as never }, { $set: { 'sync.at': new Double(1) } });
          const sync = { at: Long.fromNumber(1) };
          await db.collection('tombstones').insertMany([
            { accountId, collection: 'plans', recordId: ids.plan, sync },
            { accountId, collection: 'plans', recordId: goneId, sync: { at: Long.fromNumber(1) } },
            { accountId, collection: 'plans', recordId: 'b'.repeat(24), sync: { at: new Date(0) } },
          ]);
        },
      });
      const { code, text } = await verify(server, '--fix');
      assert.equal(code, 0, text);
      assert.match(text, new RegExp(`plans ${ids.spare} has no instant of its own`));
      const { body } = await server.owner.pull(`?since=${serverTime}`);
      assert.ok(body.changes.every(({ payload }) => payload?.['changedBy'] === undefined), 'nobody changed them');
      const mended = body.changes.map(({ type, mongoId }: { type: string; mongoId: string }) => [type, mongoId]);
      const expected = [['upsert', ids.spare], ...(store.kind === 'embedded' ? [] : [['upsert', ids.plan], ['delete', goneId]])];
      assert.deepEqual(mended.sort(), expected.sort());
      assert.equal(body.digest['plans']?.count, digest['plans']?.count);
      const cache = new NaiveCache();
      cache.apply(await server.owner.pull());
      assert.deepEqual(cache.digest(), withoutEmpty(body.digest));
    });

    test('goes on beside a server that writes, and with --fix misses nothing that was written meanwhile', async (t) => {
      const { server } = await openBooks(t, store);
      await edit(server, {
        embedded: (db) => void db.prepare(`UPDATE record SET payload = replace(payload, 'Hosting', 'Hoisting'), refs = '[""]'`).run(),
        mongodb: async (db) => void await db.collection('plans').updateMany({}, [{
          $set: { payload: { $replaceOne: { input: '$payload', find: 'Hosting', replacement: 'Hoisting' } }, references: [''] },
        }]),
      });
      let isDone = false;
      const writing = (async () => {
        let count = 0;
        for (; !isDone || count === 0; count += 1) await server.owner.create('plans', plan({ name: `Meanwhile ${count}` }));
        return count;
      })();
      const { code } = await verify(server, '--fix');
      isDone = true;
      const written = await writing;
      assert.equal(code, 0);
      assert.match((await verify(server)).text, new RegExp(`: Nothing is wrong in ${6 + written} records`));
    });

    test('brings an account back that a wrong clock has stamped with --fix, also after a kill in the middle', async (t) => {
      const { server, accountId, ids } = await openBooks(t, store);
      const late = await stampWrongly(server, accountId, 450);
      const opened = await openStore(server, () => server.clock.ms);
      const [session] = await opened.listSessions(accountId);
      assert.ok(session);
      await opened.noteFullPull(accountId, session.sessionId, Date.parse('2099-01-02T00:00:00Z') * 1000 as Instant);
      assert.match((await verify(server)).text, /: the newest change is of 2099-01-01T00:00:00\.\d+Z, which is after now, 2026-03-01T/);
      const before = new NaiveCache();
      for (const page of (await server.owner.pullAll('limit=5000')).pages) before.apply(page);
      const { scope } = (await server.owner.pull()).body;
      await assert.rejects(verify({ ...server, killAfter: 2 }, '--fix'), /killed/);
      const { code, text } = await verify(server, '--fix');
      assert.equal(code, 0, text);
      assert.match(text, /: Stamped \d+ changes anew, from now on and in their order\./);

      const cache = new NaiveCache();
      const { pages, last } = await server.owner.pullAll('limit=5000');
      for (const page of pages) cache.apply(page);
      assert.deepEqual(cache.digest(), withoutEmpty(last.body.digest));
      assert.notEqual(last.body.scope, scope);
      assert.ok(Date.parse(last.body.serverTime) - server.clock.ms < 1000, last.body.serverTime);
      const [order, now] = [before, cache].map(({ records }) =>
        [...records.values()].toSorted((a, b) => (a.updatedAt < b.updatedAt ? -1 : 1)).map(({ id, text: payload }) => [id, payload]));
      assert.deepEqual(now, order);
      server.clock.ms += 60_000;
      const { updatedAt } = await server.owner.create('plans', plan());
      assert.equal(updatedAt, '2026-03-01T12:01:00.000000Z');
      assert.equal((await server.owner.get(`/api/plans/${ids.plan}`)).status, 200);
      const since = await server.owner.pull(`?since=${last.body.serverTime}`);
      assert.equal(since.body.count, 1);
      assert.equal(late.length, 450);
      const noted = (await opened.listSessions(accountId)).find(({ sessionId }) => sessionId === session.sessionId);
      await opened.close();
      assert.ok(noted && noted.fullPullFrom <= Date.parse(last.body.serverTime) * 1000 + 999);
    });
  });
}

test('verify says what it takes with exit code 2', async (t) => {
  const { server, accountId } = await openBooks(t, embedded);
  for (const args of [['--fast'], ['--fix', '--fix'], [accountId, accountId]]) assert.throws(() => parseVerify(args), ConfigError);
  for (const args of [['--fast'], ['642642642642642642642642']]) {
    const { code, stdout, stderr } = await runServer(['verify', ...args], server.env);
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, /^(Usage: node server\.ts verify|There is no account 6426)/);
  }
});

test('verify --fix lets an embedded database be stamped again that refused to be, and keeps watching the clock', async (t) => {
  const { server, accountId } = await openBooks(t, embedded);
  await stampWrongly(server, accountId, 1);
  const file = join(server.folder, 'invoify.sqlite');
  const open = (nowMs: () => number): Promise<Store> => openEmbeddedStore(file, { nowMs, trustsClock: false, log: () => {} });
  const refused = await open(Date.now);
  await assert.rejects(refused.checkClock(), /before the newest change of 2099-.*"node server\.ts verify --fix"/);
  await refused.close();
  assert.match((await runServer(['admin', 'clock'], server.env)).stdout, /Until 2099-\S+ .* changes get .* node server\.ts verify --fix/);
  const { code, stdout, stderr } = await runServer(['verify', '--fix'], server.env);
  assert.equal(code, 0, stdout + stderr);
  const later = await open(() => Date.now() + 2 * 3_600_000);
  await later.write(accountId, async (transaction) => {
    transaction.put('plans', newId(0), { payload: JSON.stringify(plan()), secret: null, references: [] }, null);
  });
  await later.close();
  const behind = await open(() => Date.now() - 86_400_000);
  await assert.rejects(behind.checkClock(), /before the newest change/);
  await behind.close();
});

/** What an administrator's shell could do to an account. */
async function breakByHand(server: TestServer, ids: Books['ids']): Promise<void> {
  await edit(server, {
    embedded(db) {
      const run = (sql: string, ...values: (string | number)[]): unknown => db.prepare(sql).run(...values);
      run(`UPDATE record SET payload = replace(payload, 'Hosting', 'Hoisting') WHERE id = ?`, ids.plan);
      run(`UPDATE record SET payload = '{"name":' WHERE id = ?`, ids.spare);
      run(`UPDATE record SET refs = '[]' WHERE id = ?`, ids.invoice);
      run(`UPDATE account SET numbers = '{}', audited = 1`);
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
      await db.collection('accounts').updateOne({}, { $set: { numbers: {}, audited: 1, clock: oldest?.['sync'].at } });
      const entry = await db.collection('directory').findOneAndDelete({});
      await db.collection('directory').insertOne({ ...entry, _id: 'other@first.test' as never });
      await db.collection('customers').deleteOne(at(ids.customer));
    },
  });
}

/** Adds plans by a clock that shows 2099. */
async function stampWrongly(server: TestServer, accountId: string, count: number): Promise<readonly string[]> {
  const store = await openStore(server, () => Date.parse('2099-01-01T00:00:00Z'));
  const plans = findCollection('plans');
  assert(plans);
  const ids = Array.from({ length: count }, () => newId(server.clock.ms));
  const content = toContent(plans, plan({ name: 'Late' }) as JsonObject, null);
  await store.write(accountId, async (transaction) => {
    for (const id of ids) transaction.put('plans', id, content, null);
  });
  // Tombstones among them.
  await store.write(accountId, async (transaction) => {
    for (const id of ids.slice(0, 5)) {
      const record = await transaction.get('plans', id);
      if (record) transaction.remove(record);
    }
  });
  await store.close();
  return ids;
}
