// Starts the real server for the tests of the wire contract: in this process on a free port, with a separate database
// and folder and a clock that the test controls; or as a `node server.ts` child process.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';

import { start, type Running } from '../../server.ts';
import { createOwner } from '../../server/admin.ts';
import { readConfig } from '../../server/config.ts';
import { createPasswords } from '../../server/passwords.ts';
import { openEmbeddedStore } from '../../server/embedded/store.ts';
import type { Store } from '../../server/store.ts';
import { findMongod, openTestDatabases, openTestMongo, SHARED_URL, type TestDatabases, type TestMongo } from '../mongod.ts';
import { createClient, type Client } from '../client.ts';
import { cheapest, user } from './samples.ts';

export type Environment = Readonly<Record<string, string>>;

/** A database that the contract is tested on; `skip` is the reason if it cannot be. */
export interface TestStore {
  readonly kind: 'embedded' | 'mongodb';
  readonly skip: string | false;
}

const isMongoGiven = Boolean(process.env['MONGODB_TEST_URL'] || process.env[SHARED_URL]);

export const embedded: TestStore = { kind: 'embedded', skip: false };
export const stores: readonly TestStore[] = [
  embedded,
  { kind: 'mongodb', skip: isMongoGiven ? false : findMongod().missing ?? false },
];

export const password = 'correct horse battery';
export const firstOwner = 'owner@first.test';
const secret = 'a secret for tests that has more than 32 bytes';
const serverFile = join(import.meta.dirname, '..', '..', 'server.ts');

/** The initial clock of every test server; only the test moves it. */
export const startMs = Date.parse('2026-03-01T12:00:00Z');

/** The environment with which a test starts another server, or the admin command, on the same database. */
export interface Installation {
  readonly env: Environment;
  readonly folder: string;
  remove(): Promise<void>;
}

/** A separate folder and database. */
export async function prepare(store: TestStore, env: Environment = {}): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-test-'));
  const common = { PORT: '0', DATA_DIR: folder, LOG_LEVEL: 'debug', TOKEN_TTL: '180d' };
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  if (store.kind === 'embedded') return { env: { ...common, ...env }, folder, remove: async () => removeFolder() };
  const { url, databases } = await openMongo();
  const name = databases.take();
  return {
    env: { ...common, MONGODB_URL: url, MONGODB_DB: name, JWT_SECRET: secret, ...env },
    folder,
    async remove() {
      removeFolder();
      await databases.giveBack(name);
    },
  };
}

interface OpenMongo extends TestMongo {
  readonly databases: TestDatabases;
}

/** The replica set of this process's tests; started by the first that needs it. */
const mongo: { opened: Promise<OpenMongo> | null } = { opened: null };

function openMongo(): Promise<OpenMongo> {
  return mongo.opened ??= openTestMongo().then(async ({ found, missing }) => {
    if (found === null) throw new Error(missing);
    return { ...found, databases: await openTestDatabases(found.url) };
  });
}

/** Servers that a failed test may have left running; stopped so that the run can end. */
const running = new Set<() => unknown>();

after(async () => {
  await Promise.allSettled([...running].map((end) => end()));
  const opened = await mongo.opened;
  await opened?.databases.drop();
  await opened?.release();
});

/** A monotonic clock that is a second later at each reading, so that no limit on how fast somebody may write is met. */
function hurrying(): () => number {
  let ms = 0;
  return () => ms += 1000;
}

export interface TestClock {
  ms: number;
  /** Thrown once by the next read of the clock, as an unexpected error. */
  fault?: Error | undefined;
}

export interface TestServer extends Installation {
  /** Without a token. */
  readonly client: Client;
  /** The owner created by the configuration. */
  readonly owner: Client;
  readonly url: string;
  readonly agent: Agent;
  readonly clock: TestClock;
  /** The server's standard output. */
  readonly lines: readonly string[];
  /** Restarts the server on the same database. */
  restart(env?: Environment): Promise<void>;
  stop(): Promise<void>;
}

