// A real MongoDB for the tests: finds a `mongod`, starts replica sets on free ports in new folders, and stops them by
// process id, at the latest when the process that started them ends, however it ends.
//
// Search order: MONGODB_TEST_URL (a running replica set), MONGOD (a program), the PATH, `.mongodb/` in this repository.
// Without one the tests are skipped with a message; with CI=true that is an error instead.

import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { Db } from 'mongodb';

/** Set by test/setup.ts: the replica set that all files of one test run share. */
export const SHARED_URL = 'INVOIFY_TEST_MONGODB';

const NOTHING_FOUND = 'No MongoDB to test with: set MONGODB_TEST_URL to a replica set, or MONGOD to a mongod program, '
  + 'or run .ci/mongod.sh, which puts one into .mongodb/.';
const ADDRESS_IN_USE = 48;
const SET_NAME = 'invoify-test';

export type Found<T> = { readonly found: T; readonly missing: null } | { readonly found: null; readonly missing: string };

/** One running mongod. */
export interface Member {
  readonly port: number;
  readonly pid: number;
  readonly address: string;
  /** Kills it, as a power cut would. */
  kill(): Promise<void>;
  /** Kills it and starts it again with its data, after `whileDown`. */
  restart(whileDown?: () => Promise<unknown>): Promise<void>;
  stop(): Promise<void>;
}

export interface ReplicaSet {
  readonly url: string;
  readonly members: readonly Member[];
  primary(): Promise<Member>;
  /** Makes the primary step down; resolves when another member has taken over. Needs three members. */
  stepDown(): Promise<void>;
  stop(): Promise<void>;
}

/** A database to test against; `release` stops whatever was started for it. */
export interface TestMongo {
  readonly url: string;
  release(): Promise<void>;
}

/** The program, or the reason why it is missing. With CI=true a missing one throws. */
export function findMongod(): Found<string> {
  const named = process.env['MONGOD'];
  if (named !== undefined && named !== '') {
    return isProgram(named) ? { found: named, missing: null } : missing(`MONGOD names ${named}, which cannot be run.`);
  }
  const root = fileURLToPath(new URL('..', import.meta.url));
  const name = process.platform === 'win32' ? 'mongod.exe' : 'mongod';
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
  const inFolder = globSync(`.mongodb/**/${name}`, { cwd: root }).map((path) => join(root, path));
  const program = [...onPath, ...inFolder].find(isProgram);
  return program === undefined ? missing(NOTHING_FOUND) : { found: program, missing: null };
}

/** A replica set of one or more members; the one shared by the test run, if there is one. */
export async function openTestMongo(): Promise<Found<TestMongo>> {
  const url = process.env['MONGODB_TEST_URL'] || process.env[SHARED_URL];
  if (url) return { found: { url, release: async () => {} }, missing: null };
  const mongod = findMongod();
  if (mongod.missing !== null) return mongod;
  const set = await startReplicaSet(mongod.found, 1);
  return { found: { url: set.url, release: () => set.stop() }, missing: null };
}

/** A unique database name. */
export function testDatabaseName(): string {
  return `invoify_test_${randomBytes(6).toString('hex')}`;
}

export async function dropDatabase(url: string, name: string): Promise<void> {
  const { MongoClient } = await loadDriver();
  await using client = await new MongoClient(url).connect();
  await client.db(name).dropDatabase();
}

/** The databases of one test process; one that was given back is taken again, because making its collections and indexes is slow. */
export interface TestDatabases {
  /** The name of a database without documents: a new one, or one with empty collections. */
  take(): string;
  /** Empties it. Nobody uses it any more. */
  giveBack(name: string): Promise<void>;
  /** Drops those that were given back. */
  drop(): Promise<void>;
}

export async function openTestDatabases(url: string): Promise<TestDatabases> {
  const { MongoClient } = await loadDriver();
  const client = await new MongoClient(url).connect();
  const free: string[] = [];
  return {
    take: () => free.pop() ?? testDatabaseName(),
    async giveBack(name) {
      const collections = await client.db(name).collections();
      await Promise.all(collections.map((collection) => collection.deleteMany({})));
      free.push(name);
    },
    async drop() {
      await Promise.all(free.map((name) => client.db(name).dropDatabase()));
      await client.close();
    },
  };
}

/** Starts, initiates and waits for a primary. Elections take about a second. */
export async function startReplicaSet(program: string, memberCount: 1 | 3): Promise<ReplicaSet> {
  const members = await Promise.all(Array.from({ length: memberCount }, () => startMongod(program, ['--replSet', SET_NAME])));
  const url = `mongodb://${members.map(({ address }) => address).join(',')}/?replicaSet=${SET_NAME}`;
  await withAdmin(directUrl(members[0]), (admin) => admin.command({
    replSetInitiate: {
      _id: SET_NAME,
      members: members.map(({ address }, index) => ({ _id: index, host: address })),
      settings: { electionTimeoutMillis: 1000, heartbeatIntervalMillis: 200 },
    },
  }));
  const primary = async (): Promise<Member> => {
    // Server selection for a command to the primary waits until there is one.
    const hello = await withAdmin(url, (admin) => admin.command({ hello: 1 }));
    const member = members.find(({ address }) => address === hello['me']);
    if (!member) throw new Error(`${String(hello['me'])} was not started here`);
    return member;
  };
  // A member acknowledges a write only after its initial sync: from then on it can become primary.
  await withAdmin(url, (admin) => admin.command({
    insert: 'started', documents: [{}], writeConcern: { w: memberCount },
  }));
  return {
    url,
    members,
    primary,
    async stepDown() {
      const before = await primary();
      // Those that have stepped down within the last minute can be elected again.
      const others = members.filter((member) => member !== before);
      await Promise.all(others.map((member) => withAdmin(directUrl(member), (admin) => admin.command({ replSetFreeze: 0 }))));
      await withAdmin(directUrl(before), (admin) => admin.command({ replSetStepDown: 60, secondaryCatchUpPeriodSecs: 10 }));
      await primary();
    },
    async stop() {
      await Promise.all(members.map((member) => member.kill()));
    },
  };
}

