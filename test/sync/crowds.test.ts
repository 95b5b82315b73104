// Many concurrent writers and readers of one account: on one server process with each store, and on two processes with
// one MongoDB.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';

import { createClient, type Client } from '../client.ts';
import { spawnServer, stores } from '../server/harness.ts';
import { writeMuch } from './crowd.ts';
import { openDesk } from './desk.ts';
import { assertExact } from './exact.ts';
import { Model } from './model.ts';
import { finish, Reader } from './reader.ts';
import { amount } from './seeds.ts';
import { openSite, type Site, type TestAccount } from './site.ts';

const WRITERS = 6;
const WRITES = amount(15, 40);

for (const testStore of stores) {
  describe(`on ${testStore.kind}`, { skip: testStore.skip }, () => {
    let site: Site;
    before(async () => { site = await openSite(testStore); });
    after(() => site.stop());

    test('every reader holds what many writers wrote concurrently, whatever its page size', async (t) => {
      const owner = await site.newAccount();
      const writers = Array.from({ length: WRITERS }, () => owner.client);
      await crowd(t, owner, writers, [(token) => owner.client.as(token)], site.server.url);
    });

    if (testStore.kind === 'embedded') return;

    test('two server processes on one database lose and invent nothing', async (t) => {
      const owner = await site.newAccount();
      const servers = await Promise.all([spawnServer(site.server.env), spawnServer(site.server.env)]);
      t.after(() => Promise.all(servers.map((server) => server.end())));
      const at = servers.map(({ url }) => (token: string) => createClient(() => ({ url }), token, owner.userId));
      const clients = at.map((clientOf) => clientOf(owner.token));
      const [first] = servers;
      assert(first);
      await crowd(t, owner, [...clients, ...clients, ...clients], at, first.url);
    });
  });
}

/** Lets everyone write and read concurrently, then asserts that all readers hold the same. */
async function crowd(
  t: TestContext, owner: TestAccount, writers: readonly Client[], servers: readonly ((token: string) => Client)[], url: string,
): Promise<void> {
  const model = await new Model().begin(owner.client);
  // Each with a session of its own, because one has only two pulls at work.
  const readers = await Promise.all([1, 2, 7, 100].map(async (limit, index) => {
    const { token } = await owner.signIn(owner.userId);
    // A cursor from one server process is valid at every other.
    const [client = owner.client.as, other = client] = index % 2 === 0 ? servers : servers.toReversed();
    return [new Reader(client(token), limit), new Reader(other(token), limit)] as const;
  }));
  const desk = await openDesk(t, { url, token: owner.token, pageLimit: () => 11 });
  const writing = new AbortController();
  // Who has read everything waits for the next answered write: reading nothing again and again would only slow down the writers.
  let answered = Promise.withResolvers<void>();
  const onAnswer = (): void => {
    answered.resolve();
    answered = Promise.withResolvers();
  };
  const written = Promise.all(writers.map((client, index) => writeMuch(client, model, index, WRITES, onAnswer))).finally(() => {
    writing.abort();
    onAnswer();
  });
  await Promise.all([
    written,
    ...readers.map(async ([reader]) => {
      while (!writing.signal.aborted) {
        const { promise } = answered;
        if (!await reader.page()) await promise;
      }
    }),
    (async () => {
      while (!writing.signal.aborted) {
        const { promise } = answered;
        await desk.sync();
        await promise;
      }
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
