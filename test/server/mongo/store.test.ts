// The MongoDB store: the store suite on a real replica set, and several server processes on one database.

import assert from 'node:assert/strict';
import { after, describe, test, type TestContext } from 'node:test';

import { MongoClient, type CommandStartedEvent, type Document } from 'mongodb';

import { EPOCH, type Instant } from '../../../shared/clock.ts';
import { openMongoStore } from '../../../server/mongo/store.ts';
import type { AuditEntry, Store } from '../../../server/store.ts';
import { dropDatabase, openTestMongo, testDatabaseName } from '../../mongod.ts';
import {
  assertConsistent, assertRising, content, create, depsOf, everything, readAll, newAccount, newId, newSession, remove, START_MS,
  type TestDatabase,
} from '../store/fixture.ts';
import { storeSuite } from '../store/suite.ts';
import { watch } from '../store/suite-watch.ts';

const { found: mongo, missing } = await openTestMongo();
after(() => mongo?.release());
const skip = missing ?? false;

interface MongoDatabase extends TestDatabase {
  readonly url: string;
  readonly name: string;
}

async function newDatabase(): Promise<MongoDatabase> {
  assert(mongo, 'skipped where there is no MongoDB');
  const { url } = mongo;
  const name = testDatabaseName();
  return { url, name, open: (deps) => openMongoStore(url, name, deps), remove: () => dropDatabase(url, name) };
}

storeSuite('MongoDB store', newDatabase, skip);

describe('several server processes on one MongoDB', { skip }, () => {
  test('get distinct instants and gapless numbers for one account, however far their clocks differ', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const stores = await Promise.all([0, -3_600_000, 3_600_000].map((skewMs) => database.open(depsOf({ nowMs: START_MS + skewMs }))));
    t.after(() => Promise.all(stores.map((store) => store.close())));
    const [first] = stores;
    assert(first);
    const accountId = await newAccount(first);

    const written = (await Promise.all(stores.map((store, process) => writeInTurns(store, accountId, process, 4, 10)))).flat();

    written.sort((a, b) => a.at - b.at);
    assertRising(written.map(({ at }) => at));
    assert.deepEqual(written.map(({ number }) => number), written.map((_, index) => index + 1));
    for (const store of stores) {
      const seen = await readAll(store, accountId);
      assertConsistent(seen);
      assert.deepEqual(seen.changes.map(({ id }) => id), written.map(({ id }) => id));
    }
  });

  test('a reader that follows the clock through one process misses no write of the others', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const stores = await Promise.all([1, 2, 3].map(() => database.open(depsOf({ nowMs: START_MS }))));
    t.after(() => Promise.all(stores.map((store) => store.close())));
    const [reader, ...writers] = stores;
    assert(reader);
    const accountId = await newAccount(reader);

    let isWriting = true;
    const writing = Promise.all(writers.map((store, process) => writeInTurns(store, accountId, process, 3, 10)))
      .finally(() => { isWriting = false; });
    const arrived: string[] = [];
    let cursor: Instant = EPOCH;
    for (let isLast = false; !isLast;) {
      isLast = !isWriting;
      const { account, changes } = await readAll(reader, accountId, { after: cursor });
      assert(account.clock >= cursor, 'the clock went back');
      arrived.push(...changes.map(({ id }) => id));
      cursor = account.clock;
    }

    const written = (await writing).flat().sort((a, b) => a.at - b.at);
    assert.deepEqual(arrived, written.map(({ id }) => id));
  });

  test('when all claim an address concurrently, exactly one gets it', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const stores = await Promise.all([1, 2, 3].map(() => database.open(depsOf({ nowMs: START_MS }))));
    t.after(() => Promise.all(stores.map((store) => store.close())));
    for (let round = 0; round < 5; round += 1) {
      const email = `${newId()}@example.com`;
      const outcomes = await Promise.all(stores.map(async (store) => {
        const [accountId, userId] = [await newAccount(store), newId()];
        const claim = store.write(accountId, async (transaction) => transaction.claimAddress(email, userId));
        return claim.then(() => ({ accountId, userId }), () => null);
      }));
      const winners = outcomes.filter((outcome) => outcome !== null);
      assert.deepEqual(winners, [await stores[0]?.findAddress(email)]);
    }
  });
});

