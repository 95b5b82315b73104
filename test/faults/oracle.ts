// What must hold whatever broke: judged from outside, with nothing of what the product says about itself.
//
// - `Ledger` is the log of what writers were answered. Each writer repeats a write with its key until the server has said whether it
//   was done, as the contract asks of every client, so in the end the log is exactly what the server must hold.
// - `Watch` looks at a cache file again and again, from a connection of its own: no record that it has shown goes missing or back to
//   an older version unless somebody deleted it, and neither cursor nor last sync goes back.
// - `assertSettled` compares, once the faults have ended: every desktop, the server, the log, and the server's own records beside them.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';

import type { Store } from '../../server/store.ts';
import { runVerify } from '../../server/verify-command.ts';
import { collections, type Invoice } from '../../shared/collections.ts';
import type { Client, Reply, WireRecord } from '../client.ts';
import { NaiveCache, withoutEmpty, type HeldRecord } from '../server/naive-cache.ts';
import { customer, invoice, plan } from '../server/samples.ts';
import { readRows } from '../sync/desk.ts';
import { assertSameRows } from '../sync/exact.ts';
import { Model } from '../sync/model.ts';
import type { Random } from '../sync/random.ts';

/** Answers that say that a write was not done. Any other but a success leaves that open. */
const refusals: readonly number[] = [400, 404, 409, 412];

/** What was acknowledged to all writers of one account, and what they have asked for. */
export class Ledger {
  readonly model = new Model();
  /** The unique name or note of every record that somebody tried to make. */
  readonly asked = new Set<string>();
  /** The records that somebody tried to delete, as `<collection> <id>`. */
  readonly doomed = new Set<string>();
  /** The instant of the newest acknowledged write. */
  newest = '';

  /** Starts with what the account holds. */
  async begin(client: Client): Promise<this> {
    await this.model.begin(client);
    return this;
  }

  /** Enters an acknowledged write. */
  hold(collection: string, record: WireRecord): WireRecord {
    if (record.updatedAt > this.newest) this.newest = record.updatedAt;
    return this.model.hold(collection, record);
  }

  /** Enters a version that was read, because the write of another record made it. */
  saw(collection: string, record: WireRecord): void {
    if (record.updatedAt > this.newest) this.newest = record.updatedAt;
    this.model.saw(collection, record);
  }

  /** Enters an answer that says whether a write was done; null if it was not. */
  enter(collection: string, reply: Pick<Reply, 'status' | 'body'>): WireRecord | null {
    return reply.status < 300 ? this.hold(collection, reply.body.record) : null;
  }
}

export interface WriterOptions {
  /** Distinguishes what it makes from what others make. */
  readonly name: string;
  readonly ledger: Ledger;
  readonly random: Random;
  /** The server to use for the next request; which one may change with every call. */
  readonly client: () => Client;
  /** Between two tries of one write, in which the server may come back. Default: 50 ms of real time. */
  readonly pause?: () => Promise<unknown>;
  /** Tries of one write before the writer gives up and fails. */
  readonly maxTries?: number;
}

/** A person who writes: what is not answered is repeated with its key, until it is. */
export class Writer {
  readonly #options: Required<WriterOptions>;
  #made = 0;
  #keys = 0;
  /** Requests that were repeated, because the server's answer did not arrive. */
  repeated = 0;

  constructor(options: WriterOptions) {
    this.#options = { pause: () => pause(50), maxTries: 600, ...options };
  }

