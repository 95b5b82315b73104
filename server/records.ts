// Create, read, update and delete for every collection: permissions, versions (`If-Match`), fields and references. The
// rules of individual collections are hooks, declared in rules.ts.
//
// A write is one transaction of the store. A request that repeats an idempotency key gets the first reply, which is
// saved in the same transaction as the write, so neither a crash nor a race can apply it twice.

import { createHmac, randomBytes } from 'node:crypto';

import { formatInstant, type Instant } from '../shared/clock.ts';
import { collections, findCollection, publishedFields, writableFields, type Collection } from '../shared/collections.ts';
import { AppError } from '../shared/errors.ts';
import { checkFields, checkPatchKeys, isId, isObject, mergePatch, type JsonObject } from '../shared/fields.ts';
import { addProblem, isFull, noProblems, problem, type Problems } from '../shared/problems.ts';
import { refuseProblems } from '../shared/protocol.ts';
import type { Admission } from './admission.ts';
import { changedFields, entryOf } from './audit.ts';
import { laneOf, type Caller } from './auth.ts';
import { writtenBy, type Author } from './author.ts';
import { companyRules } from './company.ts';
import type { Reply } from './http.ts';
import { invoiceRules } from './invoice-rules.ts';
import { REPLY_TTL_MS, replyTimeMs } from './reply-age.ts';
import type { Action, RuleContext, Rules } from './rules.ts';
import type { LikelyReads, RecordContent, Store, StoredRecord, Transaction } from './store.ts';
import { userRules } from './user-rules.ts';

/** A collection without an entry has no rules beyond its declaration. */
const rulesByCollection: Readonly<Record<string, Rules>> = { company: companyRules, users: userRules, invoices: invoiceRules };

export interface RecordsDeps {
  readonly store: Store;
  readonly rules: Omit<RuleContext, 'lane'>;
  readonly nowMs: () => number;
  /** Counts writes that are valid so far, and the answers kept for them. */
  readonly admission: Pick<Admission, 'write' | 'keepAnswer'>;
}

/** Who makes a request, on which collection. */
export interface Target {
  readonly caller: Caller;
  readonly collection: Collection;
}

/** The collection of a path; throws `not_found`. */
export function requireCollection(name: string): Collection {
  const collection = findCollection(name);
  if (!collection) throw new AppError('not_found', `There is no collection ${name}.`);
  return collection;
}

export async function readRecord(deps: RecordsDeps, { caller, collection }: Target, id: string): Promise<Reply> {
  if (!collection.sees.includes(caller.user.role)) throw forbidden(`see ${collection.name}`);
  const record = isId(id) ? await deps.store.get(caller.user.accountId, collection.name, id) : null;
  if (!record) throw noSuchRecord(collection, id);
  return recordReply(200, recordText(record.id, record.at, record.payload));
}

export async function createRecord(
  deps: RecordsDeps, { caller, collection }: Target, body: unknown, idempotencyKey: string | null,
): Promise<Reply> {
  requireWriter(caller, collection);
  if (collection.single) throw new AppError('conflict', `There is one ${collection.name} record, which can be changed. None can be added.`);
  const rules = rulesFor(collection);
  const input = parseFields(collection, body);
  deps.admission.write(caller.session.sessionId, 'create');
  const secret = await rules.secret?.({ ...deps.rules, lane: laneOf(caller) }, input) ?? null;
  const id = newId(deps.nowMs());
  const writeOnce = await once(deps, caller, idempotencyKey, ['POST', collection.name, input]);
  const references = referencesOf(collection, input).map(([, to, target]) => [to, target] as const);
  const text = await writeOnce(references, async (transaction) => {
    await rejectDanglingReferences(transaction, collection, input);
    const payload = await rules.complete?.(transaction, { id, input, previous: null }) ?? input;
    return put(transaction, { caller, collection }, 'create', id, toContent(collection, payload, secret, caller.user), null);
  });
  return recordReply(201, text);
}

