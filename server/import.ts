// `node server.ts import [<file>]`: brings an account from a file (account-file.ts) into the database.
//
// Invariants: every line is checked, and the account becomes visible in one transaction once all of them are right: until then, and
// after a failure or a kill, nobody can sign in to it, and the import can be repeated. Ids, instants and payloads are kept byte for byte.
// Memory holds a batch, the account's users, what was credited, and the ids that are deleted, or referred to before they come.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { isUtf8 } from 'node:buffer';

import { EPOCH, formatInstant, instantFromMs, type Instant } from '../shared/clock.ts';
import { findCollection, type Collection } from '../shared/collections.ts';
import { addCrc, digestDifferences, emptyDigest, recordCrc, type CollectionDigest } from '../shared/digest.ts';
import { AppError, hasSystemCode } from '../shared/errors.ts';
import { isId, type JsonObject } from '../shared/fields.ts';
import { noCounts, parseLine, type Counts, type FileAccount, type FileLine } from './account-file.ts';
import { adminEntry } from './audit.ts';
import { ConfigError } from './config.ts';
import { issuedNumber } from './invoice-rules.ts';
import { referencesOf } from './records.ts';
import { newEpoch } from './store.ts';
import type { Address, HeldRecord, Importing, Store, StoredEntry, StoredReply } from './store.ts';
import {
  createCreditList, createSingleList, createUserList, fieldProblems, isFarAhead, isLaidOut, parsePayload, sameReferences, singleFaults,
} from './verify.ts';

const MAX_LINE_BYTES = 16 * 1024 * 1024;
const BATCH_SIZE = 500;
const BATCH_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;
/** How the first line of an exported account begins. */
const FIRST = '{"type":"account"';

export type ImportStore = Pick<Store, 'checkClock' | 'beginImport' | 'findAddress'>;

export interface Imported {
  readonly accountId: string;
  readonly counts: Counts;
  /** Whether the account keeps the epoch that it had. */
  readonly isMoved: boolean;
}

/** Throws `ConfigError` if the words are not the command's. Null: standard input. */
export function parseImport(args: readonly string[]): string | null {
  const [file = null, ...rest] = args;
  if (rest.length === 0 && !file?.startsWith('-')) return file;
  throw new ConfigError('Usage: node server.ts import [<file>], without a file from standard input');
}

/**
 * The content of a file (null: of `input`), whose beginning is checked here: before a database is opened, which would create one.
 * Throws `ConfigError` if it cannot be read or does not begin as an exported account does.
 */
export async function openFile(file: string | null, input: AsyncIterable<Buffer>): Promise<AsyncIterable<Buffer>> {
  const source = (file === null ? input : createReadStream(file))[Symbol.asyncIterator]();
  const name = file ?? 'Standard input';
  const first = await source.next().catch((error: unknown) => { throw unreadable(error, name); });
  if (first.done === true) throw new ConfigError(`${name} is empty. Nothing was imported.`);
  const line = first.value.toString('latin1').split('\n', 1)[0] ?? '';
  if (line.startsWith('\xef\xbb\xbf') || line.endsWith('\r')) {
    throw new ConfigError(`${name} was changed by an editor or a transfer: copy it as binary. Nothing was imported.`);
  }
  // A pipe may give less than a line at first.
  if (!FIRST.startsWith(line.slice(0, FIRST.length))) throw new ConfigError(`${name} is not an exported account. Nothing was imported.`);
  return (async function* () {
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => source };
  })();
}

/**
 * Runs the command and returns the sentence to print. Throws `ConfigError` if the file cannot be read to its end, and like `importAccount`.
 */
export async function runImport(store: Store, file: string | null, nowMs: () => number, input: AsyncIterable<Buffer>): Promise<string> {
  try {
    const { accountId, counts, isMoved } = await importAccount(store, input, nowMs);
    const desktops = isMoved ? 'Desktops go on from where they are.' : 'Every desktop of it pulls everything again, once.';
    const say = (number: number, one: string, several: string): string => `${number} ${number === 1 ? one : several}`;
    return `Imported the account ${accountId}: ${say(counts.records, 'record', 'records')}, `
      + `${say(counts.tombstones, 'deletion', 'deletions')} and ${say(counts.entries, 'entry', 'entries')} of the audit trail. `
      + `Its users sign in again. ${desktops}`;
  } catch (error) {
    throw unreadable(error, file ?? 'Standard input');
  }
}