  /** One random write, entered in the log once it is answered. Rejects if it never is, or is answered what a server must not. */
  async write(): Promise<void> {
    const { random } = this.#options;
    const collection = random.pick(['plans', 'customers', 'invoices'] as const);
    const target = random.pick(this.#options.ledger.model.present(collection));
    if (!target || random.chance(0.45)) return this.create(collection);
    const path = `/api/${collection}/${target.id}`;
    const version = { 'If-Match': `"${target.updatedAt}"` };
    if (random.chance(0.25)) return this.#remove(collection, target.id, path, version);
    if (collection === 'invoices' && random.chance(0.6)) return this.#act(target, path, version);
    const field = collection === 'plans' ? 'name' : 'internalNote';
    await this.#send(collection, 'PATCH', path, { [field]: `${this.#options.name} changed ${random.next()}` }, version);
  }

  /** What an invoice's state may allow: issue it; or pay it, take a payment back, credit it, void it. */
  async #act({ payload }: WireRecord, path: string, version: Record<string, string>): Promise<void> {
    const { random, ledger, client } = this.#options;
    const { status, creditedId, totalMinor, paidMinor, creditedMinor, payments } = payload as unknown as Invoice;
    if (status === 'draft') {
      const isIssued = await this.#send('invoices', 'POST', `${path}/issue`, {}, version);
      if (!isIssued || creditedId === undefined) return;
      // The credit note's invoice was changed with it.
      const read = await this.#answered(() => client().get(`/api/invoices/${creditedId}`), `GET ${creditedId}`);
      ledger.saw('invoices', read.body.record);
      return;
    }
    const payment = random.pick(payments);
    if (payment && random.chance(0.4)) {
      await this.#send('invoices', 'DELETE', `${path}/payments/${payment.id}`, undefined, version);
      return;
    }
    const openMinor = totalMinor - creditedMinor - paidMinor;
    const amountMinor = random.chance(0.5) ? openMinor : random.integer(1, 100);
    const [action, body] = random.chance(0.3) ? ['credit', {}] : random.chance(0.15) ? ['void', {}]
      : ['payments', { amountMinor, paidOn: '2026-02-01' }];
    await this.#send('invoices', 'POST', `${path}/${action}`, body, version);
  }

  /** Makes a record with a name or note of its own. */
  async create(collection: 'plans' | 'customers' | 'invoices'): Promise<void> {
    const { name, ledger, random } = this.#options;
    const owner = random.pick(ledger.model.present('customers'));
    if (collection === 'invoices' && !owner) return this.create('customers');
    this.#made += 1;
    const mark = `${name} made ${this.#made}`;
    ledger.asked.add(mark);
    const fields = collection === 'plans' ? plan({ name: mark }) : collection === 'customers' ? customer({ name: mark })
      : invoice(owner?.id ?? '', { lines: [{ description: mark, quantityMilli: 1000, unitPriceMinor: 100, taxRateBp: 1900 }] });
    await this.#send(collection, 'POST', `/api/${collection}`, fields, {});
  }

  async #remove(collection: string, id: string, path: string, version: Record<string, string>): Promise<void> {
    this.#options.ledger.doomed.add(`${collection} ${id}`);
    await this.#send(collection, 'DELETE', path, undefined, version);
  }

  /** Whether the write was done. */
  async #send(collection: string, method: string, path: string, json: unknown, headers: Record<string, string>): Promise<boolean> {
    const { name, client, ledger } = this.#options;
    this.#keys += 1;
    const key = `${name.replaceAll(' ', '-')}-${this.#keys}`;
    const send = (): Promise<Reply> => client().send(method, path, { headers: { ...headers, 'Idempotency-Key': key }, json });
    return ledger.enter(collection, await this.#answered(send, `${method} ${path}`)) !== null;
  }

  /** The server's own answer, asked for until it arrives. */
  async #answered(send: () => Promise<Reply>, what: string): Promise<Reply> {
    const { name, maxTries } = this.#options;
    let last: unknown = null;
    for (let tries = 1; tries <= maxTries; tries += 1) {
      // Without an answer, or with one that is not the server's, this rejects.
      const reply = await send().catch((error: unknown) => { last = error; });
      if (reply && (reply.status < 300 || refusals.includes(reply.status))) return reply;
      last = reply?.text ?? last;
      this.repeated += 1;
      await this.#options.pause();
    }
    throw new Error(`${name}: ${what} was not answered in ${maxTries} tries`, { cause: last });
  }
}

