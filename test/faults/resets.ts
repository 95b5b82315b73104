// What makes a desktop start over: tombstones pruned past its cursor, a restored backup, another role, another database. Each
// leads to at most one rebuild, killed on the way at random moments, with the old rows readable until the new ones are there.

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';

import { start, type Running } from '../../server.ts';
import { readConfig } from '../../server/config.ts';
import { exportAccount } from '../../server/export.ts';
import { importAccount } from '../../server/import.ts';
import type { Store } from '../../server/store.ts';
import { instantFromMs } from '../../shared/clock.ts';
import type { RebuildReason } from '../../shared/window/views.ts';
import { createClient, type Client } from '../client.ts';
import { freePort } from '../mongod.ts';
import { password, prepare, startMs, stores, type Environment, type TestStore } from '../server/harness.ts';
import { NaiveCache } from '../server/naive-cache.ts';
import { cheapest, user } from '../server/samples.ts';
import { takeBackup } from '../sync/backup.ts';
import { Books } from '../sync/books.ts';
import { Desk } from '../sync/desk.ts';
import { assertExact } from '../sync/exact.ts';
import { Model } from '../sync/model.ts';
import { newAccount, openSession, openStoreOf, secret } from '../sync/site.ts';
import { killOnce, readState } from './kills.ts';
import type { Scenario, Try } from './lab.ts';
import { recoverAlone } from './unattended.ts';

const DAY_MS = 86_400_000;
const PLANS = 40;

/** A server that can be down, restored and replaced, always at the same address. */
class House {
  readonly clock = { ms: startMs };
  readonly #port: number;
  env: Environment;
  #running: Running | null = null;

