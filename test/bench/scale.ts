// Many at once: 10,000 accounts in one database, 200 desktops doing their first sync, and 2,000 that listen to `/events` and pull
// when they are nudged. The clients are plain HTTP in this process, which throws away what it receives: they cost something, too, on
// a machine with few cores.
//
// Sessions are written to the database and their tokens signed here, because 2,000 sign-ins would measure a slow hash. A server
// takes 2,000 connections from one address, so the clients have an address of 127.0.0.0/8 for every 50 of them.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { signIn } from '../../demo/colleague.ts';
import { startServerProcess, type ServerProcess } from '../../demo/server-process.ts';
import { openVenue, setStage } from '../../demo/stage.ts';
import { addressKey } from '../../server/auth.ts';
import type { Store } from '../../server/store.ts';
import { createTokens } from '../../server/tokens.ts';
import { EPOCH, formatInstant } from '../../shared/clock.ts';
import { hasSystemCode } from '../../shared/errors.ts';
import { isObject } from '../../shared/fields.ts';
import { median, peakMemoryMb, percentile, processorTimeMs } from './figures.ts';

const CUSTOMERS = 1000;
const INVOICES = 4000;
const CLIENTS_PER_ADDRESS = 50;
const DAY_MS = 86_400_000;
const NUDGE_SPREAD_MS = 1000;
/** How often a client repeats a request that was refused. */
const MAX_TRIES = 100;

export interface ScalePlan {
  /** Null for the embedded store. */
  readonly mongodbUrl: string | null;
  /** Server processes on one MongoDB. */
  readonly servers: number;
  readonly accounts: number;
  readonly syncing: number;
  readonly connected: number;
}

export type AddFigure = (what: string, value: number | null, unit: string) => void;

/** Measures all of it on a new database; rejects if a client is refused for good, or hears no nudge. */
export async function measureScale({ mongodbUrl, servers, accounts, syncing, connected }: ScalePlan, add: AddFigure): Promise<void> {
  const venue = await openVenue(mongodbUrl ?? undefined, 'scale');
  const secret = randomBytes(48).toString('base64url');
  const env = { ...venue.env, JWT_SECRET: secret };
  try {
    const today = new Date().toISOString().slice(0, 10);
    const { company, password } = await setStage(venue, { today, customers: CUSTOMERS, invoices: INVOICES }, () => {});
    const { email = '' } = company.users[0] ?? {};
    const store = await venue.openStore();
    const tokens = createTokens([secret], Date.now);
    const owner = await store.findAddress(addressKey(email));
    if (!owner) throw new Error('the sample company has no owner');
    const others = await addAccounts(store, accounts);
    const openSessions = (count: number, users: readonly User[]): Promise<string[]> => inParallel(count, async (index) => {
      const user = users[index % users.length] ?? owner;
      const session = newSession(user);
      await store.openSession(session);
      return tokens.sign(session);
    });
    const syncTokens = await openSessions(syncing, [owner]);
    const eventTokens = await openSessions(connected, [owner]);
    const strangerTokens = await openSessions(Math.min(1000, accounts), others);
    const clock = formatInstant(company.clock);
    await store.close();

    const startedMs = performance.now();
    const running: ServerProcess[] = [];
    for (let index = 0; index < servers; index += 1) running.push(await startServerProcess({ env }));
    try {
      add(`Start of a server, ${accounts} accounts`, (performance.now() - startedMs) / servers, 'ms');
      const urlOf = (index: number): string => running[index % running.length]?.url ?? '';
      const pids = running.map(({ child }) => child.pid ?? 0);
      const signInMs = await timed(() => signIn(urlOf(0), email, password));
      add('Sign-in', signInMs, 'ms');
      await pollEach(urlOf, strangerTokens, add);
      await syncAtOnce(urlOf, syncTokens, CUSTOMERS + INVOICES, pids, add);
      await nudgeAll(urlOf, eventTokens, clock, () => signIn(urlOf(0), email, password), pids, add);
      for (const [index, pid] of pids.entries()) add(`Peak memory, server ${index + 1}`, peakMemoryMb(pid), 'MB');
    } finally {
      for (const server of running) await server.stop();
    }
  } finally {
    await venue.remove(false);
  }
}

interface User { readonly accountId: string; readonly userId: string }

async function addAccounts(store: Store, count: number): Promise<User[]> {
  const payload = JSON.stringify({ email: 'a@example.com', name: 'A', role: 'owner', disabled: false });
  return inParallel(count, async () => {
    const [accountId, userId] = [randomBytes(12).toString('hex'), randomBytes(12).toString('hex')];
    await store.createAccount(accountId);
    await store.write(accountId, async (transaction) => transaction.put('users', userId, { payload, secret: null, references: [] }, null));
    return { accountId, userId };
  });
}