describe('MongoDB store internals', { skip }, () => {
  test('readers that stop early leave no cursor open on the server', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const store = await database.open(depsOf({ nowMs: START_MS }));
    t.after(() => store.close());
    const accountId = await newAccount(store);
    await store.write(accountId, async (transaction) => {
      for (let index = 0; index < 1500; index += 1) {
        transaction.put(index % 2 === 0 ? 'plans' : 'invoices', newId(), content({ index }), null);
      }
    });
    for (let round = 0; round < 5; round += 1) {
      await store.snapshot(accountId, async (snapshot) => {
        for await (const batch of snapshot.changes(everything)) return batch;
        return [];
      });
      await readAll(store, accountId, { limit: 120 });
    }
    await using client = await new MongoClient(database.url).connect();
    const open = await client.db('admin').aggregate([
      { $currentOp: { idleCursors: true, localOps: true } },
      { $match: { type: 'idleCursor', ns: { $regex: `^${database.name}\\.` } } },
    ]).toArray();
    assert.deepEqual(open, []);
  });

  test('there is one change stream for any number of watchers, and none without watchers', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const store = await database.open(depsOf({ nowMs: START_MS }));
    t.after(() => store.close());
    await using client = await new MongoClient(database.url).connect();
    const streams = async (): Promise<number> => {
      const operations = await client.db('admin').aggregate([
        { $currentOp: { idleCursors: true, localOps: true } },
        { $match: { ns: `${database.name}.accounts`, 'cursor.originatingCommand.pipeline.0.$changeStream': { $exists: true } } },
      ]).toArray();
      return operations.length;
    };
    const accounts = await Promise.all([1, 2, 3].map(() => newAccount(store)));
    assert.equal(await streams(), 0);
    const watching = accounts.flatMap((accountId) => [watch(store, accountId), watch(store, accountId)]);
    for (const [index, watched] of watching.entries()) {
      await watched.reaches((await create(store, accounts[Math.floor(index / 2)] ?? '', 'plans')).at);
    }
    // One that begins or ends to wait for events just then is in both lists of operations, or in neither.
    while (await streams() !== 1) await store.check();
    for (const { stop } of watching) stop();
    while (await streams() > 0) await store.check();
  });

  test('accounts of an older version get an epoch when the store is opened, and keep it', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    const first = await database.open(depsOf({ nowMs: START_MS }));
    const [old, recent] = [await newAccount(first), await newAccount(first)];
    const { account: { epoch } } = await readAll(first, recent);
    await first.close();
    await using client = await new MongoClient(database.url).connect();
    await client.db(database.name).collection<{ _id: string }>('accounts').updateOne({ _id: old }, { $unset: { epoch: '' } });
    const epochs: unknown[] = [];
    for (let round = 0; round < 2; round += 1) {
      const store = await database.open(depsOf({ nowMs: START_MS }));
      epochs.push((await readAll(store, old)).account.epoch);
      assert.equal((await readAll(store, recent)).account.epoch, epoch);
      await store.close();
    }
    assert.match(String(epochs[0]), /^[\w-]{16}$/);
    assert.equal(epochs[1], epochs[0]);
  });

  test('every index except the one on _id begins with the account', async (t) => {
    const database = await newDatabase();
    t.after(() => database.remove());
    await (await database.open(depsOf({ nowMs: START_MS }))).close();
    await using client = await new MongoClient(database.url).connect();
    const db = client.db(database.name);
    for (const { name } of await db.listCollections({ type: 'collection' }).toArray()) {
      for (const { key } of await db.collection(name).listIndexes().toArray()) {
        assert(['_id', 'accountId'].includes(Object.keys(key)[0] ?? ''), `${name}: ${JSON.stringify(key)}`);
      }
    }
  });

  test('ten writes that queue take as many commands as one, and one that changes nothing waits for a commit too', async (t) => {
    const { store, sent } = await openFollowed(t);
    const accountId = await newAccount(store);
    const customer = await create(store, accountId, 'customers');
    const write = (): Promise<Instant> => {
      const key = newId();
      return store.write(accountId, async (transaction) => {
        assert.equal(await transaction.findReply(key), null);
        assert(await transaction.get('customers', customer.id));
        transaction.saveReply({ key, fingerprint: 'f', body: 'b', keptAtMs: START_MS });
        transaction.audit(entryOf('create'));
        return transaction.put('invoices', newId(), content({}, [customer.id]), null);
      }, { reply: key, records: [['customers', customer.id]] });
    };
    const commands = async (run: () => Promise<unknown>): Promise<readonly string[]> => {
      sent.length = 0;
      await run();
      return sent.map(({ commandName }) => commandName);
    };
    const expected = ['findAndModify', 'find', 'find', 'update', 'update', 'insert', 'update', 'commitTransaction'];
    assert.deepEqual(await commands(write), expected);
    assert.deepEqual(await commands(() => Promise.all(Array.from({ length: 10 }, write))), expected);
    const read = (): Promise<unknown> => store.write(accountId, (transaction) => transaction.get('customers', customer.id));
    assert.deepEqual(await commands(read), ['findAndModify', 'find', 'commitTransaction']);
    assertConsistent(await readAll(store, accountId));
  });

  test('a write that arrives while another is run joins its commit, and sees what it did', async (t) => {
    const { store, sent } = await openFollowed(t);
    const accountId = await newAccount(store);
    const [customer, plan] = [await create(store, accountId, 'customers'), await create(store, accountId, 'plans')];
    let second: Promise<unknown> = Promise.resolve();
    sent.length = 0;
    const first = store.write(accountId, async (transaction) => {
      second = store.write(accountId, async (joining) => {
        const seen = await joining.get('customers', customer.id);
        assert.equal(seen?.payload, '{"name":"new"}');
        assert.equal((await joining.findReply('k'))?.body, 'b');
        assert(await joining.get('plans', plan.id));
        joining.put('customers', customer.id, content({ name: 'newer' }), seen);
      }, { reply: 'k', records: [['customers', customer.id], ['plans', plan.id]] });
      transaction.saveReply({ key: 'k', fingerprint: 'f', body: 'b', keptAtMs: START_MS });
      transaction.put('customers', customer.id, content({ name: 'new' }), await transaction.get('customers', customer.id));
    }, { reply: 'k', records: [['customers', customer.id]] });
    await Promise.all([first, first.then(() => second)]);
    assert.deepEqual(sent.map(({ commandName }) => commandName),
      ['findAndModify', 'find', 'find', 'find', 'update', 'update', 'update', 'commitTransaction']);
    const all = await readAll(store, accountId);
    assertConsistent(all);
    assert.equal((await store.get(accountId, 'customers', customer.id))?.payload, '{"name":"newer"}');
  });

  test('nothing scans a collection, a session lookup is one command, and each command names the account that it is about', async (t) => {
    const { store, sent, database } = await openFollowed(t);
    const [accountId, other] = [await newAccount(store), await newAccount(store)];
    await store.write(other, async (transaction) => {
      for (let index = 0; index < 200; index += 1) transaction.put('users', newId(), content({ index }), null);
    });
    await using client = await new MongoClient(database.url).connect();
    const db = client.db(database.name);
    await db.command({ profile: 2 });
    sent.length = 0;

    const session = newSession({ accountId, userId: newId() });
    await store.write(accountId, async (transaction) => {
      transaction.put('users', session.userId, content({}), null);
      transaction.claimAddress(`${session.userId}@example.com`, session.userId);
    });
    const plan = await create(store, accountId, 'plans');
    await store.openSession(session);
    await store.renewSession(accountId, session.sessionId, { from: 'first', to: 'second', expiresAtMs: START_MS + 2, previousEndsAtMs: 0 });
    await store.noteSessions([{ ...session, syncedTo: null }]);
    await store.listSessions(accountId);
    await store.noteFullPull(accountId, session.sessionId, EPOCH);
    await store.write(accountId, async (transaction) => {
      await transaction.referrers('customers', plan.id, 1);
      await transaction.list('plans');
      await transaction.findReply('k');
      transaction.saveReply({ key: 'k', fingerprint: 'f', body: 'b', keptAtMs: START_MS });
      transaction.put('plans', plan.id, content({}), await transaction.get('plans', plan.id));
      transaction.endSessionsOf(newId());
      transaction.audit(entryOf('update'));
    });
    await store.auditEntries(accountId, 0, 10);
    await remove(store, accountId, plan);
    await store.isPruneDue(accountId, plan.at, START_MS);
    await store.write(accountId, (transaction) => transaction.prune(transaction.account.clock, START_MS + 1, transaction.account.clock));
    await readAll(store, accountId);
    await store.get(accountId, 'users', session.userId);
    await store.findAddress(`${session.userId}@example.com`);
    assert(await store.identify(accountId, session.sessionId, session.userId));
    await store.write(accountId, async (transaction) => transaction.endSession(session.sessionId));
    await db.command({ profile: 0 });

    const commands = await db.collection('system.profile').find({ ns: { $not: /system\.profile$/ } }).toArray();
    const planned = commands.filter(({ planSummary }) => planSummary !== undefined);
    assert(planned.length > 20, `only ${planned.length} commands were seen`);
    for (const { planSummary, ns, command, docsExamined } of planned) {
      assert.match(planSummary, /^(IDHACK|IXSCAN \{ (_id|accountId): 1|IXSCAN \{ accountId: -1)/, `${ns} ${JSON.stringify(command)}`);
      assert(docsExamined < 10, `${ns} ${JSON.stringify(command)} examined ${docsExamined} documents`);
    }
    assert.equal(commands.filter(({ command }) => command.aggregate === 'sessions').length, 1);
    // So that a router sends each to one shard, if all collections are sharded by account.
    const targets = sent.flatMap(targetsOf);
    assert(targets.length > 30, `only ${targets.length} commands were seen`);
    for (const { collection, filter } of targets) {
      const key = collection === 'accounts' ? filter['_id'] : filter['accountId'];
      assert([accountId, other].includes(key), `${collection} ${JSON.stringify(filter)}`);
    }
  });
});