  constructor(env: Environment, port: number) {
    this.env = env;
    this.#port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  readonly nowMs = (): number => this.clock.ms;

  async open(): Promise<void> {
    const deps = {
      nowMs: this.nowMs, monotonicMs: () => performance.now(), trustsClock: true, write: () => undefined, passwordCost: cheapest,
    };
    this.#running = await start(readConfig({ ...this.env, PORT: String(this.#port) }), deps);
  }

  async close(): Promise<void> {
    await this.#running?.close();
    this.#running = null;
  }

  async whileDown<T>(run: () => Promise<T>): Promise<T> {
    await this.close();
    const result = await run();
    await this.open();
    return result;
  }

  /** Runs `use` on a second connection to its database. */
  async withStore<T>(use: (store: Store) => Promise<T>, env = this.env): Promise<T> {
    const store = await openStoreOf(env, this.nowMs);
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  }
}

interface Reset {
  readonly what: string;
  readonly kinds: readonly TestStore['kind'][];
  /** Why the desktop rebuilds; null: it goes on from its cursor. */
  readonly reason: RebuildReason | null;
  /** Whether what the desktop last saw is undone. */
  readonly isUndone?: boolean;
  /** Resolves to whom the desktop belongs from then on, with a token. */
  run(house: House, books: Books, attempt: Try): Promise<{ readonly client: Client; readonly token: string }>;
}

const onBoth = ['embedded', 'mongodb'] as const;
const [embedded, mongodb] = stores;
assert(embedded && mongodb);

/** Restores a backup from before the desktop's last pull, and moves the clock past what it has seen, if `steps`. */
async function restore(house: House, books: Books, steps: boolean, announce: boolean): ReturnType<Reset['run']> {
  const backup = kept.get(house) ?? assert.fail();
  await house.whileDown(async () => {
    await backup.restore();
    if (announce) await house.withStore((store) => store.renewEpochs());
  });
  if (steps) {
    house.clock.ms += 60_000;
    const later = new Books(books.owner, await new Model().begin(books.owner.client));
    await later.addPlans(3);
  }
  return books.owner;
}

/** The backups of the houses that have one. */
const kept = new WeakMap<House, Awaited<ReturnType<typeof takeBackup>>>();

/** The account goes from one database to the other, whose server takes the place of the first. */
async function move(house: House, { owner }: Books, attempt: Try, moves: boolean): ReturnType<Reset['run']> {
  const { env, remove } = await prepare(mongodb ?? assert.fail(), { JWT_SECRET: secret });
  attempt.after(remove);
  return house.whileDown(async () => {
    const pieces: Buffer[] = [];
    await house.withStore((store) => exportAccount(store, { account: owner.accountId, file: null, moves }, house.nowMs,
      async (text) => void pieces.push(Buffer.from(text))));
    house.env = env;
    return house.withStore(async (store) => {
      await importAccount(store, Readable.from(pieces), house.nowMs);
      return openSession(store, house.nowMs, createClient(() => ({ url: house.url })), owner);
    });
  });
}

const resets: readonly Reset[] = [
  { what: 'tombstones pruned past the cursor', kinds: onBoth, reason: 'cursor_ended', async run(house, books) {
    for (const { id } of books.model.present('plans').slice(0, 5)) await books.remove('plans', id);
    house.clock.ms += DAY_MS;
    await house.withStore((store) => store.write(books.owner.accountId, (transaction) =>
      transaction.prune(instantFromMs(house.clock.ms), 0)));
    return books.owner;
  } },
  { what: 'an older backup restored', kinds: onBoth, reason: 'cursor_ended', isUndone: true,
    run: (house, books) => restore(house, books, false, false) },
  { what: 'an older backup restored, and written past the cursors', kinds: onBoth, reason: 'cache_differed', isUndone: true,
    run: (house, books) => restore(house, books, true, false) },
  { what: 'an older backup restored and announced, and written past the cursors', kinds: onBoth, reason: 'scope_changed', isUndone: true,
    run: (house, books) => restore(house, books, true, true) },
  { what: 'a changed role', kinds: onBoth, reason: 'scope_changed', async run(house, { owner }) {
    const email = 'second@people.test';
    await owner.client.create('users', user(email, { role: 'owner', password }));
    const second = await owner.client.as(null).login(email, password);
    await second.change('users', await second.read('users', owner.userId), { role: 'viewer' });
    return house.withStore((store) => openSession(store, house.nowMs, second, owner));
  } },
  { what: 'a move to MongoDB', kinds: ['embedded'], reason: null, run: (house, books, attempt) => move(house, books, attempt, true) },
  { what: 'a copy in MongoDB', kinds: ['embedded'], reason: 'scope_changed',
    run: (house, books, attempt) => move(house, books, attempt, false) },
];

async function resetOnce(attempt: Try, testStore: TestStore): Promise<void> {
  const { random, seed } = attempt;
  const possible = resets.filter(({ kinds, what }) => kinds.includes(testStore.kind) && !(mongodb?.skip && what.includes('MongoDB')));
  const reset = possible[seed % possible.length] ?? assert.fail();
  const { env, remove } = await prepare(testStore, { JWT_SECRET: secret });
  attempt.after(remove);
  const house = new House(env, await freePort());
  attempt.after(() => house.close());
  await house.open();
  const client = createClient(() => ({ url: house.url }));
  const owner = await house.withStore((store) => newAccount(store, house.nowMs, client));
  const books = new Books(owner, await new Model().begin(owner.client));
  await books.addPlans(PLANS);
  if (reset.isUndone) {
    kept.set(house, await house.whileDown(() => takeBackup(env)));
    for (const { id } of books.model.present('plans').slice(0, 4)) await books.change('plans', id);
    for (const { id } of books.model.present('plans').slice(6, 9)) await books.remove('plans', id);
    await books.addPlans(4);
  }

  const pieceChanges = random.integer(1, 30);
  const desk = new Desk({ url: house.url, pieceChanges });
  attempt.after(() => desk.remove());
  await desk.storeToken(owner.token);
  await desk.open();
  await desk.sync();
  await desk.idle();
  const before = desk.rows();
  await desk.close();

  const person = await reset.run(house, books, attempt);
  const { token } = person;
  attempt.count(reset.what);
  // A session of its own: what a session has pulled decides which cursors it may use.
  const { client: another } = await house.withStore((store) => openSession(store, house.nowMs, person.client, owner));
  const served = new NaiveCache();
  for (const page of (await another.pullAll('limit=5000')).pages) served.apply(page);
  const isSame = (rows: ReturnType<Desk['rows']>, expected: ReturnType<Desk['rows']>): boolean => rows.size === expected.size
    && [...rows].every(([key, { updatedAt, text }]) => expected.get(key)?.updatedAt === updatedAt && expected.get(key)?.text === text);
  const check = (rows: ReturnType<Desk['rows']>): void =>
    assert(isSame(rows, before) || isSame(rows, served.records), `${rows.size} rows, which are neither those before nor those after`);
  const job = { databaseFile: desk.file, serverUrl: house.url, token, pieceChanges, diesAfter: null, waitsAtSteps: false };
  const { lastSyncMs } = readState(desk);
  for (let rounds = random.integer(0, 3); rounds > 0; rounds -= 1) {
    if (await killOnce(random, job)) attempt.count('kills');
    check(desk.rows());
    assert(readState(desk).lastSyncMs >= lastSyncMs, 'the last sync went back');
  }

  const wasDone = isSame(desk.rows(), served.records);
  await desk.storeToken(token);
  await desk.open();
  const rebuilds = await recoverAlone(attempt, desk, (rows) => isSame(rows, served.records), check);
  // A round that was not killed in time has rebuilt already.
  const expected = reset.reason === null || (wasDone && rebuilds.length === 0) ? [] : [reset.reason];
  assert.deepEqual(rebuilds, expected, reset.what);
  await assertExact(desk, another);
}

export const resetScenarios: readonly Scenario[] = [embedded, mongodb].map((testStore): Scenario => ({
  name: `${testStore.kind}-reset`,
  about: 'pruned tombstones, restored backups, changed roles, moved accounts; killed on the way',
  tries: testStore.kind === 'embedded' ? 105 : 50,
  skip: testStore.skip,
  open: async () => ({ run: (attempt) => resetOnce(attempt, testStore), close: async () => undefined }),
}));