export async function updateRecord(
  deps: RecordsDeps, { caller, collection }: Target, id: string, ifMatch: Instant, body: unknown, idempotencyKey: string | null,
): Promise<Reply> {
  requireWriter(caller, collection);
  const rules = rulesFor(collection);
  const patch = parsePatch(collection, body);
  deps.admission.write(caller.session.sessionId, 'other');
  const secret = await rules.secret?.({ ...deps.rules, lane: laneOf(caller) }, patch) ?? null;
  const writeOnce = await once(deps, caller, idempotencyKey, ['PATCH', collection.name, id, ifMatch, patch]);
  const text = await writeOnce([[collection.name, id]], async (transaction) => {
    const previous = await requireVersion(transaction, collection, id, ifMatch);
    const input = parseChanges(collection, pickWritable(collection, parsePayload(previous)), patch);
    await rejectDanglingReferences(transaction, collection, input);
    const payload = await rules.complete?.(transaction, { id, input, previous }) ?? input;
    if (secret !== null) transaction.endSessionsOf(id);
    const content = toContent(collection, payload, secret ?? previous.secret, caller.user);
    return put(transaction, { caller, collection }, 'update', id, content, previous);
  });
  return recordReply(200, text);
}

export async function deleteRecord(
  deps: RecordsDeps, { caller, collection }: Target, id: string, ifMatch: Instant, idempotencyKey: string | null,
): Promise<Reply> {
  requireWriter(caller, collection);
  const rules = rulesFor(collection);
  deps.admission.write(caller.session.sessionId, 'other');
  const writeOnce = await once(deps, caller, idempotencyKey, ['DELETE', collection.name, id, ifMatch]);
  const text = await writeOnce([[collection.name, id]], async (transaction) => {
    const previous = await requireVersion(transaction, collection, id, ifMatch);
    if (collection.single) throw new AppError('conflict', `The ${collection.name} record can be changed, and not deleted.`);
    await rules.remove?.(transaction, previous);
    await rejectIfReferenced(transaction, collection, previous);
    const at = transaction.remove(previous);
    transaction.audit(entryOf(caller, 'delete', { collection: collection.name, record: id }));
    return recordText(id, at, null);
  });
  return recordReply(200, text);
}

/** Runs an action beyond CRUD, such as issuing an invoice; throws `not_found` if the collection has no such action. */
export async function actOnRecord(
  deps: RecordsDeps, target: Target, id: string, name: string, ifMatch: Instant, body: unknown, idempotencyKey: string | null,
): Promise<Reply> {
  const { caller, collection } = target;
  const action = requireAction(collection, name);
  requireWriter(caller, collection);
  const input = action.parse(body);
  deps.admission.write(caller.session.sessionId, action.creates ? 'create' : 'other');
  const nowMs = deps.nowMs();
  const context = { nowMs, newId: () => newId(nowMs) };
  const writeOnce = await once(deps, caller, idempotencyKey, ['POST', collection.name, id, name, ifMatch, input]);
  const audited = action.auditedAs ?? name;
  const text = await writeOnce([[collection.name, id]], async (transaction) => {
    const previous = await requireVersion(transaction, collection, id, ifMatch);
    const { payload, other } = await action.run(transaction, previous, input, context);
    const record = action.creates
      ? put(transaction, target, audited, context.newId(), toContent(collection, payload, null, caller.user), null)
      : put(transaction, target, audited, id, toContent(collection, payload, previous.secret, caller.user), previous);
    if (other) {
      const content = toContent(collection, other.payload, other.previous.secret, caller.user);
      put(transaction, target, audited, other.previous.id, content, other.previous);
    }
    return record;
  });
  return recordReply(action.creates ? 201 : 200, text);
}

/** Puts the record with an entry in the audit trail; returns its text. */
function put(
  transaction: Transaction, { caller, collection }: Target, action: string,
  id: string, content: RecordContent, previous: StoredRecord | null,
): string {
  const at = transaction.put(collection.name, id, content, previous);
  transaction.audit(entryOf(caller, action, { collection: collection.name, record: id, fields: changedFields(previous, content) }));
  return recordText(id, at, content.payload);
}

/** The action of that name; throws `not_found`. */
export function requireAction(collection: Collection, name: string): Action {
  const actions = rulesFor(collection).actions ?? {};
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (!action) throw new AppError('not_found', `${collection.name} have no action ${name}.`);
  return action;
}