/** For a failed system call the sentence about it, otherwise the error itself. */
export function unreadable(error: unknown, name: string): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error;
  const reason = hasSystemCode(error, 'ENOENT') ? 'there is no such file' : hasSystemCode(error, 'EISDIR') ? 'it is a folder'
    : hasSystemCode(error, 'EACCES', 'EPERM') ? 'this user may not' : String('code' in error ? error.code : error.message);
  return new ConfigError(`${name} cannot be read: ${reason}. Nothing was imported.`, { cause: error });
}

/**
 * Throws `ConfigError` with the line's number for a file that is not right, and `conflict` if the account exists or somebody has one of
 * its addresses; what was added is removed then.
 */
export async function importAccount(store: ImportStore, input: AsyncIterable<Buffer>, nowMs: () => number): Promise<Imported> {
  // The import's entry in the audit trail will be stamped.
  await store.checkClock();
  const hash = createHash('sha256');
  let account: AccountImport | null = null;
  let counts: Counts | null = null;
  let lineNumber = 0;
  try {
    for await (const bytes of readLines(input)) {
      lineNumber += 1;
      const line = isUtf8(bytes) ? parseLine(bytes.toString('utf8')) : 'it is not UTF-8';
      if (typeof line === 'string') throw new Refusal(line);
      const isInPlace = counts === null && (account === null) === (line.type === 'account');
      if (!isInPlace) throw new Refusal(`a line of the type ${line.type} has no place here`);
      if (line.type === 'account') account = await openImport(store, line.account, nowMs());
      else if (line.type !== 'end') await account?.take(line);
      else if (line.sha256 === hash.digest('hex')) counts = line.counts;
      else throw new Refusal('the file was changed: its SHA-256 differs');
      if (!counts) hash.update(bytes);
    }
    if (!account || !counts) throw new Refusal('the file was cut: its last line is missing');
    return await account.publish(counts, nowMs());
  } catch (error) {
    // Whatever is left then is removed by the next import of the account.
    await account?.discard().catch(() => {});
    throw error instanceof Refusal ? new ConfigError(`Line ${lineNumber}: ${error.message}. Nothing was imported.`) : error;
  }
}

/** What is wrong with a line. */
class Refusal extends Error {}

async function openImport(store: ImportStore, account: FileAccount, nowMs: number): Promise<AccountImport> {
  const { clock, horizon, accountId } = account;
  if (horizon > clock || isFarAhead(clock, nowMs)) throw new Refusal('its clock cannot be right');
  return new AccountImport(store, await store.beginImport(accountId), account);
}

/** The kinds of lines in their order. */
const order: readonly (readonly FileLine['type'][])[] = [['record', 'tombstone'], ['address'], ['reply'], ['audit']];

/** One account after its first line. */
class AccountImport {
  readonly #store: ImportStore;
  readonly #importing: Importing;
  readonly #account: FileAccount;
  readonly #counts = { ...noCounts };
  readonly #digest: Record<string, CollectionDigest> = {};
  readonly #issued = new Map<string, number>();
  readonly #users = createUserList();
  readonly #singles = createSingleList();
  readonly #credits = createCreditList();
  readonly #addresses: Address[] = [];
  readonly #deleted = new Set<string>();
  /** The ids that the records of this batch refer to, by collection. */
  readonly #wanted = new Map<string, Set<string>>();
  /** Those that records of earlier batches refer to and that have not come yet. */
  readonly #awaited = new Map<string, Set<string>>();
  #place = 0;
  #at = EPOCH;
  #lastKey = '';
  #lastNumber = 0;
  #records: HeldRecord[] = [];
  #recordBytes = 0;
  #replies: StoredReply[] = [];
  #entries: StoredEntry[] = [];

