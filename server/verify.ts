// What must be true of an account in the database, and what is not: `node server.ts verify`, for after somebody has edited it by hand.
//
// Reads the account once, from one snapshot, and holds a batch of it at a time; only users and what was credited, which are few, are
// remembered. Nothing is taken for granted: a record that nobody could read any more is a finding, not an error.

import { EPOCH, formatInstant, instantFromMs, type Instant } from '../shared/clock.ts';
import { collections, findCollection, publishedFields, storedFields, type Collection } from '../shared/collections.ts';
import { addCrc, digestDifferences, emptyDigest, recordCrc, type CollectionDigest, type Digest } from '../shared/digest.ts';
import { checkFields, isId, isObject, type JsonObject } from '../shared/fields.ts';
import { noProblems } from '../shared/problems.ts';
import { isEpoch } from './account-file.ts';
import { addressKey } from './auth.ts';
import { MAX_SKEW_MS } from './clock-check.ts';
import { isSeries, numberProblem, takenNumber } from './invoice-rules.ts';
import { referencesOf } from './records.ts';
import type { Account, Address, HeldRecord, Holdings } from './store.ts';

/** Made once: every record is checked against them. */
const published = new Map(collections.map((collection) => [collection.name, storedFields(publishedFields(collection))]));

/** First what is wrong with a record, then with what is kept beside the records. */
export type FaultKind = 'instant' | 'layout' | 'undeleted' | 'references' | 'collection' | 'key' | 'payload' | 'fields' | 'secret'
  | 'dangling' | 'tombstone' | 'id' | 'member' | 'epoch' | 'digest' | 'clock' | 'horizon'
  | 'ahead' | 'series' | 'trail' | 'index' | 'address' | 'single' | 'credited';

export interface Fault {
  readonly kind: FaultKind;
  /** Null if it is a fault of the account. */
  readonly record: HeldRecord | null;
  /** What is wrong, in half a sentence that begins with what it is about. */
  readonly text: string;
}

/** What the records say about what is kept beside them. */
export interface Findings {
  readonly account: Account;
  /** Its members that cannot be read. */
  readonly unreadable: Holdings['unreadable'];
  readonly recordCount: number;
  readonly digest: Digest;
  /** The newest instant of a record or tombstone. */
  readonly newest: Instant;
  /** The highest number of each series. */
  readonly issued: Readonly<Record<string, number>>;
  readonly misfiled: number;
  /** The number of the newest audit entry. */
  readonly lastEntry: number;
  /** Addresses that the directory lacks, or has for another user. */
  readonly missing: readonly Address[];
  /** Addresses in the directory that are not their user's. */
  readonly stray: readonly Address[];
  /** The ids in each collection that must have exactly one record. */
  readonly singles: ReadonlyMap<string, readonly string[]>;
  readonly credits: readonly Credit[];
}

/** An invoice whose noted credit differs from what its issued credit notes come to. */
export interface Credit {
  readonly id: string;
  readonly notedMinor: number;
  readonly issuedMinor: number;
}

/** Reads an account. `onFaults` gets what is wrong with its records, batch by batch, and is waited for. */
export async function inspectHoldings(holdings: Holdings, onFaults: (faults: readonly Fault[]) => Promise<void>): Promise<Findings> {
  const digest: Record<string, CollectionDigest> = {};
  const issued: Record<string, number> = {};
  const users = createUserList();
  const singles = createSingleList();
  const credits = createCreditList();
  let recordCount = 0;
  let newest = EPOCH;
  let previousAt: Instant | null = null;
  for await (const batch of holdings.records()) {
    const faults: Fault[] = [];
    const payloads = new Map<HeldRecord, { readonly collection: Collection; readonly payload: JsonObject }>();
    for (const record of batch) {
      const { id, at, payload: text } = record;
      const collection = findCollection(record.collection);
      if (at === null || at === previousAt) {
        faults.push(about(record, text === null ? 'tombstone' : 'instant', 'has no instant of its own'));
      }
      previousAt = at ?? previousAt;
      if (at !== null && at > newest) newest = at;
      if (text === null) continue;
      recordCount += 1;
      if (!collection || !isId(id)) {
        faults.push(about(record, collection ? 'key' : 'collection', collection ? 'has a key that is no id' : 'is in no collection'));
        continue;
      }
      if (at !== null) digest[collection.name] = addCrc(digest[collection.name] ?? emptyDigest, recordCrc(id, formatInstant(at), text));
      const payload = parsePayload(text);
      users.add(record, payload);
      singles.add(record);
      if (!payload) {
        faults.push(about(record, 'payload', 'has a payload that is not JSON'));
        continue;
      }
      payloads.set(record, { collection, payload });
      credits.add(record, payload);
      const number = collection.name === 'invoices' ? takenNumber(payload) : null;
      if (number) issued[number.series] = Math.max(issued[number.series] ?? 0, number.count);
      faults.push(...payloadFaults(record, collection, payload));
    }
    faults.push(...await danglingReferences(holdings, payloads), ...await undeletedRecords(holdings, batch));
    if (faults.length > 0) await onFaults(faults);
  }
  const { missing, stray } = users.compare(await holdings.addresses());
  return {
    account: holdings.account, unreadable: holdings.unreadable, recordCount, digest, newest, issued, missing, stray,
    singles: singles.all, credits: credits.wrong(),
    misfiled: await holdings.misfiledReferences(), lastEntry: await holdings.lastEntry(),
  };
}

