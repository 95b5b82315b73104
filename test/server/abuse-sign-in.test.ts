// Guessing at passwords from many addresses and at many servers, while people sign in.

import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { readConfig } from '../../server/config.ts';
import { start } from '../../server.ts';
import { assertError, createClient, type Client, type Reply } from '../client.ts';
import { embedded, firstOwner, password, prepare, spawnServer, stores, type Installation, type TestStore } from './harness.ts';
import { cheapest, user } from './samples.ts';

const ADDRESSES = 200;

interface Attacked {
  readonly url: string;
  end(): Promise<unknown>;
}

/** A process of its own, with the standard's cost of a password. */
async function startProcess(installation: Installation): Promise<Attacked> {
  const server = await spawnServer(installation.env);
  return { url: server.url, end: () => server.end('SIGKILL') };
}

/** In this process, where a password costs next to nothing. */
async function startCheap(installation: Installation): Promise<Attacked> {
  const deps = { nowMs: Date.now, monotonicMs: () => performance.now(), trustsClock: true, write: () => {}, passwordCost: cheapest };
  const server = await start(readConfig(installation.env), deps);
  return { url: server.url, end: () => server.close() };
}

/** Servers on one database, for the tests of a suite. */
function startedServers(store: TestStore, count: number, startOne: (installation: Installation) => Promise<Attacked>) {
  let installation: Installation;
  let servers: readonly Attacked[] = [];
  let owner: Client;
  const agents: Agent[] = [];
  /** A client of one of the servers that connects from an address of this machine. */
  const from = (localAddress: string, index = 0): Client => {
    const agent = new Agent({ keepAlive: true, localAddress, maxSockets: 100 });
    agents.push(agent);
    return createClient(() => ({ url: servers[index % count]?.url ?? '', agent }));
  };
  before(async () => {
    installation = await prepare(store, { ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD: password });
    servers = await Promise.all(Array.from({ length: count }, () => startOne(installation)));
    owner = await from('127.0.0.1').login(firstOwner, password);
  });
  after(async () => {
    for (const agent of agents) agent.destroy();
    await Promise.all(servers.map((server) => server.end()));
    await installation.remove();
  });
  return {
    from,
    ownerToken: () => owner.token ?? '',
    /** The address of a new user. */
    async hired(name: string): Promise<string> {
      const email = `${name}@first.test`;
      await owner.create('users', user(email, { password }));
      return email;
    },
  };
}

const guess = (client: Client, email: string, tried = 'not the password'): Promise<Reply> =>
  client.post('/api/auth/login', { email, password: tried });
const guesses = (count: number, of: (index: number) => Client, email: string): Promise<Reply[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => guess(of(index), email)));
const countOf = (replies: readonly Reply[], code: number): number => replies.filter(({ status }) => status === code).length;

for (const store of stores) {
  const count = store.kind === 'mongodb' ? 3 : 1;
  describe(`guesses at ${count} server(s), on ${store.kind}`, { skip: store.skip }, () => {
    const { from, hired } = startedServers(store, count, startCheap);

    test('from two hundred addresses are thirty in all, and the user gets in from where they were before', async () => {
      const email = await hired('attacked');
      const signedIn = await from('127.0.1.1').login(email, password);
      const replies = await guesses(ADDRESSES, (index) => from(`127.0.2.${index + 1}`, index), email);
      assert.deepEqual([countOf(replies, 401), countOf(replies, 429)], [30, ADDRESSES - 30]);
      for (let index = 0; index < count; index += 1) {
        assertError(await guess(from('127.0.3.1', index), email, password), 'too_many_requests');
        await from('127.0.1.1', index).login(email, password);
        // Anywhere else the device gets in by the token that it had.
        await from('127.0.3.1', index).as(signedIn.token).login(email, password);
      }
      assert.equal((await signedIn.get('/api/auth/me')).status, 200);
    });

    test('from the user\'s own network are ten in all, and do not keep the user\'s device out', async () => {
      const email = await hired('colleague');
      const signedIn = await from('127.0.4.1').login(email, password);
      assert.equal(countOf(await guesses(30, (index) => from('127.0.4.1', index), email), 401), 10);
      assertError(await guess(from('127.0.4.1'), email, password), 'too_many_requests');
      const again = await from('127.0.4.1').as(signedIn.token).login(email, password);
      await again.post('/api/auth/logout');
      await from('127.0.4.1').as(again.token).login(email, password);
    });
  });
}

describe('guesses', () => {
  const { from, hired, ownerToken } = startedServers(embedded, 1, startProcess);

  test('with somebody else\'s token, or a forged one, are those of a strange device', async () => {
    const email = await hired('victim');
    for (const [index, token] of [ownerToken(), `${ownerToken().slice(0, -6)}AAAAAA`].entries()) {
      const replies = await guesses(15, () => from(`127.0.5.${index + 1}`).as(token), email);
      assert.equal(countOf(replies, 401), 10);
    }
  });

  test('sixty at a time do not keep a user waiting', async () => {
    const email = await hired('waiting');
    const flood = from('127.0.6.1');
    let answered = 0;
    const flooding = Array.from({ length: 60 }, async (_, index) => {
      // Those that are left in the end are cut off.
      await guess(flood, `made-up-${index}@first.test`).then(() => { answered += 1; }, () => {});
    });
    await Promise.race(flooding);
    await from('127.0.6.2').login(email, password);
    assert(answered <= 30, `let in after ${answered} of 60`);
  });

  test('from more addresses than may wait keep nobody out who has been here before', async (t) => {
    const email = await hired('regular');
    const { token } = await from('127.0.7.1').login(email, password);
    const full = Promise.withResolvers<void>();
    let isOver = false;
    const flood = async (index: number): Promise<void> => {
      const client = from(`127.0.8.${index + 1}`);
      for (let round = 0; !isOver; round += 1) {
        const { status } = await guess(client, `nobody-${index}-${round}@first.test`).catch(() => ({ status: 0 }));
        if (status === 429) full.resolve();
        // Long enough that the server has the time for the others, and short enough that as many wait as may.
        if (status !== 401) await sleep(500);
      }
    };
    t.after(() => { isOver = true; });
    // Those that are left in the end are cut off.
    for (let index = 0; index < 250; index += 1) void flood(index);
    await full.promise;
    await from('127.0.7.2').as(token).login(email, password);
    await from('127.0.7.1').login(email, password);
  });
});
