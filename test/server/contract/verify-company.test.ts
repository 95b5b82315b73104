// `node server.ts verify` on an account's company and on what invoices say was credited.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { newId } from '../../../server/records.ts';
import { pngOf, toDataUrl } from '../../shared/images.ts';
import { openStore, stores } from '../harness.ts';
import { NaiveCache, withoutEmpty } from '../naive-cache.ts';
import { invoice } from '../samples.ts';
import { edit, openBooks, verify } from './broken-books.ts';

for (const store of stores) {
  describe(`verify of company and credits, on ${store.kind}`, { skip: store.skip }, () => {
    test('gives an account a company with --fix that somebody has removed, and names those that are too many', async (t) => {
      const { server, accountId } = await openBooks(t, store);
      await edit(server, {
        embedded: (db) => void db.prepare("DELETE FROM record WHERE collection = 'company'").run(),
        mongodb: async (db) => void await db.collection('company').deleteMany({}),
      });
      assert.match((await verify(server)).text, /: company has no record, and needs one\.\n/);
      const mended = await verify(server, '--fix');
      assert.equal(mended.code, 0, mended.text);
      const [company] = (await server.owner.pull()).body.changes.filter(({ collection }) => collection === 'company');
      assert(company);
      await server.owner.change('company', { id: company.mongoId, updatedAt: company.updatedAt }, { name: 'Books Ltd' });

      const opened = await openStore(server, () => server.clock.ms);
      const second = newId(server.clock.ms);
      await opened.write(accountId, async (transaction) => {
        transaction.put('company', second, { payload: '{"name":"Another"}', secret: null, references: [] }, null);
      });
      await opened.close();
      const { code, text } = await verify(server, '--fix');
      assert.equal(code, 1);
      assert.match(text, new RegExp(`: company has 2 records \\((?:${company.mongoId}, ${second}|${second}, .*)\\), and needs one\\.\n`));
    });

    test('finds nothing in a logo from before logos were measured, and what is beside it can be changed', async (t) => {
      const { server, accountId } = await openBooks(t, store);
      const found = (await server.owner.pull()).body.changes.find(({ collection }) => collection === 'company');
      assert(found);
      const opened = await openStore(server, () => server.clock.ms);
      const logo = toDataUrl('png', pngOf(4001, 1));
      await opened.write(accountId, async (transaction) => {
        const record = await transaction.get('company', found.mongoId);
        assert(record);
        transaction.put('company', record.id, { ...record, payload: JSON.stringify({ name: 'Books Ltd', logo }) }, record);
      });
      await opened.close();
      assert.equal((await verify(server)).code, 0);
      const changed = await server.owner.change('company', await server.owner.read('company', found.mongoId), { phone: '1' });
      assert.equal(changed.payload['logo'], logo);
    });

    test('finds what was credited otherwise than the credit notes say, and corrects it with its status by --fix', async (t) => {
      const { server, ids } = await openBooks(t, store);
      const { owner } = server;
      const note = await owner.act(await owner.act(await owner.read('invoices', ids.invoice), 'credit'), 'issue');
      assert.match(String(note.payload['number']), /^CN-2026-00001$/);
      assert.equal((await owner.read('invoices', ids.invoice)).payload['status'], 'paid');
      assert.equal((await verify(server)).code, 0);
      await edit(server, {
        embedded: (db) => void db.prepare(`UPDATE record SET payload = replace(payload, '"creditedMinor":11900', '"creditedMinor":900')
          WHERE id = ?`).run(ids.invoice),
        mongodb: async (db) => void await db.collection('invoices').updateOne({ _id: ids.invoice as never }, [{
          $set: { payload: { $replaceOne: { input: '$payload', find: '"creditedMinor":11900', replacement: '"creditedMinor":900' } } },
        }]),
      });
      const found = new RegExp(`: invoices ${ids.invoice} has creditedMinor 900, and its issued credit notes come to 11900\\.\n`);
      assert.match((await verify(server)).text, found);
      const mended = await verify(server, '--fix');
      assert.equal(mended.code, 0, mended.text);
      const { payload } = await owner.read('invoices', ids.invoice);
      assert.deepEqual([payload['creditedMinor'], payload['status'], payload['changedBy']], [11_900, 'paid', undefined]);
      const cache = new NaiveCache();
      const reply = await owner.pull();
      cache.apply(reply);
      assert.deepEqual(cache.digest(), withoutEmpty(reply.body.digest));
    });

    test('corrects nothing where the credit notes come to more than the invoice, and leaves void what is void', async (t) => {
      const { server, accountId, ids } = await openBooks(t, store);
      const { owner } = server;
      const overwrite = async (id: string, fields: object): Promise<void> => {
        const opened = await openStore(server, () => server.clock.ms);
        await opened.write(accountId, async (transaction) => {
          const record = await transaction.get('invoices', id);
          assert(record);
          const payload = JSON.stringify({ ...JSON.parse(record.payload) as object, ...fields });
          transaction.put('invoices', id, { ...record, payload }, record);
        });
        await opened.close();
      };
      const stateOf = async (id: string): Promise<unknown[]> => {
        const { payload } = await owner.read('invoices', id);
        return [payload['status'], payload['creditedMinor']];
      };
      const draft = await owner.create('invoices', invoice(ids.customer));
      await owner.act(await owner.act(draft, 'issue'), 'void');
      await overwrite(draft.id, { creditedMinor: 900 });
      const mended = await verify(server, '--fix');
      assert.equal(mended.code, 0, mended.text);
      assert.deepEqual(await stateOf(draft.id), ['void', 0]);

      const note = await owner.act(await owner.act(await owner.read('invoices', ids.invoice), 'credit'), 'issue');
      await overwrite(note.id, { totalMinor: 11_901 });
      const left = await verify(server, '--fix');
      assert.equal(left.code, 1);
      assert.match(left.text, / has creditedMinor 11900, and its issued credit notes come to 11901\.\n/);
      assert.deepEqual(await stateOf(ids.invoice), ['paid', 11_900]);
      // A draft counts for nothing.
      await overwrite(note.id, { status: 'draft' });
      assert.match((await verify(server)).text, / has creditedMinor 11900, and its issued credit notes come to 0\.\n/);
    });

    test('finds a credit note whose invoice is gone or not named, and a series of its own that is behind', async (t) => {
      const { server, ids } = await openBooks(t, store);
      const { owner } = server;
      const note = await owner.act(await owner.read('invoices', ids.invoice), 'credit');
      await owner.act(note, 'issue');
      const named = `"creditedId":"${ids.invoice}",`;
      await edit(server, {
        embedded(db) {
          db.prepare(`UPDATE record SET payload = replace(payload, ?, '') WHERE id = ?`).run(named, note.id);
          db.prepare('UPDATE account SET numbers = ?').run('{"INV-2026":1}');
        },
        async mongodb(db) {
          await db.collection('invoices').updateOne({ _id: note.id as never }, [{
            $set: { payload: { $replaceOne: { input: '$payload', find: named, replacement: '' } } },
          }]);
          await db.collection('accounts').updateOne({}, { $set: { numbers: { 'INV-2026': 1 } } });
        },
      });
      const { text } = await verify(server);
      for (const line of [
        new RegExp(`: invoices ${note.id} does not fit its collection: creditedId belongs to credit notes, and to all of them\\.`),
        new RegExp(`: invoices ${note.id} is kept with other references than it has\\.`),
        /: the series CN-2026 is at 0, and an invoice has number 1 of it\./,
        new RegExp(`: invoices ${ids.invoice} has creditedMinor 11900, and its issued credit notes come to 0\\.`),
      ]) assert.match(text, line);
    });
  });
}