/**
 * 24 hex digits in the layout of MongoDB's ObjectId: the creation time in seconds, then 8 random bytes. Records created
 * together are neighbours in the index of every database and every cache, so a burst of them touches few pages.
 */
export function newId(nowMs: number): string {
  return (Math.floor(nowMs / 1000) >>> 0).toString(16).padStart(8, '0') + randomBytes(8).toString('hex');
}

/**
 * The stored form of a payload as the author writes it, if someone signed in does: fields in declaration order, without unpublished ones.
 */
export function toContent(collection: Collection, payload: JsonObject, secret: string | null, author: Author | null = null): RecordContent {
  const written = writtenBy(author, payload);
  const published = Object.keys(publishedFields(collection)).filter((name) => written[name] !== undefined);
  return {
    payload: JSON.stringify(Object.fromEntries(published.map((name) => [name, written[name]]))),
    secret,
    references: referencesOf(collection, payload).map(([, , target]) => target),
  };
}

function rulesFor({ name }: Collection): Rules {
  return rulesByCollection[name] ?? {};
}

function requireWriter(caller: Caller, collection: Collection): void {
  if (!collection.writes.includes(caller.user.role)) throw forbidden(`change ${collection.name}`);
}

function parseFields(collection: Collection, body: unknown): JsonObject {
  const problems = rejectedKeys(collection, body);
  if (isFull(problems)) refuseProblems(problems);
  const input = checkFields(writableFields(collection), withoutKeys(body, problems), problems);
  refuseProblems(problems);
  return input;
}

/**
 * The fields after a patch. What it leaves as it is was checked when it was written, and is not checked again: it may be a currency that
 * has been retired since.
 */
function parseChanges(collection: Collection, stored: JsonObject, patch: JsonObject): JsonObject {
  const merged = mergePatch(stored, patch) as JsonObject;
  const isKept = (name: string): boolean => stored[name] !== undefined && JSON.stringify(stored[name]) === JSON.stringify(merged[name]);
  const changed = <V>(members: Readonly<Record<string, V>>): Record<string, V> =>
    Object.fromEntries(Object.entries(members).filter(([name]) => !isKept(name)));
  const problems = noProblems();
  const checked = checkFields(changed(writableFields(collection)), changed(merged), problems);
  refuseProblems(problems);
  return { ...merged, ...checked };
}

/** Checks only which fields a patch names; the values are checked after merging. */
function parsePatch(collection: Collection, body: unknown): JsonObject {
  if (!isObject(body)) throw new AppError('invalid_request', 'The body must be an object.', { fields: { '.': problem('object') } });
  const problems = rejectedKeys(collection, body);
  checkPatchKeys(collection.fields, body, problems);
  refuseProblems(problems);
  return body as JsonObject;
}

function rejectedKeys(collection: Collection, body: unknown): Problems {
  const problems = noProblems();
  for (const key of isObject(body) ? Object.keys(body) : []) {
    if (isFull(problems)) return problems;
    const field = Object.hasOwn(collection.fields, key) ? collection.fields[key] : undefined;
    if (!field) addProblem(problems, key, problem('unknown'));
    else if (field.server) addProblem(problems, key, problem('server'));
  }
  return problems;
}

function withoutKeys(body: unknown, problems: Problems): unknown {
  return isObject(body) ? Object.fromEntries(Object.entries(body).filter(([key]) => !Object.hasOwn(problems, key))) : body;
}

function pickWritable(collection: Collection, payload: JsonObject): JsonObject {
  const writable = writableFields(collection);
  return Object.fromEntries(Object.entries(payload).filter(([key]) => Object.hasOwn(writable, key)));
}

/** The record if its version matches `If-Match`; throws `not_found`, or `precondition_failed` with the current version. */
async function requireVersion(transaction: Transaction, collection: Collection, id: string, ifMatch: Instant): Promise<StoredRecord> {
  const record = isId(id) ? await transaction.get(collection.name, id) : null;
  if (!record) throw noSuchRecord(collection, id);
  if (record.at !== ifMatch) {
    throw new AppError('precondition_failed', 'Someone else has changed this in the meantime. Compare both versions and save again.', {
      current: { id, updatedAt: formatInstant(record.at), payload: parsePayload(record) },
    });
  }
  return record;
}