/** A cache as it is readable at a moment. */
export interface Glance {
  readonly cursor: string | null;
  readonly lastSyncMs: number | null;
  /** Whether the first sync has completed. */
  readonly isComplete: boolean;
  readonly isRebuilding: boolean;
  /** Versions, by collection and id. */
  readonly versions: ReadonlyMap<string, string>;
}

/** Reads a cache in one transaction on a connection of its own. Throws SQLite's errors, also where there is no file. */
export function glanceAt(file: string): Glance {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
  try {
    return glance(db);
  } finally {
    db.close();
  }
}

function glance(db: DatabaseSync): Glance {
  db.exec('BEGIN');
  try {
    const state = db.prepare('SELECT * FROM state').get() ?? {};
    const versions = new Map(collections.flatMap(({ name }) =>
      db.prepare(`SELECT id, updated_at FROM "${name}_${String(state['generation'])}"`).all()
        .map((row) => [`${name} ${String(row['id'])}`, String(row['updated_at'])] as const)));
    return {
      cursor: textOf(state['cursor']), lastSyncMs: state['last_sync_ms'] === null ? null : Number(state['last_sync_ms']),
      isComplete: state['is_initial_complete'] === 1, isRebuilding: state['rebuild_reason'] !== null, versions,
    };
  } finally {
    db.exec('ROLLBACK');
  }
}

/** Looks at one cache from its first row on; `look` as often as possible, at the worst moments. */
export class Watch {
  readonly #file: string;
  readonly #ledger: Ledger;
  #db: DatabaseSync | null = null;
  #before: Glance | null = null;
  #looks = 0;
  #lastSyncMs = -Infinity;

  constructor(file: string, ledger: Ledger) {
    this.#file = file;
    this.#ledger = ledger;
  }

  get looks(): number {
    return this.#looks;
  }

  /** From now on it looks on one connection, which is faster, until it lets go of the file, which must stay where it is. */
  hold(): void {
    this.#db ??= new DatabaseSync(this.#file, { readOnly: true, timeout: 5000 });
  }

  letGo(): void {
    this.#db?.close();
    this.#db = null;
  }

