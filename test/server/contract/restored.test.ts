// The wire contract: after `admin restored` the scope of every account and role is another one, on servers that are running too.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { addAccount, embedded, hire, prepare, runServer, startServer, stores } from '../harness.ts';
import { plan } from '../samples.ts';

for (const store of stores) {
  test(`"admin restored" renews the scope once, for every role of every account, on ${store.kind}`, { skip: store.skip }, async (t) => {
    const server = await startServer(store);
    t.after(() => server.stop());
    const people = await hire(server.owner, 'first.test');
    const clients = [people.owner, people.editor, people.viewer, await addAccount(server, 'owner@second.test')];
    const record = await server.owner.create('plans', plan());
    const before = (await server.owner.pull()).body;
    const scopes = async (since = ''): Promise<string[]> =>
      Promise.all(clients.map(async (client) => (await client.pull(since)).body.scope));
    const old = await scopes();
    assert.deepEqual(await scopes('?limit=1'), old);
    const { code, stdout, stderr } = await runServer(['admin', 'restored'], server.env);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Every desktop will pull everything again/);
    const renewed = await scopes();
    assert.equal(new Set([...old, ...renewed]).size, 2 * clients.length);
    assert.deepEqual(await scopes('?limit=1'), renewed);
    assert.equal((await server.owner.pull(`?since=${before.serverTime}`)).body.scope, renewed[0]);
    assert.deepEqual((await server.owner.pull()).body.changes, before.changes);
    assert.equal((await server.owner.get(`/api/plans/${record.id}`)).status, 200);
    await server.restart();
    assert.deepEqual(await scopes(), renewed);
  });
}

describe('the admin command', () => {
  const mongodb = stores.find(({ kind }) => kind === 'mongodb');
  assert.ok(mongodb);
  test('is refused where there is no account, as in a database whose name was mistyped', { skip: mongodb.skip }, async (t) => {
    const { env, remove } = await prepare(mongodb);
    t.after(remove);
    for (const word of ['restored', 'clock']) {
      const { code, stdout, stderr } = await runServer(['admin', word], env);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /^There is no account in this database\. Correct MONGODB_URL, MONGODB_DB or DATA_DIR, whichever names it\.\n$/);
    }
  });

  test('takes no further word with "restored" or "clock"', async (t) => {
    const server = await startServer(embedded);
    t.after(() => server.stop());
    const { scope } = (await server.owner.pull()).body;
    for (const word of ['restored', 'clock']) {
      const { code, stderr } = await runServer(['admin', word, 'now'], server.env);
      assert.equal(code, 1);
      assert.match(stderr, /^Usage: /);
    }
    assert.equal((await server.owner.pull()).body.scope, scope);
    const { code, stdout } = await runServer(['admin', 'clock'], server.env);
    assert.deepEqual([code, stdout], [0, "This machine's clock is accepted.\n"]);
    assert.ok(Date.parse((await server.owner.pull()).body.serverTime) > server.clock.ms);
  });
});
