// Brings the documents of another program into an account, again and again: what `adopt` does once and `WATCH=1` goes on with.
//
// Invariants: the other program's database is only read. What is written is what a document says now, not what an event said, so doing
// it again or in another order ends the same; a record that would not change is not stamped. Only records that came from a document are
// deleted when it is gone (adopted.ts); while a document does not fit, its record stays as it last did. Each transaction holds the
// account's clock and then checks that the lease is still this process's, so a process that was stopped for long cannot write what it
// read before another one took over.

import type { Db, Document, Filter, MongoClient } from 'mongodb';

import type { Instant } from '../../shared/clock.ts';
import { collections } from '../../shared/collections.ts';
import { AppError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { adminEntry, changedFields } from '../audit.ts';
import { sameFields } from '../author.ts';
import type { MappedCollection, Mapping } from '../mapping.ts';
import { referencesOf, toContent } from '../records.ts';
import type { Mending, Store, StoredRecord } from '../store.ts';
import { userRules } from '../user-rules.ts';
import { AdoptedList, type AdoptedDocument } from './adopted.ts';
import { checkDocument, createConverter, sourceFields, toId, type Converter } from './convert.ts';
import { exactTypes, toHeldRecord, type LooseDocument } from './holdings.ts';
import { takeForeignInvoice } from './foreign-invoice.ts';
import { assignNumbers, InvoiceNumbers, numberOf, raiseNumbers } from './invoice-numbers.ts';
import { majorityRead, openTables, toInstant, type Tables } from './schema.ts';

/** Documents of one transaction. */
const BATCH_SIZE = 200;
/** Documents that are tried again together. */
const RETRIED = 500;
/** Changes by others between reading and writing a batch; past them it is read again. */
const MAX_CHANGES = 1000;

export interface AdoptionDeps {
  readonly client: MongoClient;
  readonly store: Pick<Store, 'mend'>;
  readonly databaseName: string;
  readonly mapping: Mapping;
  readonly accountId: string;
  /** `adopt` or `watch`, for the audit trail. */
  readonly action: string;
  /** Throws if another process has taken over. */
  readonly requireLease: () => Promise<void>;
  /** Called for each document that does not fit, and for totals that differ. */
  readonly report: (what: Finding) => void;
}

export interface Finding {
  readonly kind: 'problem' | 'difference';
  readonly collection: string;
  readonly sourceId: unknown;
  readonly text: string;
}

export interface AdoptionCounts {
  changed: number;
  removed: number;
  problems: number;
}

const noCounts: Readonly<AdoptionCounts> = { changed: 0, removed: 0, problems: 0 };

/** A document by its key. */
export interface NamedDocument {
  readonly sourceId: unknown;
  /** The database said that it was deleted. One that merely is not there may have been dropped with its collection. */
  readonly isDeleted: boolean;
}

interface Incoming {
  readonly id: string;
  readonly sourceId: unknown;
  /** Null: the document is gone. */
  readonly document: Document | null;
}

export class Adoption {
  readonly #deps: AdoptionDeps;
  readonly #tables: Tables;
  readonly #source: Db;
  readonly #convert: Converter;
  readonly #adopted: AdoptedList;
  readonly #numbers: InvoiceNumbers;
  /**
   * The differences reported during a look at every document. What does not fit is then reported at the end: a document may give up a
   * number that an earlier one has now.
   */
  #reported: Set<string> | null = null;

  constructor(deps: AdoptionDeps) {
    this.#deps = deps;
    this.#tables = openTables(deps.client.db(deps.databaseName));
    this.#source = deps.client.db(deps.mapping.database);
    this.#convert = createConverter(deps.mapping);
    this.#adopted = new AdoptedList(this.#tables.db, { accountId: deps.accountId, database: deps.mapping.database });
    this.#numbers = new InvoiceNumbers(this.#tables, deps.accountId);
  }

  /**
   * Takes over every document, and deletes what has none any more, unless `keepsGone`. `isComplete` is false if records stay because
   * their collection is empty.
   */
  async scan({ keepsGone = false } = {}): Promise<AdoptionCounts & { readonly isComplete: boolean }> {
    const counts = { ...noCounts, isComplete: true };
    const removeGone = async (mapped: MappedCollection): Promise<void> => {
      const { isComplete, ...removed } = await this.#removeGone(mapped);
      add(counts, removed);
      counts.isComplete &&= isComplete;
    };
    this.#reported = new Set();
    const { collections: mappings } = this.#deps.mapping;
    // Only credit notes refer to invoices, and deleted ones may hold numbers that others have now.
    const isFirst = ({ collection }: MappedCollection): boolean => collection.name === 'invoices';
    for (const mapped of keepsGone ? [] : mappings.filter(isFirst)) await removeGone(mapped);
    for (const mapped of mappings) {
      const options = { ...majorityRead, sort: { _id: 1 }, batchSize: BATCH_SIZE, projection: sourceFields(mapped) } as const;
      const cursor = this.#source.collection(mapped.from).find({}, options);
      for (let batch: Document[] = []; ;) {
        const document = await cursor.next();
        if (document) batch.push(document);
        if (document && batch.length < BATCH_SIZE) continue;
        if (batch.length > 0) add(counts, await this.#take(mapped, batch.map((found) => this.#incoming(found['_id'], found))));
        if (!document) break;
        batch = [];
      }
    }
    for (const mapped of keepsGone ? [] : mappings.toReversed()) if (!isFirst(mapped)) await removeGone(mapped);
    // Backward and forward in turn, as long as that helps: what some refer to, or their numbers, may have come after them.
    for (let [isBackward, vain] = [true, 0]; vain < 2 && counts.problems > 0; isBackward = !isBackward) {
      const before = counts.changed;
      counts.problems = 0;
      let tried = await this.retry('', isBackward);
      for (add(counts, tried); tried.place !== ''; add(counts, tried)) tried = await this.retry(tried.place, isBackward);
      vain = counts.changed > before ? 0 : vain + 1;
    }
    this.#reported = null;
    for await (const { collection, sourceId, problem } of this.#adopted.allProblems()) {
      this.#reportProblem(collection, sourceId, problem ?? '');
    }
    return counts;
  }

  /** Takes over what these documents are now, or that they were deleted. `from` is a collection of the other program. */
  async refresh(named: ReadonlyMap<string, readonly NamedDocument[]>): Promise<AdoptionCounts> {
    type Batch = readonly [mapped: MappedCollection, incoming: readonly Incoming[]];
    const [present, gone, goneInvoices]: [Batch[], Batch[], Batch[]] = [[], [], []];
    for (const mapped of this.#deps.mapping.collections) {
      const all = named.get(mapped.from) ?? [];
      for (let start = 0; start < all.length; start += BATCH_SIZE) {
        const batch = all.slice(start, start + BATCH_SIZE);
        const [filter, options] = [byKeys(batch.map(({ sourceId }) => sourceId)), { ...majorityRead, projection: sourceFields(mapped) }];
        const documents = await this.#source.collection(mapped.from).find(filter, options).toArray();
        const incoming = documents.map((document) => this.#incoming(document['_id'], document));
        const found = new Set(incoming.map(({ id }) => id));
        const deleted = batch.filter(({ isDeleted }) => isDeleted).map(({ sourceId }) => this.#incoming(sourceId, null));
        present.push([mapped, incoming]);
        // Those that refer to others come first.
        const missing = deleted.filter(({ id }) => !found.has(id));
        (mapped.collection.name === 'invoices' ? goneInvoices : gone).unshift([mapped, missing]);
      }
    }
    // Only credit notes refer to invoices, and deleted ones may hold numbers that others have now.
    const counts = { ...noCounts };
    for (const [mapped, incoming] of [...goneInvoices, ...present, ...gone]) add(counts, await this.#take(mapped, incoming));
    return counts;
  }

  /**
   * Tries again some documents that did not fit, from the one after the place `after`, as what they refer to may be there now. `place` is
   * where it stopped, or '' after the last; '' is also where a round begins. A round may go backward.
   */
  async retry(after: string, isBackward = false): Promise<AdoptionCounts & { readonly place: string }> {
    const found = await this.#adopted.problems(after, { limit: RETRIED, isBackward });
    const named = new Map(this.#deps.mapping.collections.map(({ collection, from }) => {
      const own = found.filter((entry) => entry.collection === collection.name);
      return [from, own.map(({ sourceId, problem }) => ({ sourceId, isDeleted: problem?.startsWith(deletedThere) === true }))] as const;
    }));
    return { ...await this.refresh(named), place: found.length < RETRIED ? '' : found.at(-1)?._id ?? '' };
  }

  /** If a collection is empty, nothing is deleted: it was probably dropped or renamed. */
  async #removeGone(mapped: MappedCollection): Promise<AdoptionCounts & { readonly isComplete: boolean }> {
    const counts = { ...noCounts, isComplete: true };
    const source = this.#source.collection(mapped.from);
    const entries = this.#adopted.of(mapped.collection.name).batchSize(BATCH_SIZE);
    for (let batch: AdoptedDocument[] = []; ;) {
      const entry = await entries.next();
      if (entry) batch.push(entry);
      if (entry && batch.length < BATCH_SIZE) continue;
      const keys = batch.map(({ sourceId }) => sourceId);
      const found = await source.find(byKeys(keys), { ...majorityRead, projection: { _id: 1 } }).toArray();
      const present = new Set(found.map(({ _id }) => toId(this.#deps.mapping.database, _id)));
      const gone = batch.filter(({ recordId }) => !present.has(recordId)).map(({ sourceId }) => this.#incoming(sourceId, null));
      // Checked after the documents, because the collection may be dropped at any time.
      if (gone.length > 0 && await source.findOne({}, { ...majorityRead, projection: { _id: 1 } }) === null) {
        return { ...counts, isComplete: false };
      }
      add(counts, await this.#take(mapped, gone));
      if (!entry) return counts;
      batch = [];
    }
  }

  /** One batch of one collection. Users go one by one, so that an address that is taken does not hold up the others. */
  async #take(mapped: MappedCollection, incoming: readonly Incoming[]): Promise<AdoptionCounts> {
    if (incoming.length === 0) return { ...noCounts };
    const { name } = mapped.collection;
    const before = await this.#adopted.register(name, incoming);
    const problems = new Map<string, string>();
    const written = { ...noCounts };
    const groups = name === 'users' ? incoming.map((one) => [one]) : [incoming];
    for (const group of groups) add(written, await this.#write(mapped, group, problems));
    await this.#adopted.note(name, incoming, before, problems, (sourceId, text) =>
      this.#reported || this.#reportProblem(name, sourceId, text));
    return { ...written, problems: problems.size };
  }

  /** Notes what does not fit in `problems`. */
  async #write(mapped: MappedCollection, incoming: readonly Incoming[], problems: Map<string, string>): Promise<AdoptionCounts> {
    try {
      const { found, changed, removed } = await this.#writeOnce(mapped, incoming);
      for (const [id, text] of found) problems.set(id, text);
      return { changed, removed, problems: 0 };
    } catch (error) {
      const isRefused = error instanceof AppError && (error.code === 'conflict' || error.code === 'invalid_request');
      if (!isRefused) throw error;
      const [only] = incoming;
      if (only && incoming.length === 1) {
        const text = error.message.replace(/\.$/, '');
        problems.set(only.id, only.document ? text : `${deletedThere}, and stays here: ${text}`);
        return { ...noCounts };
      }
      const counts = { ...noCounts };
      for (const one of incoming) add(counts, await this.#write(mapped, [one], problems));
      return counts;
    }
  }

  async #writeOnce(mapped: MappedCollection, incoming: readonly Incoming[]): Promise<Written> {
    const { accountId, store, requireLease } = this.#deps;
    const wanted = this.#wanted(mapped, incoming);
    const gone = incoming.filter(({ document }) => document === null).map(({ id }) => id);
    const numbers = this.#numbersOf(mapped, incoming);
    for (;;) {
      const { clock, records, deleted, referenced, holders } = await this.#read(wanted, mapped.collection.name, gone, numbers);
      const written = await store.mend(accountId, async (mending) => {
        await requireLease();
        const changes = await mending.heldAfter(clock, MAX_CHANGES);
        if (changes.length === MAX_CHANGES) return null;
        const current = new Map(records);
        for (const { collection, id, at, payload, ...rest } of changes) {
          const key = `${collection} ${id}`;
          for (const target of rest.references) referenced.add(target);
          const number = collection === 'invoices' && payload !== null ? numberOf(payload) : null;
          if (number !== null) holders.set(number, id);
          if (payload === null && collection === mapped.collection.name) deleted.add(id);
          if (payload === null || at === null) current.delete(key);
          else if (wanted.get(collection)?.has(id)) current.set(key, { collection, id, at, payload, ...rest });
        }
        return this.#apply(mending, mapped, incoming, { current, deleted, referenced, holders });
      });
      if (written) return written;
    }
  }

  /** Everything that a batch may have to look at: the records and what they refer to. */
  #wanted({ collection, rules }: MappedCollection, incoming: readonly Incoming[]): Map<string, Set<string>> {
    const wanted = new Map([[collection.name, new Set(incoming.map(({ id }) => id))]]);
    for (const { document } of incoming) {
      if (!document) continue;
      const { fields } = this.#convert({ collection, rules, from: '' }, document);
      for (const [, to, id] of referencesOf(collection, fields)) wanted.set(to, (wanted.get(to) ?? new Set()).add(id));
    }
    return wanted;
  }

  /** The numbers of these invoices. */
  #numbersOf(mapped: MappedCollection, incoming: readonly Incoming[]): readonly string[] {
    if (mapped.collection.name !== 'invoices') return [];
    const found = incoming.map(({ document }) => (document ? this.#convert(mapped, document).fields['number'] : null));
    return found.filter((number) => typeof number === 'string');
  }

  /** Records as they are, which of those to delete others refer to, who has the numbers, and a clock that none of this is older than. */
  async #read(
    wanted: ReadonlyMap<string, ReadonlySet<string>>, name: string, gone: readonly string[], numbers: readonly string[],
  ): Promise<{ clock: Instant } & Omit<Present, 'current'> & { records: Map<string, StoredRecord> }> {
    const { accountId, client } = this.#deps;
    // One session: what it reads later is not older than what it read first, even from another member.
    await using session = client.startSession();
    const account = await this.#tables.accounts.findOne({ _id: accountId }, { ...majorityRead, session, projection: { clock: 1 } });
    if (!account) throw new AppError('not_found', `There is no account ${accountId} any more.`);
    const records = new Map<string, StoredRecord>();
    for (const [collection, ids] of wanted) {
      const filter = { _id: { $in: [...ids] }, accountId };
      const options = { ...majorityRead, session, ...exactTypes };
      const found = await this.#tables.records(collection).find<LooseDocument>(filter, options).toArray();
      for (const held of found.map((document) => toHeldRecord(collection, document))) {
        const { at, payload } = held;
        if (at !== null && payload !== null) records.set(`${collection} ${held.id}`, { ...held, at, payload });
      }
    }
    const referenced = new Set<string>();
    for (const other of gone.length > 0 ? referrersOf(name) : []) {
      const options = { ...majorityRead, session, projection: { references: 1 } };
      for await (const { references } of this.#tables.records(other).find({ accountId, references: { $in: [...gone] } }, options)) {
        for (const target of references) referenced.add(target);
      }
    }
    const tombstones = this.#tables.tombstones.find(
      { accountId, collection: name, recordId: { $in: [...wanted.get(name) ?? []] } }, { ...majorityRead, session });
    const deleted = new Set((await tombstones.toArray()).map(({ recordId }) => recordId));
    return { clock: toInstant(account.clock), records, deleted, referenced, holders: await this.#numbers.holders(numbers, session) };
  }

  async #apply(
    mending: Mending, mapped: MappedCollection, incoming: readonly Incoming[], { current, deleted, referenced, holders }: Present,
  ): Promise<Written> {
    const { collection } = mapped;
    const { action } = this.#deps;
    const written: Written = { found: new Map(), changed: 0, removed: 0 };
    const payloads = new Map<string, JsonObject>();
    for (const { id, sourceId, document } of incoming) {
      if (!document) continue;
      const previous = current.get(`${collection.name} ${id}`) ?? null;
      const payload = await this.#payloadOf(mending, mapped, { id, sourceId, document }, previous, current);
      if (typeof payload === 'string') written.found.set(id, payload);
      else payloads.set(id, payload);
    }
    const numbers = [...payloads].map(([id, { number }]) => [id, typeof number === 'string' ? number : null] as const);
    for (const [id, text] of collection.name === 'invoices' ? assignNumbers(new Map(numbers), holders) : []) {
      written.found.set(id, text);
      payloads.delete(id);
    }
    for (const one of incoming) {
      const previous = current.get(`${collection.name} ${one.id}`) ?? null;
      if (!one.document) {
        if (!previous) continue;
        const kept = await this.#remove(mending, previous, referenced);
        if (kept === null) written.removed += 1;
        else written.found.set(one.id, kept);
        continue;
      }
      const payload = payloads.get(one.id);
      if (!payload) continue;
      const content = toContent(collection, payload, previous?.secret ?? null);
      if (previous && sameFields(previous.payload, content.payload)) continue;
      mending.put(collection.name, one.id, content, previous);
      // The document was deleted, and is there again under the same key.
      if (deleted.has(one.id)) mending.dropTombstone({ ...nothing, collection: collection.name, id: one.id });
      const subject = { collection: collection.name, record: one.id, fields: changedFields(previous, content) };
      mending.audit(adminEntry(action, subject));
      written.changed += 1;
    }
    if (collection.name === 'invoices') raiseNumbers(mending, [...payloads.values()]);
    return written;
  }

  /** The whole payload, or why there is none. Fields that the mapping does not have stay as they are here. */
  async #payloadOf(
    mending: Mending, mapped: MappedCollection, { id, sourceId, document }: Incoming & { readonly document: Document },
    previous: StoredRecord | null, current: ReadonlyMap<string, StoredRecord>,
  ): Promise<JsonObject | string> {
    const { collection } = mapped;
    const checked = checkDocument(this.#convert, mapped, document, previous && JSON.parse(previous.payload) as JsonObject);
    if (typeof checked === 'string') return checked;
    const { input, fields } = checked;
    for (const [field, to, target] of referencesOf(collection, input)) {
      if (!current.has(`${to} ${target}`)) return `${field} refers to one of the ${to} that is not here (${target})`;
    }
    try {
      if (collection.name === 'users') return await userRules.complete?.(mending, { id, input, previous }) ?? input;
      if (collection.name !== 'invoices') return input;
      const customer = JSON.parse(current.get(`customers ${String(input['customerId'])}`)?.payload ?? '{}') as JsonObject;
      const before = previous && JSON.parse(previous.payload) as JsonObject;
      const { payload, differences } = takeForeignInvoice({ id, input, fields, customer, previous: before });
      for (const text of differences) {
        if (!this.#reported?.has(`${id} ${text}`)) this.#deps.report({ kind: 'difference', collection: collection.name, sourceId, text });
        this.#reported?.add(`${id} ${text}`);
      }
      return payload;
    } catch (error) {
      if (error instanceof AppError && error.code !== 'unavailable') return error.message.replace(/\.$/, '');
      throw error;
    }
  }

  /** Null, or why the record stays. */
  async #remove(mending: Mending, record: StoredRecord, referenced: ReadonlySet<string>): Promise<string | null> {
    const { collection, id } = record;
    if (referenced.has(id)) return `${deletedThere}, and stays here because some ${referrersOf(collection).join(' or ')} refer to it`;
    if (collection === 'users') await userRules.remove?.(mending, record);
    mending.remove(record);
    mending.audit(adminEntry(this.#deps.action, { collection, record: id }));
    return null;
  }

  #reportProblem(collection: string, sourceId: unknown, text: string): void {
    this.#deps.report({ kind: 'problem', collection, sourceId, text });
  }

  #incoming(sourceId: unknown, document: Document | null): Incoming {
    return { id: toId(this.#deps.mapping.database, sourceId), sourceId, document };
  }
}

/** The account as a batch finds it. */
interface Present {
  /** By collection and id. */
  readonly current: ReadonlyMap<string, StoredRecord>;
  /** Those of the batch that have a tombstone. */
  readonly deleted: Set<string>;
  /** Ids to which records refer. */
  readonly referenced: Set<string>;
  /** The invoice of each number. */
  readonly holders: Map<string, string>;
}

/** How the report begins on a document that was deleted and whose record stays. */
const deletedThere = 'is deleted there';

/** A tombstone of any instant. */
const nothing = { at: null, payload: null, secret: null, references: [] } as const;

interface Written {
  readonly found: Map<string, string>;
  changed: number;
  removed: number;
}

function add(counts: AdoptionCounts, { changed, removed, problems }: AdoptionCounts): void {
  counts.changed += changed;
  counts.removed += removed;
  counts.problems += problems;
}

/** The other program's keys may be of any type. */
function byKeys(keys: readonly unknown[]): Filter<Document> {
  return { _id: { $in: [...keys] as never[] } };
}

/** The collections whose records can refer to one of this collection. */
function referrersOf(collection: string): readonly string[] {
  return collections.filter(({ fields }) => Object.values(fields).some((field) => field.kind === 'reference' && field.to === collection))
    .map(({ name }) => name);
}
