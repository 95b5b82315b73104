// Many concurrent writers and readers of one account: on one server process with each store, and on two processes with
// one MongoDB.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { createClient, type Client } from '../client.ts';
import { spawnServer, stores } from '../server/harness.ts';
import { writeMuch } from './crowd.ts';
import { openDesk } from './desk.ts';
import { assertExact } from './exact.ts';
import { Model } from './model.ts';
import { finish, Reader } from './reader.ts';
import { openSite, type Site, type TestAccount } from './site.ts';

const WRITERS = 6;
const WRITES = 40;

for (const testStore of stores) {
  describe(`on ${testStore.kind}`, { skip: testStore.skip }, () => {
    let site: Site;
    before(async () => { site = await openSite(testStore); });
    after(() => site.stop());

    test('every reader holds what many writers wrote concurrently, whatever its page size', async (t) => {
      const owner = await site.newAccount();
      const writers = Array.from({ length: WRITERS }, () => owner.client);
      await crowd(t, owner, writers, [owner.client], site.server.url);
    });

    if (testStore.kind === 'embedded') return;

    test('two server processes on one database lose and invent nothing', async (t) => {
      const owner = await site.newAccount();
      const servers = await Promise.all([spawnServer(site.server.env), spawnServer(site.server.env)]);
      t.after(() => Promise.all(servers.map((server) => server.end())));
      const clients = servers.map(({ url }) => createClient(() => ({ url }), owner.token, owner.userId));
      const [first] = servers;
      assert(first);
      await crowd(t, owner, [...clients, ...clients, ...clients], clients, first.url);
    });
  });
}

/** Lets everyone write and read concurrently, then asserts that all readers hold the same. */
async function crowd(
  t: TestContext, owner: TestAccount, writers: readonly Client[], servers: readonly Client[], url: string,
): Promise<void> {
  const model = await new Model().begin(owner.client);
  const readers = [1, 2, 7, 100].map((limit, index) => {
    // A cursor from one server process is valid at every other.
    const [client = owner.client, other = client] = index % 2 === 0 ? servers : servers.toReversed();
    return [new Reader(client, limit), new Reader(other, limit)] as const;
  });
  const desk = await openDesk(t, { url, token: owner.token, pageLimit: () => 11 });
  const writing = new AbortController();
  const written = Promise.all(writers.map((client, index) => writeMuch(client, model, index, WRITES))).finally(() => writing.abort());
  await Promise.all([
    written,
    ...readers.map(async ([reader]) => {
      while (!writing.signal.aborted) await reader.page().then(() => nextTurn());
    }),
    (async () => {
      while (!writing.signal.aborted) await desk.sync();
    })(),
  ]);
  for (const [reader, elsewhere] of readers) {
    elsewhere.cursor = reader.cursor;
    for (const [key, record] of reader.cache.records) elsewhere.cache.records.set(key, record);
    await elsewhere.catchUp();
    await reader.catchUp();
    finish(model, reader);
    finish(model, elsewhere);
    assert.equal(reader.restarts, 0);
  }
  await desk.sync();
  await assertExact(desk, owner.client);
  model.assertHeldBy(desk.rows());
  assert.deepEqual((await desk.host.data.attempts()).filter(({ detail }) => detail !== null), [], 'no rebuild was needed');
}