/** A store of which every command is recorded. */
async function openFollowed(t: TestContext): Promise<{ store: Store; sent: CommandStartedEvent[]; database: MongoDatabase }> {
  const database = await newDatabase();
  t.after(() => database.remove());
  const sent: CommandStartedEvent[] = [];
  const { connect } = MongoClient.prototype;
  t.mock.method(MongoClient.prototype, 'connect', function followed(this: MongoClient) {
    this.on('commandStarted', (event) => sent.push(event));
    return connect.call(this);
  }, { times: 1 });
  const url = `${database.url}&monitorCommands=true`;
  const store = await openMongoStore(url, database.name, depsOf({ nowMs: START_MS }));
  t.after(() => store.close());
  return { store, sent, database };
}

/** By what a command selects documents, for each MongoDB collection but those that are not about one account. */
function targetsOf({ commandName, command }: CommandStartedEvent): { readonly collection: string; readonly filter: Document }[] {
  const collection = String(command[commandName]);
  const pick = (list: readonly Document[], key: string): Document[] => list.map((statement) => statement[key] as Document);
  const selecting: Readonly<Record<string, () => readonly Document[]>> = {
    find: () => [command['filter']],
    findAndModify: () => [command['query']],
    insert: () => command['documents'],
    update: () => pick(command['updates'], 'q'),
    delete: () => pick(command['deletes'], 'q'),
    aggregate: () => pick(command['pipeline'].slice(0, 1), '$match'),
    commitTransaction: () => [],
  };
  const unions = commandName === 'aggregate' ? command['pipeline'].slice(1) as readonly { readonly $unionWith: Document }[] : [];
  const filters = selecting[commandName];
  assert(filters, `${commandName} is not known to select by account`);
  if (['directory', 'settings', 'signInCounters'].includes(collection)) return [];
  return [
    ...filters().map((filter) => ({ collection, filter })),
    ...unions.map(({ $unionWith: { coll, pipeline } }) => ({ collection: coll, filter: pipeline[0].$match })),
  ];
}

function entryOf(action: string): AuditEntry {
  return { action, actor: 'u', email: null, session: null, peer: null, request: null, collection: null, record: null, fields: [] };
}

interface Written { readonly id: string; readonly at: Instant; readonly number: number }

/** `writers` concurrent writers, each with `rounds` sequential writes; every write takes a number. */
async function writeInTurns(store: Store, accountId: string, process: number, writers: number, rounds: number): Promise<Written[]> {
  const written: Written[] = [];
  await Promise.all(Array.from({ length: writers }, async (_, writer) => {
    for (let round = 0; round < rounds; round += 1) {
      written.push(await store.write(accountId, async (transaction) => {
        const [id, number] = [newId(), transaction.nextNumber('INV-2026')];
        return { id, number, at: transaction.put('invoices', id, content({ process, writer, round, number }), null) };
      }));
    }
  }));
  return written;
}