  constructor(store: ImportStore, importing: Importing, account: FileAccount) {
    this.#store = store;
    this.#importing = importing;
    this.#account = account;
  }

  /** Checks a line and adds what it says, in batches. */
  async take(line: Exclude<FileLine, { readonly type: 'account' | 'end' }>): Promise<void> {
    const place = order.findIndex((types) => types.includes(line.type));
    if (place < this.#place) throw new Refusal(`a line of the type ${line.type} has no place here`);
    this.#place = place;
    switch (line.type) {
      case 'record': case 'tombstone':
        this.#takeRecord(line.record);
        break;
      case 'address':
        await this.#takeAddress(line.address);
        break;
      case 'reply':
        this.#takeReply(line.reply);
        break;
      case 'audit':
        this.#takeEntry(line.entry);
        break;
    }
    const waiting = this.#records.length + this.#replies.length + this.#entries.length;
    if (waiting >= BATCH_SIZE || this.#recordBytes >= BATCH_BYTES) await this.#flush();
  }

  /** Checks what only the end shows, and publishes the account. */
  async publish(counts: Counts, nowMs: number): Promise<Imported> {
    const { accountId, clock, digest, numbers, audited, epoch } = this.#account;
    await this.#flush();
    for (const [collection, ids] of this.#awaited) await this.#requireAll(collection, [...ids]);
    const wrong = digestDifferences(digest, this.#digest);
    if (wrong.length > 0) throw new Refusal(`the digest of the first line is not that of the records (${wrong.join(', ')})`);
    for (const [series, count] of this.#issued) {
      if (count > (numbers[series] ?? 0)) throw new Refusal(`the series ${series} of the first line is behind its invoices`);
    }
    const { missing, stray } = this.#users.compare(this.#addresses);
    for (const { email } of [...missing, ...stray]) throw new Refusal(`the address ${email} is not that of its user`);
    for (const text of singleFaults(this.#singles.all)) throw new Refusal(text);
    for (const { id } of this.#credits.wrong()) throw new Refusal(`what invoices ${id} was credited is not what its credit notes come to`);
    const names = Object.keys(this.#counts) as (keyof Counts)[];
    const miscounted = names.find((name) => counts[name] !== this.#counts[name]);
    if (miscounted) throw new Refusal(`the last line says ${counts[miscounted]} ${miscounted}, not ${this.#counts[miscounted]}`);
    const at = Math.max(clock, instantFromMs(nowMs)) as Instant;
    await this.#importing.addEntries([{ number: audited + 1, at, entry: adminEntry('import') }]);
    await this.#importing.publish({ ...this.#account, epoch: epoch ?? newEpoch(), audited: audited + 1 }, this.#addresses);
    return { accountId, counts, isMoved: epoch !== null };
  }

  discard(): Promise<void> {
    return this.#importing.discard();
  }

  #takeRecord(record: HeldRecord & { readonly at: Instant }): void {
    const { collection: name, id, at, payload: text } = record;
    const collection = findCollection(name);
    if (!collection) throw new Refusal(`there is no collection ${name}`);
    if (!isId(id)) throw new Refusal('its id is not 24 hexadecimal digits');
    if (at <= this.#at) throw new Refusal('it is not later than the line before');
    if (at > this.#account.clock) throw new Refusal('it is later than the clock of the first line');
    if (this.#deleted.has(`${name} ${id}`)) throw new Refusal('it exists and is marked as deleted');
    this.#at = at;
    if (text === null) {
      this.#deleted.add(`${name} ${id}`);
      this.#counts.tombstones += 1;
    } else {
      const payload = checkPayload(record, collection, text);
      this.#users.add(record, payload);
      this.#singles.add(record);
      this.#credits.add(record, payload);
      this.#digest[name] = addCrc(this.#digest[name] ?? emptyDigest, recordCrc(id, formatInstant(at), text));
      const number = name === 'invoices' ? issuedNumber(payload) : null;
      if (number) this.#issued.set(number.series, Math.max(number.count, this.#issued.get(number.series) ?? 0));
      for (const [, to, target] of referencesOf(collection, payload)) {
        this.#wanted.set(to, (this.#wanted.get(to) ?? new Set()).add(target));
      }
      this.#counts.records += 1;
      this.#recordBytes += text.length;
    }
    this.#records.push(record);
  }

  async #takeAddress(address: Address): Promise<void> {
    if (this.#addresses.some(({ email }) => email === address.email)) throw new Refusal('the address is there twice');
    if (await this.#store.findAddress(address.email)) {
      throw new AppError('conflict', `The address ${address.email} is already in use in this database. Nothing was imported.`);
    }
    this.#addresses.push(address);
    this.#counts.addresses += 1;
  }

  #takeReply(reply: StoredReply): void {
    if (reply.key <= this.#lastKey) throw new Refusal('its key is not after that of the line before');
    this.#lastKey = reply.key;
    this.#replies.push(reply);
    this.#counts.replies += 1;
  }

  #takeEntry(entry: StoredEntry): void {
    // A gap means that somebody removed entries by hand, and stays visible.
    const isInOrder = entry.number > this.#lastNumber && entry.number <= this.#account.audited;
    if (!isInOrder) throw new Refusal('it is not the next entry of the audit trail');
    this.#lastNumber = entry.number;
    this.#entries.push(entry);
    this.#counts.entries += 1;
  }

  async #flush(): Promise<void> {
    const [records, replies, entries] = [this.#records, this.#replies, this.#entries];
    this.#records = [];
    this.#recordBytes = 0;
    this.#replies = [];
    this.#entries = [];
    if (records.length > 0) {
      for (const [name, deleted] of Map.groupBy(records.filter(({ payload }) => payload === null), ({ collection }) => collection)) {
        const found = await this.#importing.existing(name, deleted.map(({ id }) => id));
        for (const id of found) throw new Refusal(`${name} ${id} exists and is marked as deleted`);
      }
      await this.#importing.addRecords(records);
      await this.#noteAwaited();
    }
    if (replies.length > 0) await this.#importing.addReplies(replies);
    if (entries.length > 0) await this.#importing.addEntries(entries);
  }

  /** Notes which of the records that were referred to since the last batch have not come yet. */
  async #noteAwaited(): Promise<void> {
    for (const [to, ids] of this.#wanted) {
      const found = await this.#importing.existing(to, [...ids]);
      const awaited = this.#awaited.get(to) ?? new Set();
      for (const id of ids) if (!found.has(id)) awaited.add(id);
      this.#awaited.set(to, awaited);
    }
    this.#wanted.clear();
  }

  async #requireAll(collection: string, ids: readonly string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += BATCH_SIZE) {
      const batch = ids.slice(from, from + BATCH_SIZE);
      const found = await this.#importing.existing(collection, batch);
      const missing = batch.find((id) => !found.has(id));
      if (missing !== undefined) throw new Refusal(`the file has no ${collection} ${missing}, to which one of its records refers`);
    }
  }
}

/** The payload of a record that is as `verify` wants it. */
function checkPayload(record: HeldRecord, collection: Collection, text: string): JsonObject {
  const payload = parsePayload(text);
  if (!payload || !isLaidOut(text)) throw new Refusal('its payload is not the JSON of an object, on one line');
  const [wrong] = fieldProblems(collection, payload);
  if (wrong !== undefined) throw new Refusal(`its field ${wrong}`);
  if (!sameReferences(record, collection, payload)) throw new Refusal('its references are not those of its payload');
  if (record.secret !== null && !parsePayload(record.secret)) throw new Refusal('its secret is not the JSON of an object');
  return payload;
}

/** The lines of a file, each with its line feed; the last one may have none. */
async function* readLines(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      yield Buffer.concat([...rest, chunk.subarray(start, end + 1)]);
      rest = [];
      restBytes = 0;
      start = end + 1;
    }
    rest.push(chunk.subarray(start));
    restBytes += chunk.length - start;
    if (restBytes > MAX_LINE_BYTES) throw new ConfigError('A line is longer than any record can be. Nothing was imported.');
  }
  if (restBytes > 0) yield Buffer.concat(rest);
}