/** Starts one mongod on a free port with its data in a new folder; resolves when it accepts connections. */
export async function startMongod(program: string, options: readonly string[] = []): Promise<Member> {
  for (;;) {
    const folder = mkdtempSync(join(tmpdir(), 'invoify-mongod-'));
    const port = await freePort();
    const launched = launch(program, options, folder, port);
    if (await acceptsConnections(launched.child)) return toMember(launched, folder, port, () => launch(program, options, folder, port));
    await launched.ended;
    rmSync(folder, { recursive: true, force: true });
    const { exitCode, signalCode } = launched.child;
    if (exitCode !== ADDRESS_IN_USE) throw new Error(`mongod exited with ${exitCode ?? signalCode} during startup`);
  }
}

interface Launched {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
}

function launch(program: string, options: readonly string[], folder: string, port: number): Launched {
  const child = spawn(program, [
    '--port', String(port), '--bind_ip', '127.0.0.1', '--dbpath', folder, '--nounixsocket',
    '--oplogSize', '64', '--setParameter', 'diagnosticDataCollectionEnabled=false',
    // What costs time and changes nothing that a client can see.
    '--quiet', '--wiredTigerJournalCompressor', 'none', '--wiredTigerCollectionBlockCompressor', 'none',
    '--setParameter', 'ttlMonitorEnabled=false',
    // By default threads look for pages to evict from 5 % changed on, and commands have to help them from 10 to 20 % on, which took
    // the tests on MongoDB two fifths longer. The cache takes memory only as it fills.
    '--wiredTigerCacheSizeGB', '1', '--wiredTigerEngineConfigString',
    'eviction_dirty_target=40,eviction_dirty_trigger=60,eviction_updates_target=40,eviction_updates_trigger=60',
    // Allows failCommand: a test can make the next commands of a kind fail.
    '--setParameter', 'enableTestCommands=1', ...options,
  ], { stdio: ['ignore', 'pipe', 'inherit'] });
  return { child, ended: once(child, 'exit').then(endWithThisProcess(child, folder)) };
}

function toMember(first: Launched, folder: string, port: number, again: () => Launched): Member {
  let current = first;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    current.child.kill(signal);
    await current.ended;
  };
  const remove = async (signal: NodeJS.Signals): Promise<void> => {
    await end(signal);
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    port,
    address: `127.0.0.1:${port}`,
    get pid() { return current.child.pid ?? 0; },
    kill: () => remove('SIGKILL'),
    stop: () => remove('SIGTERM'),
    async restart(whileDown = async () => undefined) {
      await end('SIGKILL');
      await whileDown();
      current = again();
      if (!await acceptsConnections(current.child)) throw new Error('mongod exited when it was started again');
    },
  };
}

/** False if it exits before listening. Its log is read to the end in any case, or it would block on a full pipe. */
function acceptsConnections(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve, reject) => {
    if (!child.stdout) throw new Error('mongod was started without its log');
    createInterface({ input: child.stdout })
      .on('line', (line) => {
        if (line.includes('"msg":"Waiting for connections"')) resolve(true);
      })
      .on('close', () => resolve(false));
    child.on('error', reject);
  });
}

/**
 * Kills `child` and removes its folder when this process ends, even by SIGKILL: a shell waits for the end of its input,
 * which this process holds open. Returns a function that cancels this.
 */
function endWithThisProcess(child: ChildProcess, folder: string): () => void {
  const script = 'read _; kill -9 "$0"; rm -rf "$1"';
  const guard = spawn('/bin/sh', ['-c', script, String(child.pid), folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  guard.unref();
  const input = guard.stdin as Socket; // a pipe to a child is a socket
  input.unref();
  return () => {
    guard.kill('SIGKILL');
    input.destroy();
  };
}

/** Runs commands against the `admin` database of the primary, waiting for one to be elected. */
export async function withAdmin<T>(url: string, run: (admin: Db) => Promise<T>): Promise<T> {
  const { MongoClient } = await loadDriver();
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 30_000, heartbeatFrequencyMS: 500 });
  try {
    return await run(client.db('admin'));
  } finally {
    await client.close();
  }
}

/** Only when it is needed: most test files use no MongoDB, and it takes a quarter of a second. */
function loadDriver(): Promise<typeof import('mongodb')> {
  return import('mongodb');
}

function directUrl(member: Member | undefined): string {
  if (!member) throw new Error('the set has no members');
  return `mongodb://${member.address}/?directConnection=true`;
}

/**
 * A port of this machine that nothing listens on, from a range of which no system gives one to whoever asks for any: until it is
 * used, no connection and no other test gets it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      // Somebody's, or reserved.
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}

function isProgram(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function missing(sentence: string): { readonly found: null; readonly missing: string } {
  if (process.env['CI'] === 'true') throw new Error(`${sentence} With CI=true the tests that need it must not be skipped.`);
  return { found: null, missing: sentence };
}