function newSession(user: User) {
  const createdAtMs = Date.now();
  return {
    ...user, sessionId: randomBytes(16).toString('hex'), device: 'benchmark', createdAtMs, expiresAtMs: createdAtMs + DAY_MS,
    lastSeenAtMs: createdAtMs, syncedTo: EPOCH, tokenId: randomBytes(9).toString('base64url'), isTokenUsed: true,
    previousTokenId: null, previousEndsAtMs: 0, fullPullFrom: EPOCH,
  };
}

/** One poll in each of the accounts, one at a time. */
async function pollEach(urlOf: (index: number) => string, tokens: readonly string[], add: AddFigure): Promise<void> {
  const client = openClient(0);
  const since = encodeURIComponent(formatInstant(EPOCH));
  const took: number[] = [];
  for (const [index, token] of tokens.entries()) {
    const answer = await ask(client, `${urlOf(index)}/api/sync/pull?since=${since}`, token);
    const { serverTime } = JSON.parse(answer.text) as { serverTime: string };
    const url = `${urlOf(index)}/api/sync/pull?since=${encodeURIComponent(serverTime)}`;
    took.push(await timed(() => ask(client, url, token)));
  }
  client.destroy();
  add('A poll in each of 1,000 accounts, median', median(took), 'ms');
  add('… 99th percentile', percentile(took, 0.99), 'ms');
}

/** Everybody pulls everything at the same time, in pages. */
async function syncAtOnce(
  urlOf: (index: number) => string, tokens: readonly string[], records: number, pids: readonly number[], add: AddFigure,
): Promise<void> {
  const before = pids.map(processorTimeMs);
  let refusals = 0;
  const startedMs = performance.now();
  const took = await Promise.all(tokens.map(async (token, index) => {
    const client = openClient(index);
    let [received, since, hasMore] = [0, '', true];
    while (hasMore) {
      const answer = await ask(client, `${urlOf(index)}/api/sync/pull?limit=2000${since}`, token);
      refusals += answer.refusals;
      const end = pageEnd(answer.text);
      received += end.count;
      hasMore = end.hasMore;
      since = `&since=${encodeURIComponent(end.serverTime)}`;
    }
    client.destroy();
    if (received < records) throw new Error(`a first sync brought ${received} records of ${records}`);
    return performance.now() - startedMs;
  }));
  const seconds = (performance.now() - startedMs) / 1000;
  const cpuMs = pids.reduce((sum, pid, index) => sum + ((processorTimeMs(pid) ?? 0) - (before[index] ?? 0)), 0);
  add(`First sync of ${tokens.length} desktops at once`, tokens.length * records / seconds, 'records/s');
  add('… median desktop', median(took), 'ms');
  add('… 99th percentile', percentile(took, 0.99), 'ms');
  add('… processor time of the servers per 100,000', cpuMs / (tokens.length * records) * 100_000, 'ms');
  add('… refused and repeated', refusals, 'times');
}

/** Everybody listens; one write is made, and everybody who hears of it pulls. */
async function nudgeAll(
  urlOf: (index: number) => string, tokens: readonly string[], clock: string, signInWriter: () => ReturnType<typeof signIn>,
  pids: readonly number[], add: AddFigure,
): Promise<void> {
  const writer = await signInWriter();
  const listeners = await inParallel(tokens.length, async (index) => {
    const client = openClient(index);
    const token = tokens[index] ?? '';
    return { client, token, index, stream: await openEvents(client, `${urlOf(index)}/api/sync/events`, token) };
  });
  const before = pids.map(processorTimeMs);
  const [heardMs, pulledMs]: [number[], number[]] = [[], []];
  let refusals = 0;
  const rounds = 3;
  let since = clock;
  for (let round = 0; round < rounds; round += 1) {
    const heard = listeners.map(({ stream }) => stream.next());
    const startedMs = performance.now();
    const plan = { name: `Plan ${round}`, priceMinor: 100, currency: 'EUR', interval: 'month', active: true };
    const { updatedAt } = await writer.create('plans', plan);
    const query = `since=${encodeURIComponent(since)}&nonce=n${round}`;
    await Promise.all(listeners.map(async ({ client, token, index }) => {
      await heard[index];
      heardMs.push(performance.now() - startedMs);
      // As desktops do.
      await sleep(Math.random() * NUDGE_SPREAD_MS);
      const answer = await ask(client, `${urlOf(index)}/api/sync/pull?${query}`, token);
      refusals += answer.refusals;
      if (pageEnd(answer.text).count < 1) throw new Error('a nudge came before its change could be pulled');
      pulledMs.push(performance.now() - startedMs);
    }));
    since = updatedAt;
    // The next nudge is another one: those within 200 ms share one.
    await sleep(500);
  }
  const cpuMs = pids.reduce((sum, pid, index) => sum + ((processorTimeMs(pid) ?? 0) - (before[index] ?? 0)), 0);
  const polls: number[] = [];
  const query = `since=${encodeURIComponent(since)}`;
  await Promise.all(listeners.map(async ({ client, token, index }) => {
    await sleep(Math.random() * 5000);
    polls.push(await timed(() => ask(client, `${urlOf(index)}/api/sync/pull?${query}`, token)));
  }));
  for (const { client } of listeners) client.destroy();
  const of = `${tokens.length} listeners`;
  add(`A write until ${of} have heard of it, median`, median(heardMs), 'ms');
  add('… 99th percentile', percentile(heardMs, 0.99), 'ms');
  add(`A write until ${of} have pulled it, median`, median(pulledMs), 'ms');
  add('… 99th percentile', percentile(pulledMs, 0.99), 'ms');
  add('… processor time of the servers per round', cpuMs / rounds, 'ms');
  add('… refused and repeated', refusals, 'times');
  add(`Polls of ${of} within 5 s, median`, median(polls), 'ms');
  add('… 99th percentile', percentile(polls, 0.99), 'ms');
}