/** A running server whose first account has one owner, signed in. */
export async function startServer(store: TestStore, env: Environment = {}): Promise<TestServer> {
  const installation = await prepare(store, { ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD: password, ...env });
  const clock: TestClock = { ms: startMs };
  const lines: string[] = [];
  const nowMs = (): number => {
    const { fault, ms } = clock;
    clock.fault = undefined;
    if (fault) throw fault;
    return ms;
  };
  const write = (line: string): void => void lines.push(line);
  const deps = { nowMs, monotonicMs: hurrying(), trustsClock: true, write, passwordCost: cheapest };
  const run = async (changed: Environment = {}): Promise<{ server: Running; agent: Agent }> =>
    ({ server: await start(readConfig({ ...installation.env, ...changed }), deps), agent: new Agent({ keepAlive: true }) });
  const end = async (): Promise<void> => {
    current.agent.destroy();
    await current.server.close();
  };
  let current = await run();
  running.add(end);
  const ca = installation.env['TEST_CA'];
  const client = createClient(() => ({ url: current.server.url, agent: current.agent, ...(ca === undefined ? {} : { ca }) }));
  return {
    ...installation,
    client,
    owner: await client.login(firstOwner, password),
    get url() { return current.server.url; },
    get agent() { return current.agent; },
    clock,
    lines,
    async restart(changed) {
      await end();
      current = await run(changed);
    },
    async stop() {
      running.delete(end);
      await end();
      await installation.remove();
    },
  };
}

export interface People {
  readonly owner: Client;
  readonly editor: Client;
  readonly viewer: Client;
}

/** Adds an editor and a viewer to the account of `owner`, both signed in. */
export async function hire(owner: Client, domain: string): Promise<People> {
  const [editor, viewer] = await Promise.all((['editor', 'viewer'] as const).map(async (role) => {
    const email = `${role}@${domain}`;
    await owner.create('users', user(email, { role, password }));
    return owner.as(null).login(email, password);
  }));
  assert.ok(editor && viewer);
  return { owner, editor, viewer };
}

/** Adds an account with one owner, as the admin command does while the server runs; the owner is signed in. */
export async function addAccount(server: TestServer, email: string): Promise<Client> {
  const store = await openStore(server, () => server.clock.ms);
  await createOwner(store, createPasswords(cheapest), email, password);
  await store.close();
  return server.client.login(email, password);
}

/** Another connection to the database of an installation. */
export async function openStore({ env, folder }: Installation, nowMs: () => number): Promise<Store> {
  const deps = { nowMs, trustsClock: true, log: () => {} };
  const { MONGODB_URL, MONGODB_DB = '' } = env;
  if (MONGODB_URL === undefined) return openEmbeddedStore(join(folder, 'invoify.sqlite'), deps);
  const { openMongoStore } = await import('../../server/mongo/store.ts');
  return openMongoStore(MONGODB_URL, MONGODB_DB, deps);
}

export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Standard output, line by line. */
  readonly lines: readonly string[];
  /** Resolves to the first line that matches, past or future. */
  line(pattern: RegExp): Promise<string>;
  /** Sends a signal and resolves to the exit code. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `node server.ts` and resolves once it is listening. */
export async function spawnServer(env: Environment): Promise<ServerProcess> {
  const child = spawn(process.execPath, [serverFile], { env: childEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'close') as Promise<[number | null]>;
  const kill = (): boolean => child.kill('SIGKILL');
  running.add(kill);
  child.on('close', () => running.delete(kill));
  const lines: string[] = [];
  const errors = child.stderr.toArray();
  const output = createInterface({ input: child.stdout });
  output.on('line', (line) => lines.push(line));
  const line = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = lines.find((candidate) => pattern.test(candidate));
      if (found !== undefined) return found;
      const ended = await Promise.race([once(output, 'line').then(() => false), exited.then(() => true)]);
      if (ended) throw new Error(`the server ended: ${Buffer.concat(await errors as Buffer[])}`);
    }
  };
  const { url } = JSON.parse(await line(/"event":"listening"/)) as { url: string };
  return {
    url, child, lines, line,
    async end(signal = 'SIGTERM') {
      child.kill(signal);
      return (await exited)[0];
    },
  };
}

/** Runs `node server.ts <args>` and resolves to its result. */
export async function runServer(
  args: readonly string[], env: Environment, input = '', onSpawned: (child: ChildProcess) => void = () => {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [serverFile, ...args], { env: childEnvironment(env), stdio: ['pipe', 'pipe', 'pipe'] });
  onSpawned(child);
  child.stdin.on('error', () => {}).end(input);
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'close') as Promise<[number | null]>, child.stdout.toArray(), child.stderr.toArray(),
  ]);
  return { code, stdout: Buffer.concat(stdout as Buffer[]).toString(), stderr: Buffer.concat(stderr as Buffer[]).toString() };
}

/** Of this process's environment only what says where programs are and what becomes of their code. */
function childEnvironment(env: Environment): Environment {
  const inherited = ['PATH', 'NODE_V8_COVERAGE', 'NODE_COMPILE_CACHE'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(inherited), ...env };
}
