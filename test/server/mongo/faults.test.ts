// The MongoDB store under faults: lost replies, lost connections, a primary that steps down, a primary that is killed.
//
// Each test asserts that every acknowledged write is there exactly once, in the order of the instants, that the numbers
// have no gaps, and that the digest matches.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';

import { MongoClient } from 'mongodb';

import { EPOCH, type Instant } from '../../../shared/clock.ts';
import { errorCode } from '../../../shared/errors.ts';
import { saveMapping } from '../../../server/mongo/lease.ts';
import { openMongoStore } from '../../../server/mongo/store.ts';
import { startWatch } from '../../../server/mongo/watch.ts';
import type { Store } from '../../../server/store.ts';
import { findMongod, startReplicaSet, testDatabaseName, withAdmin, type ReplicaSet } from '../../mongod.ts';
import { assertConsistent, assertRejects, content, create, depsOf, readAll, newAccount, newId, START_MS } from '../store/fixture.ts';
import { watch } from '../store/suite-watch.ts';

const { found: mongod, missing } = findMongod();

describe('MongoDB store under faults', { skip: missing ?? false }, () => {
  let set: ReplicaSet;
  let store: Store;
  const database = testDatabaseName();

  before(async () => {
    assert(mongod !== null, 'skipped where there is no mongod');
    set = await startReplicaSet(mongod, 3);
    store = await openMongoStore(set.url, database, depsOf({ nowMs: START_MS }));
  });
  after(async () => {
    await store.close();
    await set.stop();
  });

  const lostReply = { writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } };
  const lostConnection = { closeConnection: true };
  const conflict = { errorCode: 112, errorLabels: ['TransientTransactionError'] };
  const faults: readonly [title: string, commands: readonly string[], fault: object][] = [
    ['the replies to a commit are lost', ['commitTransaction'], lostReply],
    ['the connection breaks during the commit', ['commitTransaction'], lostConnection],
    ['the connection breaks while records are written', ['update'], lostConnection],
    ['the connection breaks while a change reads', ['find'], lostConnection],
    ['another process has locked the account', ['findAndModify'], conflict],
  ];
  for (const [title, commands, fault] of faults) {
    test(`writes are applied exactly once when ${title}`, async () => {
      const accountId = await newAccount(store);
      const failures = await failNext(set.url, 3, { failCommands: commands, appName: 'invoify', ...fault });
      const written = await Promise.all([1, 2, 3].map((writer) => writeNumbered(store, accountId, writer)));
      await assertAllThere(store, accountId, written);
      assert(await failures() > 0, 'nothing failed');
    });
  }

  test('a write is retried after a read error, even if its callback swallows the error', async () => {
    const accountId = await newAccount(store);
    const plan = await create(store, accountId, 'plans');
    await failNext(set.url, 1, { failCommands: ['find'], appName: 'invoify', errorCode: 112, errorLabels: ['TransientTransactionError'] });
    const found = await store.write(accountId, async (transaction) => {
      const read = await transaction.get('plans', plan.id).catch(() => null);
      transaction.put('plans', newId(), content({ found: read !== null }), null);
      return read;
    });
    assert.deepEqual(found, plan);
    assertConsistent(await readAll(store, accountId));
  });

  test('a write that the database rejects fails alone, and the others in its batch succeed', async () => {
    const accountId = await newAccount(store);
    const taken = await create(store, await newAccount(store), 'plans');
    const outcomes = await Promise.allSettled([
      writeNumbered(store, accountId, 1),
      store.write(accountId, async (transaction) => transaction.put('plans', taken.id, content({}), null)),
      writeNumbered(store, accountId, 2),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled']);
    await assertAllThere(store, accountId, outcomes.flatMap((outcome) => (
      outcome.status === 'fulfilled' && typeof outcome.value === 'object' ? [outcome.value] : []
    )));
  });

  test('a write waits seconds, not a minute, for a process that was killed in the middle of one, and ends nothing else', async () => {
    const accountId = await newAccount(store);
    const held = `
      import { MongoClient } from 'mongodb';
      const client = await new MongoClient(${JSON.stringify(set.url)}, { appName: 'invoify' }).connect();
      const session = client.startSession();
      session.startTransaction();
      await client.db(${JSON.stringify(database)}).collection('accounts').updateOne(
        { _id: ${JSON.stringify(accountId)} }, { $inc: { writes: 1 } }, { session });
      process.stdout.write('held');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', held], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    // Another program's may rest, and one of ours go on slowly.
    const begin = async (appName: string) => {
      const client = await new MongoClient(set.url, { appName }).connect();
      const session = client.startSession();
      session.startTransaction();
      const elsewhere = client.db(database).collection(appName);
      await elsewhere.insertOne({ left: 'alone' }, { session });
      const goOn = (): Promise<number> => elsewhere.countDocuments({}, { session });
      const end = async (): Promise<number> => {
        await session.commitTransaction();
        const count = await elsewhere.countDocuments();
        await client.close();
        return count;
      };
      return { goOn, end };
    };
    const [resting, slow] = [await begin('another program'), await begin('invoify')];
    const timer = setInterval(() => void slow.goOn(), 300);

    const written = await writeNumbered(store, accountId, 1).finally(() => clearInterval(timer));
    await assertAllThere(store, accountId, [written]);
    assert.deepEqual([await resting.end(), await slow.end()], [1, 1]);
  });

  test('a read that the database cannot serve is rejected as unavailable, with a message', async () => {
    const accountId = await newAccount(store);
    await failNext(set.url, 2, { failCommands: ['find', 'aggregate'], appName: 'invoify', closeConnection: true });
    const error = await assertRejects(store.get(accountId, 'plans', newId()), 'unavailable');
    assert.match(error.message, /Try again in a moment/);
    assert.equal(await store.get(accountId, 'plans', newId()), null);
  });

  test('a connection that is dead when a command is written to it is like any lost one', async (t) => {
    const member = await set.primary();
    const sockets = new Set<Socket>();
    const relay = createServer((socket) => {
      const onward = connect(member.port, '127.0.0.1').on('error', () => {});
      sockets.add(socket.on('error', () => {}).on('close', () => onward.destroy()));
      socket.pipe(onward).pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    t.after(() => relay.close());
    const { port } = relay.address() as AddressInfo;
    const relayed = await openMongoStore(`mongodb://127.0.0.1:${port}/?directConnection=true`, database, depsOf({ nowMs: START_MS }));
    t.after(() => relayed.close());
    const accountId = await newAccount(relayed);
    // The reset has reached this machine's kernel before the next command is written, and the driver has not heard of it.
    const cut = (): void => sockets.forEach((socket) => socket.resetAndDestroy());
    let attempts = 0;
    const id = newId();
    await relayed.write(accountId, async (transaction) => {
      transaction.put('plans', id, content({}), null);
      attempts += 1;
      if (attempts === 1) cut();
    });
    assert.equal(attempts, 2);
    cut();
    await assertRejects(relayed.counters.take([{ key: newId(), max: 1, endsAtMs: START_MS + 1000 }]), 'unavailable');
    assert.equal((await relayed.get(accountId, 'plans', id))?.id, id);
  });

  test('page reads from a member that is no longer primary are unavailable, and writes continue', async () => {
    const accountId = await newAccount(store);
    const written = await Promise.all([1, 2].map((writer) => writeNumbered(store, accountId, writer)));
    const reads = { failCommands: ['find'], namespace: `${database}.invoices`, appName: 'invoify' };
    const failures = await failNext(set.url, 4, { ...reads, errorCode: 10107 });
    await Promise.all(Array.from({ length: 4 }, () => assertRejects(readAll(store, accountId), 'unavailable')));
    assert.equal(await failures(), 4);
    await assertAllThere(store, accountId, [...written, await writeNumbered(store, accountId, 3)]);
  });

  test('after a step-down the linearizable clock includes every acknowledged write, and watchers keep being called', async () => {
    const accountId = await newAccount(store);
    const watched = watch(store, accountId);
    const writing = Promise.all([1, 2].map((writer) => writeNumbered(store, accountId, writer)));
    await set.stepDown();
    const written = await writing;
    const clock = await retryWhileUnavailable(() => store.latestClock(accountId));
    assert.equal(clock, Math.max(...written.map(({ at }) => at)));
    const { at } = await create(store, accountId, 'plans');
    await retryWhileUnavailable(() => watched.reaches(at));
    watched.stop();
  });

  test('a watcher hears of a write that was not durable yet when its stream was opened', async () => {
    const accountId = await newAccount(store);
    const primary = await set.primary();
    const secondaries = set.members.filter((member) => member !== primary);
    const replicate = (mode: 'alwaysOn' | 'off'): Promise<unknown> => Promise.all(secondaries.map((member) => (
      withAdmin(`mongodb://${member.address}/?directConnection=true`, (admin) =>
        admin.command({ configureFailPoint: 'stopReplProducer', mode }))
    )));
    await replicate('alwaysOn');
    const writing = create(store, accountId, 'plans');
    const isWritten = (): Promise<boolean> => withAdmin(set.url, async (admin) => (
      await admin.client.db(database).collection('plans').countDocuments({ accountId }, { readConcern: { level: 'local' } }) > 0
    ));
    while (!await isWritten());
    const opened = Promise.withResolvers<void>();
    const stop = store.watch(accountId, opened.resolve);
    await opened.promise;
    const watched = watch(store, accountId);
    stop();
    await replicate('off');
    await watched.reaches((await writing).at);
    watched.stop();
  });

  test('watchers keep being called after the change stream breaks', async () => {
    const accountId = await newAccount(store);
    const watched = watch(store, accountId);
    await watched.reaches((await create(store, accountId, 'plans')).at);
    for (const fault of [{ closeConnection: true }, { errorCode: 136, errorLabels: [] }]) {
      const failures = await failNext(set.url, 1, { failCommands: ['getMore'], appName: 'invoify', ...fault });
      // The first may still arrive by a `getMore` from before the fault; the second needs a new stream.
      for (let round = 0; round < 2; round += 1) {
        const { at } = await create(store, accountId, 'plans');
        await retryWhileUnavailable(() => watched.reaches(at));
      }
      assert(await failures() > 0, 'nothing failed');
    }
    watched.stop();
  });

  test('what another program writes in an adopted collection is published once, through a step-down', async (t) => {
    const accountId = await newAccount(store);
    await using client = await new MongoClient(set.url).connect();
    const [shop, count] = [client.db(`${database}_shop`), 60];
    const mapping = { database: shop.databaseName, collections: {
      customers: { from: 'Customer', fields: { name: 'name', currency: { value: 'EUR' } } },
    } };
    await saveMapping(client.db(database), accountId, JSON.stringify(mapping));
    const config = { mongodbUrl: set.url, mongodbDb: database, allowsPlaintextMongo: false };
    const watching = await startWatch({ config, store, log: () => {} });
    t.after(() => watching.close());
    const inserting = (async () => {
      for (let index = 0; index < count; index += 1) await shop.collection('Customer').insertOne({ name: `Customer ${index}` });
    })();
    await set.stepDown();
    await inserting;
    const moved = watch(store, accountId);
    for (let isDone = false; !isDone;) {
      const all = await retryWhileUnavailable(() => readAll(store, accountId));
      isDone = all.changes.length === count;
      if (!isDone) await retryWhileUnavailable(() => moved.reaches(all.account.clock + 1 as Instant));
      else assertConsistent(all);
    }
    moved.stop();
  });

  test('a killed primary neither loses nor repeats an acknowledged write, and a reader misses nothing', async () => {
    const accountId = await newAccount(store);
    const written: Written[] = [];
    let isWriting = true;
    let killed: Promise<void> | null = null;
    const writing = Promise.all(Array.from({ length: 4 }, async (_, writer) => {
      // Enough writes before the kill that batches are in flight, and enough after it on the new primary.
      for (let rounds = 0; rounds < 40; rounds += 1) {
        // On a busy machine an election can outlast a write, which then has changed nothing.
        written.push(await retryWhileUnavailable(() => writeNumbered(store, accountId, writer)));
        if (written.length >= 60) killed ??= set.primary().then((primary) => primary.kill());
      }
    })).finally(() => { isWriting = false; });
    const [arrived] = await Promise.all([followFeed(store, accountId, () => isWriting), writing]);
    assert(killed !== null);
    await killed;
    await retryWhileUnavailable(() => store.check());
    await assertAllThere(store, accountId, written);
    assert.deepEqual(arrived, written.sort((a, b) => a.at - b.at).map(({ id }) => id));
  });
});

interface Written { readonly id: string; readonly at: Instant; readonly number: number }

function writeNumbered(store: Store, accountId: string, writer: number): Promise<Written> {
  return store.write(accountId, async (transaction) => {
    const id = newId();
    await transaction.get('invoices', id);
    const number = transaction.nextNumber('INV-2026');
    return { id, number, at: transaction.put('invoices', id, content({ writer, number }), null) };
  });
}

/** The ids that a reader following the clock receives, in order, until the writers have finished. */
async function followFeed(store: Store, accountId: string, isWriting: () => boolean): Promise<string[]> {
  const arrived: string[] = [];
  let cursor: Instant = EPOCH;
  for (let isLast = false; !isLast;) {
    isLast = !isWriting();
    const { account, changes } = await retryWhileUnavailable(() => readAll(store, accountId, { after: cursor }));
    // A new primary may briefly serve an older state, which has nothing after the cursor.
    if (account.clock < cursor) {
      assert.deepEqual(changes, []);
      isLast = false;
      continue;
    }
    arrived.push(...changes.map(({ id }) => id));
    cursor = account.clock;
  }
  return arrived;
}

async function assertAllThere(store: Store, accountId: string, written: readonly Written[]): Promise<void> {
  const seen = await retryWhileUnavailable(() => readAll(store, accountId));
  assertConsistent(seen);
  const inOrder = written.toSorted((a, b) => a.at - b.at);
  assert.deepEqual(seen.changes.map(({ id, at }) => ({ id, at })), inOrder.map(({ id, at }) => ({ id, at })));
  assert.deepEqual(inOrder.map(({ number }) => number), inOrder.map((_, index) => index + 1));
}

/** The store does not retry reads while there is no primary; each attempt waits for one. */
async function retryWhileUnavailable<T>(attempt: () => Promise<T>): Promise<T> {
  for (let triesLeft = 20; ; triesLeft -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (errorCode(error) !== 'unavailable' || triesLeft === 0) throw error;
    }
  }
}

/**
 * The primary fails the next `times` commands that `data` describes (the failCommand fail point of mongod). Resolves to
 * what ends that and tells how many it failed: mongod counts from its start.
 */
async function failNext(url: string, times: number, data: object): Promise<() => Promise<number>> {
  const configure = (rest: object): Promise<number> => withAdmin(url, async (admin) =>
    (await admin.command({ configureFailPoint: 'failCommand', ...rest }))['count']);
  const before = await configure({ mode: { times }, data });
  return async () => await configure({ mode: 'off' }) - before;
}