/** A client has its connections to itself. */
function openClient(index: number): Agent {
  const address = Math.floor(index / CLIENTS_PER_ADDRESS) + 1;
  return new Agent({ keepAlive: true, localAddress: `127.1.${Math.floor(address / 200)}.${address % 200 + 1}` });
}

interface Answer {
  readonly text: string;
  /** How often it was told to come back. */
  readonly refusals: number;
}

/**
 * Repeats what is refused for the moment, after the time that the server names, and at once what was sent on a connection that the
 * server was just closing because it was idle.
 */
async function ask(agent: Agent, url: string, token: string): Promise<Answer> {
  for (let refusals = 0; ; refusals += 1) {
    const response = await send(agent, url, token).catch((error: unknown) => {
      if (hasSystemCode(error, 'ECONNRESET') && refusals < MAX_TRIES) return null;
      throw error;
    });
    if (response === null) continue;
    const chunks: Buffer[] = await response.toArray() as Buffer[];
    const text = Buffer.concat(chunks).toString('latin1');
    if (response.statusCode === 200) return { text, refusals };
    const isRefused = response.statusCode === 429 || response.statusCode === 503;
    if (!isRefused || refusals === MAX_TRIES) throw new Error(`${url} was answered with ${response.statusCode}: ${text}`);
    await sleep(Number(response.headers['retry-after'] ?? 1) * 1000 * (0.5 + Math.random()));
  }
}

async function send(agent: Agent, url: string, token: string): Promise<IncomingMessage> {
  const request = httpRequest(url, { agent, headers: { authorization: `Bearer ${token}` } }).end();
  const [response] = await once(request, 'response') as [IncomingMessage];
  // Of a stream that ends with its client.
  request.on('error', () => {});
  return response;
}

/** Resolves once the stream has told the clock; `next` resolves at the next event. */
async function openEvents(agent: Agent, url: string, token: string): Promise<{ next: () => Promise<void> }> {
  const response = await send(agent, url, token);
  if (response.statusCode !== 200) throw new Error(`${url} was answered with ${response.statusCode}`);
  let [wake, fail]: [() => void, (reason: Error) => void] = [() => {}, () => {}];
  response.setEncoding('latin1').on('data', (text: string) => {
    if (text.includes('event: change')) wake();
  }).on('error', () => {}).once('close', () => fail(new Error('the server cut a stream of events')));
  const next = (): Promise<void> => new Promise((resolve, reject) => { [wake, fail] = [resolve, reject]; });
  await next();
  return { next };
}

/** What a page says beside its changes: it stands before them. */
function pageEnd(text: string): { readonly count: number; readonly hasMore: boolean; readonly serverTime: string } {
  const head: unknown = JSON.parse(`${text.slice(0, text.indexOf('"changes":'))}"changes":[]}`);
  if (!isObject(head)) throw new Error('a page is no object');
  return { count: Number(head['count']), hasMore: head['hasMore'] === true, serverTime: String(head['serverTime']) };
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await run();
  return performance.now() - startedMs;
}

/** Runs `run` for each index, ten at a time. */
async function inParallel<T>(count: number, run: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: 10 }, async () => {
    for (let index = next++; index < count; index = next++) results[index] = await run(index);
  }));
  return results;
}