  /** Asserts that nothing has gone back since the look before. */
  look(): Glance {
    const now = this.#db ? glance(this.#db) : glanceAt(this.#file);
    const before = this.#before;
    this.#looks += 1;
    this.#before = now;
    if (!before) return now;
    if (before.isComplete) assert(now.isComplete, 'the cache is incomplete again');
    assert((now.cursor ?? '') >= (before.cursor ?? ''), `the cursor went back from ${before.cursor} to ${now.cursor}`);
    const lastSyncMs = now.lastSyncMs ?? -Infinity;
    if (now.lastSyncMs !== before.lastSyncMs) {
      assert(lastSyncMs >= this.#lastSyncMs, `the last sync went back from ${before.lastSyncMs} to ${now.lastSyncMs}`);
      this.#lastSyncMs = lastSyncMs;
    }
    for (const [key, version] of before.versions) {
      const present = now.versions.get(key);
      if (present === undefined) assert(this.#ledger.doomed.has(key), `${key} is gone, and nobody has deleted it`);
      else assert(present >= version, `${key} went back from ${version} to ${present}`);
    }
    return now;
  }

  /** The computer's clock was set: from now on the last sync may be as much earlier. */
  allowClockStep(ms: number): void {
    this.#lastSyncMs += Math.min(0, ms);
  }

  /** The cache was reset, or the server's database was: what it holds may differ from what it held, also go back. */
  forget(): void {
    this.#before = null;
    this.#lastSyncMs = -Infinity;
  }
}

export interface Settlement {
  readonly ledger: Ledger;
  /** Of the owner, straight at the server. */
  readonly client: Client;
  /** The cache files of desktops of people who see everything. */
  readonly files: readonly string[];
  /** The digests that the desktops have, where they can be asked. */
  readonly digests?: readonly Reply['body']['digest'][];
  /** Looks at the server's records, and at what it keeps beside them. */
  readonly store?: { readonly store: Store; readonly accountId: string; readonly nowMs: () => number };
}

/** Every desktop equals the server, the server equals the log, and nothing was made twice or without being asked for. */
export async function assertSettled({ ledger, client, files, digests = [], store }: Settlement): Promise<void> {
  const served = new NaiveCache();
  const { pages, last } = await client.pullAll('limit=5000');
  for (const page of pages) served.apply(page);
  const digest = withoutEmpty(last.body.digest);
  assert.deepEqual(served.digest(), digest, 'the server holds what its digest says');
  ledger.model.assertHeldBy(served.records);
  assertMadeOnce(served.records, ledger);
  assertNumbered(served.records);
  assertBalanced(served.records);
  for (const file of files) {
    const rows = readRows(file);
    assertSameRows(rows, served.records);
    const held = new NaiveCache();
    for (const [key, record] of rows) held.records.set(key, record);
    assert.deepEqual(held.digest(), digest);
  }
  for (const held of digests) assert.deepEqual(withoutEmpty(held), digest);
  if (!store) return;
  const found: string[] = [];
  const { nowMs, accountId } = store;
  const code = await runVerify(store.store, { fixes: false, account: accountId }, { nowMs, write: (line) => found.push(line) });
  assert.equal(code, 0, found.join(''));
}

/** Every record that bears somebody's mark was asked for, and there is one of it. */
function assertMadeOnce(records: ReadonlyMap<string, HeldRecord>, { asked }: Ledger): void {
  const marks = new Set<string>();
  for (const { collection, text } of records.values()) {
    const payload = JSON.parse(text) as { name?: string; kind?: string; lines?: readonly { description: string }[] };
    // A credit note has the lines of its invoice.
    const mark = payload.kind === 'credit_note' ? undefined : collection === 'invoices' ? payload.lines?.[0]?.description : payload.name;
    if (mark === undefined || !mark.includes(' made ')) continue;
    assert(asked.has(mark), `nobody asked for "${mark}"`);
    assert(!marks.has(mark), `"${mark}" was made twice`);
    marks.add(mark);
  }
}

/** No invoice number is given twice or left out, as far as the numbered invoices, which nobody can delete, show. */
function assertNumbered(records: ReadonlyMap<string, HeldRecord>): void {
  const series = new Map<string, number[]>();
  for (const { collection, text } of records.values()) {
    const { number } = JSON.parse(text) as { number?: string };
    if (collection !== 'invoices' || number === undefined) continue;
    const [, name = '', count = ''] = /^(.*-)(\d+)$/.exec(number) ?? [];
    series.set(name, [...series.get(name) ?? [], Number(count)]);
  }
  for (const [name, counts] of series) {
    const sorted = counts.sort((a, b) => a - b);
    assert.deepEqual(sorted, sorted.map((_, index) => index + 1), `${name} has gaps or repeats`);
  }
}

/** What an invoice was paid is the sum of its payments, and what it was credited that of its issued credit notes. */
function assertBalanced(records: ReadonlyMap<string, HeldRecord>): void {
  const invoices = [...records].filter(([, { collection }]) => collection === 'invoices')
    .map(([key, { text }]) => [key.split(' ')[1] ?? '', JSON.parse(text) as Invoice] as const);
  const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);
  for (const [id, { paidMinor, creditedMinor, payments }] of invoices) {
    assert.equal(paidMinor, sum(payments.map(({ amountMinor }) => amountMinor)), id);
    const credits = invoices.filter(([, { creditedId, status }]) => creditedId === id && status !== 'draft');
    assert.equal(creditedMinor, sum(credits.map(([, { totalMinor }]) => totalMinor)), id);
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