/** What is wrong with what is kept beside the records. */
export function accountFaults(
  { account, unreadable, digest, newest, issued, misfiled, lastEntry, missing, stray, singles, credits }: Findings, nowMs: number,
): readonly Fault[] {
  const { clock, horizon, numbers, audited } = account;
  const fault = (kind: FaultKind, text: string): Fault => ({ kind, record: null, text });
  const say = ({ count, sum } = emptyDigest): string => `${count} records with the sum ${sum}`;
  const last = Math.max(clock, newest) as Instant;
  return [
    ...(isId(account.accountId) ? [] : [fault('id', "the account's key is not an id")]),
    ...(isEpoch(account.epoch) ? [] : [fault('epoch', "the account's epoch is not 8 to 64 letters and digits")]),
    ...unreadable.map((member) => fault('member', `the account's ${member} cannot be read`)),
    ...digestDifferences(account.digest, digest).map((name) =>
      fault('digest', `${name}: the digest says ${say(account.digest[name])}, and there are ${say(digest[name])}`)),
    ...(newest > clock
      ? [fault('clock', `the clock shows ${formatInstant(clock)}, before the newest change of ${formatInstant(newest)}`)] : []),
    ...(isFarAhead(last, nowMs) ? [fault('ahead', `${isFarAhead(newest, nowMs) ? 'the newest change is of' : 'the clock shows'} `
      + `${formatInstant(last)}, which is after now, ${formatInstant(instantFromMs(nowMs))}`)] : []),
    ...(isHorizon(horizon, last) || unreadable.includes('horizon') ? []
      : [fault('horizon', `the horizon is at ${formatInstant(horizon)}, and not between 1970 and the clock`)]),
    ...Object.entries(issued).filter(([series, count]) => count > (numbers[series] ?? 0)).map(([series, count]) =>
      fault('series', `the series ${series} is at ${numbers[series] ?? 0}, and an invoice has number ${count} of it`)),
    ...Object.entries(numbers).filter(([series, count]) => !isSeries(series, count)).map(([series, count]) =>
      fault('series', `the series ${series} is at ${JSON.stringify(count)}, which no invoice can have`)),
    ...(lastEntry > audited ? [fault('trail', `the newest entry of the audit trail is said to be ${audited}, and is ${lastEntry}`)] : []),
    ...(misfiled > 0 ? [fault('index', `${misfiled} references are indexed otherwise than the records have them`)] : []),
    ...missing.map(({ email, userId }) => fault('address', `users ${userId} cannot sign in as ${email}: the directory does not say so`)),
    ...stray.map(({ email, userId }) => fault('address', `the directory has ${email} for users ${userId}, whose address it is not`)),
    ...singleFaults(singles).map((text) => fault('single', text)),
    ...credits.map(({ id, notedMinor, issuedMinor }) =>
      fault('credited', `invoices ${id} has creditedMinor ${notedMinor}, and its issued credit notes come to ${issuedMinor}`)),
  ];
}

/** What is wrong with the collections that have one record. */
export function singleFaults(singles: Findings['singles']): readonly string[] {
  return [...singles].filter(([, ids]) => ids.length !== 1).map(([name, ids]) =>
    `${name} has ${ids.length === 0 ? 'no record' : `${ids.length} records (${ids.join(', ')})`}, and needs one`);
}

/** Whether deletions up to there can have been pruned. */
export function isHorizon(horizon: Instant, clock: Instant): boolean {
  return horizon >= EPOCH && horizon <= clock;
}

/** Whether changes up to `newest` were stamped with a time that has not come. */
export function isFarAhead(newest: Instant, nowMs: number): boolean {
  return newest > instantFromMs(nowMs + MAX_SKEW_MS);
}

/** The payload as an object; null if it is not the JSON of one. */
export function parsePayload(text: string): JsonObject | null {
  try {
    const payload: unknown = JSON.parse(text);
    return isObject(payload) ? payload as JsonObject : null;
  } catch {
    return null;
  }
}

/** Whether the feed can send it: on one line, from brace to brace. */
export function isLaidOut(text: string): boolean {
  return text.startsWith('{') && text.endsWith('}') && !text.includes('\n');
}

export function sameReferences(record: Pick<HeldRecord, 'references'>, collection: Collection, payload: JsonObject): boolean {
  const targets = referencesOf(collection, payload).map(([, , id]) => id);
  return targets.length === record.references.length && targets.every((id) => record.references.includes(id));
}