/** The references of a payload: field name, target collection, target id. */
export function referencesOf(collection: Collection, payload: JsonObject): [field: string, to: string, id: string][] {
  return Object.entries(collection.fields).flatMap(([name, field]) => {
    const id = payload[name];
    return field.kind === 'reference' && typeof id === 'string' ? [[name, field.to, id]] : [];
  });
}

async function rejectDanglingReferences(transaction: Transaction, collection: Collection, input: JsonObject): Promise<void> {
  const problems = noProblems();
  for (const [field, to, id] of referencesOf(collection, input)) {
    if (!await transaction.get(to, id)) addProblem(problems, field, problem('reference', { collection: to }));
  }
  refuseProblems(problems);
}

async function rejectIfReferenced(transaction: Transaction, collection: Collection, record: StoredRecord): Promise<void> {
  for (const other of collections) {
    const refers = Object.values(other.fields).some((field) => field.kind === 'reference' && field.to === collection.name);
    if (refers && (await transaction.referrers(other.name, record.id, 1)).length > 0) {
      throw new AppError('conflict', `This cannot be deleted: some ${other.name} refer to it.`);
    }
  }
}

/**
 * Returns a function that runs a write once per user and idempotency key, given the records that it will probably read. The
 * write resolves to the record's text, or if it ran before to the stored text, whatever has become of the record since. Throws
 * `conflict` if the key was used for another request.
 */
async function once(deps: RecordsDeps, caller: Caller, idempotencyKey: string | null, request: readonly unknown[]) {
  const key = idempotencyKey === null ? null : `${caller.user.id} ${idempotencyKey}`;
  const fingerprint = key === null ? '' : await fingerprintOf(deps, caller, key, request);
  return (records: LikelyReads['records'], run: (transaction: Transaction) => Promise<string>): Promise<string> => {
    return deps.store.write(caller.user.accountId, async (transaction) => {
      if (key === null) return run(transaction);
      const stored = await transaction.findReply(key);
      const nowMs = replyTimeMs(transaction.account, deps.nowMs());
      if (stored && stored.keptAtMs > nowMs - REPLY_TTL_MS) {
        if (stored.fingerprint === fingerprint || stored.fingerprint === '') return stored.body;
        throw new AppError('conflict', 'This Idempotency-Key was used for another request. Use a new one.');
      }
      deps.admission.keepAnswer(caller.user.id);
      const body = await run(transaction);
      transaction.saveReply({ key, fingerprint, body, keptAtMs: nowMs });
      return body;
    }, { reply: key, records });
  };
}

/**
 * What tells one request from another under the same key. It is kept for a day beside the key that it is made with, so a
 * password in it is hashed as slowly as the stored one.
 */
async function fingerprintOf(
  { store, rules }: RecordsDeps, caller: Caller, key: string, request: readonly unknown[],
): Promise<string> {
  const sign = (text: string): Buffer => createHmac('sha256', store.fingerprintKey).update(text).digest();
  const passwords: string[] = [];
  const text = JSON.stringify(request, (name, value: unknown) => {
    if (name !== 'password' || typeof value !== 'string') return value;
    passwords.push(value);
    return '';
  });
  const hashes = await Promise.all(passwords.map((password) => rules.passwords.hashWith(password, sign(key), laneOf(caller))));
  return sign([text, ...hashes].join('\n')).toString('base64url');
}

function parsePayload(record: StoredRecord): JsonObject {
  return JSON.parse(record.payload) as JsonObject;
}

function recordText(id: string, at: Instant, payload: string | null): string {
  return `{"id":"${id}","updatedAt":"${formatInstant(at)}"${payload === null ? '' : `,"payload":${payload}`}}`;
}

function recordReply(status: number, record: string): Reply {
  const updatedAt = /"updatedAt":"([^"]*)"/.exec(record)?.[1] ?? '';
  return { status, body: `{"success":true,"record":${record}}`, headers: { ETag: `"${updatedAt}"` } };
}

function noSuchRecord(collection: Collection, id: string): AppError {
  return new AppError('not_found', `There is no record ${id.slice(0, 40)} in ${collection.name}.`);
}

function forbidden(what: string): AppError {
  return new AppError('forbidden', `Your role may not ${what}. Ask an owner of this account.`);
}