/** What is wrong with the fields of a payload, each in half a sentence. */
export function fieldProblems({ name }: Collection, payload: JsonObject): readonly string[] {
  const problems = noProblems();
  checkFields(published.get(name) ?? {}, payload, problems);
  const number = name === 'invoices' ? numberProblem(payload) : null;
  const isMisnamed = name === 'invoices' && (payload['kind'] === 'credit_note') !== (payload['creditedId'] !== undefined);
  return [
    ...Object.entries(problems).map(([field, { message }]) => `${field} ${message}`),
    ...(number === null ? [] : [number]),
    ...(isMisnamed ? ['creditedId belongs to credit notes, and to all of them'] : []),
  ];
}

function payloadFaults(record: HeldRecord, collection: Collection, payload: JsonObject): Fault[] {
  const wrong = fieldProblems(collection, payload);
  return [
    ...(wrong.length > 0 ? [about(record, 'fields', `does not fit its collection: ${wrong.join(', ')}`)] : []),
    ...(record.secret === null || parsePayload(record.secret) ? [] : [about(record, 'secret', 'is kept with a secret that is not JSON')]),
    ...(isLaidOut(record.payload ?? '') ? [] : [about(record, 'layout', 'has a payload with line breaks or blanks around it')]),
    ...(sameReferences(record, collection, payload) ? [] : [about(record, 'references', 'is kept with other references than it has')]),
  ];
}

async function danglingReferences(
  { existing }: Holdings, payloads: ReadonlyMap<HeldRecord, { readonly collection: Collection; readonly payload: JsonObject }>,
): Promise<Fault[]> {
  const all = [...payloads].flatMap(([record, { collection, payload }]) =>
    referencesOf(collection, payload).map(([field, to, id]) => ({ record, field, to, id })));
  const faults: Fault[] = [];
  for (const [to, references] of Map.groupBy(all, (reference) => reference.to)) {
    const found = await existing(to, [...new Set(references.map(({ id }) => id))]);
    for (const { record, field, id } of references) {
      if (!found.has(id)) faults.push(about(record, 'dangling', `refers by ${field} to ${to} ${id}, which does not exist`));
    }
  }
  return faults;
}

/** Records of which there is a tombstone as well. */
async function undeletedRecords({ existing }: Holdings, batch: readonly HeldRecord[]): Promise<Fault[]> {
  const faults: Fault[] = [];
  const tombstones = batch.filter(({ collection, payload }) => payload === null && findCollection(collection));
  for (const [collection, deleted] of Map.groupBy(tombstones, (record) => record.collection)) {
    const found = await existing(collection, deleted.map(({ id }) => id));
    for (const record of deleted) if (found.has(record.id)) faults.push(about(record, 'undeleted', 'exists and is marked as deleted'));
  }
  return faults;
}

function about(record: HeldRecord, kind: FaultKind, text: string): Fault {
  return { kind, record, text: `${record.collection} ${record.id} ${text}` };
}

/** Gathers the ids in the collections that must have exactly one record. */
export function createSingleList() {
  const all = new Map<string, string[]>(collections.filter(({ single }) => single).map(({ name }) => [name, []]));
  return {
    all: all as Findings['singles'],
    add({ collection, id }: HeldRecord): void {
      all.get(collection)?.push(id);
    },
  };
}

/** Gathers what invoices say was credited, and what credit notes were issued for them. */
export function createCreditList() {
  const noted = new Map<string, number>();
  const issued = new Map<string, number>();
  return {
    add({ collection, id }: HeldRecord, { kind, status, creditedId, creditedMinor, totalMinor }: JsonObject): void {
      if (collection !== 'invoices') return;
      if (typeof creditedMinor === 'number' && creditedMinor !== 0) noted.set(id, creditedMinor);
      if (kind !== 'credit_note' || status === 'draft' || typeof creditedId !== 'string') return;
      issued.set(creditedId, (issued.get(creditedId) ?? 0) + Number(totalMinor));
    },
    wrong(): readonly Credit[] {
      return [...new Set([...noted.keys(), ...issued.keys()])]
        .map((id) => ({ id, notedMinor: noted.get(id) ?? 0, issuedMinor: issued.get(id) ?? 0 }))
        .filter(({ notedMinor, issuedMinor }) => notedMinor !== issuedMinor);
    },
  };
}

/** Gathers the address of each user, and what the directory must have. */
export function createUserList() {
  const users = new Map<string, string | null>();
  return {
    add({ collection, id }: HeldRecord, payload: JsonObject | null): void {
      if (collection !== 'users') return;
      const email = payload?.['email'];
      users.set(id, typeof email === 'string' ? addressKey(email) : null);
    },
    compare(directory: readonly Address[]): Pick<Findings, 'missing' | 'stray'> {
      const entries = new Map(directory.map(({ email, userId }) => [email, userId]));
      const wanted = [...users].flatMap(([userId, email]) => (email === null ? [] : [{ email, userId }]));
      return {
        missing: wanted.filter(({ email, userId }) => entries.get(email) !== userId),
        // The address of a user who cannot be read is not known.
        stray: directory.filter(({ email, userId }) => users.get(userId) !== null && users.get(userId) !== email),
      };
    },
  };
}
