// Create, read, update and delete, the same for every collection: what a role may do, which version a change is based
// on, which fields it may carry, which records it may refer to. What one collection demands beyond its declaration
// stands in rules.ts.
//
// A write is one transaction of the store. A request that repeats an idempotency key gets the first answer; that
// answer is kept in the transaction of the write itself, so neither a crash nor a race can do the work twice.

import { createHmac, randomBytes } from 'node:crypto';

import { formatInstant, type Instant } from '../shared/clock.ts';
import { collections, findCollection, publishedFields, writableFields, type Collection } from '../shared/collections.ts';
import { AppError } from '../shared/errors.ts';
import { checkFields, isId, isObject, mergePatch, type JsonObject } from '../shared/fields.ts';
import { addProblem, noProblems, problem, type Problems } from '../shared/problems.ts';
import { refuseProblems } from '../shared/protocol.ts';
import type { Caller } from './auth.ts';
import type { Answer } from './http.ts';
import { rulesFor, type RuleContext, type Rules } from './rules.ts';
import type { RecordContent, Store, StoredRecord, Transaction } from './store.ts';

/** How long the answer to an idempotency key is kept. */
export const ANSWER_KEPT_MS = 24 * 60 * 60_000;

export interface RecordsDeps {
  readonly store: Store;
  readonly rules: RuleContext;
  readonly nowMs: () => number;
  /** Keys the fingerprints of requests, which may hold a password and are kept for a day; the same on every server. */
  readonly fingerprintKey: string;
}

/** What a request says beside its body. */
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

export async function readRecord(deps: RecordsDeps, { caller, collection }: Target, id: string): Promise<Answer> {
  if (!collection.sees.includes(caller.user.role)) throw forbidden(`see ${collection.name}`);
  const record = isId(id) ? await deps.store.get(caller.user.accountId, collection.name, id) : null;
  if (!record) throw noSuchRecord(collection, id);
  return recordAnswer(200, recordText(record.id, record.at, record.payload));
}

export async function createRecord(
  deps: RecordsDeps, { caller, collection }: Target, body: unknown, idempotencyKey: string | null,
): Promise<Answer> {
  requireWriter(caller, collection);
  const rules = rulesFor(collection.name);
  const input = parseFields(collection, body);
  const secret = await rules.secret?.(deps.rules, input) ?? null;
  const id = newId(deps.nowMs());
  const kept = keyed(deps, caller, idempotencyKey, ['POST', collection.name, input]);
  const text = await deps.store.write(caller.user.accountId, (transaction) => kept(transaction, async () => {
    await refuseDanglingReferences(transaction, collection, input);
    const payload = await rules.complete?.(transaction, { id, input, previous: null }) ?? input;
    const content = toContent(collection, payload, secret);
    const at = transaction.put(collection.name, id, content, null);
    return recordText(id, at, content.payload);
  }));
  return recordAnswer(201, text);
}

export async function updateRecord(
  deps: RecordsDeps, { caller, collection }: Target, id: string, ifMatch: Instant, body: unknown,
): Promise<Answer> {
  requireWriter(caller, collection);
  const rules = rulesFor(collection.name);
  const patch = parsePatch(collection, body);
  const secret = await rules.secret?.(deps.rules, patch) ?? null;
  const text = await deps.store.write(caller.user.accountId, async (transaction) => {
    const previous = await requireVersion(transaction, collection, id, ifMatch);
    const input = parseFields(collection, mergePatch(pickWritable(collection, parsePayload(previous)), patch));
    await refuseDanglingReferences(transaction, collection, input);
    const payload = await rules.complete?.(transaction, { id, input, previous }) ?? input;
    const content = toContent(collection, payload, secret ?? previous.secret);
    if (secret !== null) transaction.endSessionsOf(id);
    const at = transaction.put(collection.name, id, content, previous);
    return recordText(id, at, content.payload);
  });
  return recordAnswer(200, text);
}

export async function deleteRecord(deps: RecordsDeps, { caller, collection }: Target, id: string, ifMatch: Instant): Promise<Answer> {
  requireWriter(caller, collection);
  const rules = rulesFor(collection.name);
  const text = await deps.store.write(caller.user.accountId, async (transaction) => {
    const previous = await requireVersion(transaction, collection, id, ifMatch);
    await rules.remove?.(transaction, previous);
    await refuseIfReferenced(transaction, collection, previous);
    const at = transaction.remove(previous);
    return recordText(id, at, null);
  });
  return recordAnswer(200, text);
}

/** An action beyond the four verbs, such as sending an invoice; throws `not_found` where the collection has none so named. */
export async function actOnRecord(
  deps: RecordsDeps, { caller, collection }: Target, id: string, name: string,
  ifMatch: Instant, body: unknown, idempotencyKey: string | null,
): Promise<Answer> {
  const action = requireAction(collection, name);
  requireWriter(caller, collection);
  const input = action.parse(body);
  const kept = keyed(deps, caller, idempotencyKey, ['POST', collection.name, id, name, input]);
  const text = await deps.store.write(caller.user.accountId, (transaction) => kept(transaction, async () => {
    const previous = await requireVersion(transaction, collection, id, ifMatch);
    const payload = await action.run(transaction, previous, input);
    const content = toContent(collection, payload, previous.secret);
    const at = transaction.put(collection.name, id, content, previous);
    return recordText(id, at, content.payload);
  }));
  return recordAnswer(200, text);
}

/** The action so named; throws `not_found`. */
export function requireAction(collection: Collection, name: string): NonNullable<Rules['actions']>[string] {
  const actions = rulesFor(collection.name).actions ?? {};
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (!action) throw new AppError('not_found', `${collection.name} have no action ${name}.`);
  return action;
}

/**
 * 24 hex digits laid out as MongoDB's ids are: the second of creation, then 8 random bytes. What is created together
 * lies together in the index of every database and every copy, so few of its pages change at once.
 */
export function newId(nowMs: number): string {
  return (Math.floor(nowMs / 1000) >>> 0).toString(16).padStart(8, '0') + randomBytes(8).toString('hex');
}

/** A record's stored form from its payload: fields in the order of the declaration, what is private left out. */
export function toContent(collection: Collection, payload: JsonObject, secret: string | null): RecordContent {
  const published = Object.keys(publishedFields(collection)).filter((name) => payload[name] !== undefined);
  return {
    payload: JSON.stringify(Object.fromEntries(published.map((name) => [name, payload[name]]))),
    secret,
    references: referencesOf(collection, payload).map(([, , target]) => target),
  };
}

function requireWriter(caller: Caller, collection: Collection): void {
  if (!collection.writes.includes(caller.user.role)) throw forbidden(`change ${collection.name}`);
}

function parseFields(collection: Collection, body: unknown): JsonObject {
  const problems = refusedKeys(collection, body);
  const input = checkFields(writableFields(collection), withoutKeys(body, problems), problems);
  refuseProblems(problems);
  return input;
}

/** A patch is checked for what it may name; its values are checked when they are merged. */
function parsePatch(collection: Collection, body: unknown): JsonObject {
  if (!isObject(body)) throw new AppError('invalid_request', 'The body must be an object.', { fields: { '.': problem('object') } });
  refuseProblems(refusedKeys(collection, body));
  return body as JsonObject;
}

function refusedKeys(collection: Collection, body: unknown): Problems {
  const problems = noProblems();
  for (const key of isObject(body) ? Object.keys(body) : []) {
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

/** The record at the version that the caller has seen; throws `not_found` or `precondition_failed` with the present one. */
async function requireVersion(transaction: Transaction, collection: Collection, id: string, ifMatch: Instant): Promise<StoredRecord> {
  const record = isId(id) ? await transaction.get(collection.name, id) : null;
  if (!record) throw noSuchRecord(collection, id);
  if (record.at !== ifMatch) {
    throw new AppError('precondition_failed', 'Someone else has changed this meanwhile. Compare both versions and save again.', {
      current: { id, updatedAt: formatInstant(record.at), payload: parsePayload(record) },
    });
  }
  return record;
}

/** The references of a payload: field, collection it points into, id. */
function referencesOf(collection: Collection, payload: JsonObject): [field: string, to: string, id: string][] {
  return Object.entries(collection.fields).flatMap(([name, field]) => {
    const id = payload[name];
    return field.kind === 'reference' && typeof id === 'string' ? [[name, field.to, id]] : [];
  });
}

async function refuseDanglingReferences(transaction: Transaction, collection: Collection, input: JsonObject): Promise<void> {
  const problems = noProblems();
  for (const [field, to, id] of referencesOf(collection, input)) {
    if (!await transaction.get(to, id)) addProblem(problems, field, problem('reference', { collection: to }));
  }
  refuseProblems(problems);
}

async function refuseIfReferenced(transaction: Transaction, collection: Collection, record: StoredRecord): Promise<void> {
  for (const other of collections) {
    const refers = Object.values(other.fields).some((field) => field.kind === 'reference' && field.to === collection.name);
    if (refers && await transaction.isReferenced(other.name, record.id)) {
      throw new AppError('conflict', `This cannot be deleted: there are ${other.name} that belong to it.`);
    }
  }
}

/** Runs a write once per idempotency key and returns the record's text, the first one's where it ran before. */
function keyed(deps: RecordsDeps, caller: Caller, idempotencyKey: string | null, request: readonly unknown[]) {
  const key = `${caller.user.id} ${idempotencyKey}`;
  const fingerprint = createHmac('sha256', deps.fingerprintKey).update(JSON.stringify(request)).digest('base64url');
  return async (transaction: Transaction, run: () => Promise<string>): Promise<string> => {
    if (idempotencyKey === null) return run();
    const kept = await transaction.findReply(key);
    if (kept && kept.keptAtMs > deps.nowMs() - ANSWER_KEPT_MS) {
      if (kept.fingerprint === fingerprint) return kept.body;
      throw new AppError('conflict', 'This Idempotency-Key was used for another request. Use a new one.');
    }
    const body = await run();
    transaction.saveReply({ key, fingerprint, body, keptAtMs: deps.nowMs() });
    return body;
  };
}

function parsePayload(record: StoredRecord): JsonObject {
  return JSON.parse(record.payload) as JsonObject;
}

function recordText(id: string, at: Instant, payload: string | null): string {
  return `{"id":"${id}","updatedAt":"${formatInstant(at)}"${payload === null ? '' : `,"payload":${payload}`}}`;
}

function recordAnswer(status: number, record: string): Answer {
  const updatedAt = /"updatedAt":"([^"]*)"/.exec(record)?.[1] ?? '';
  return { status, body: `{"success":true,"record":${record}}`, headers: { ETag: `"${updatedAt}"` } };
}

function noSuchRecord(collection: Collection, id: string): AppError {
  return new AppError('not_found', `There is no record ${id.slice(0, 40)} in ${collection.name}.`);
}

function forbidden(what: string): AppError {
  return new AppError('forbidden', `Your role may not ${what}. Ask an owner of this account.`);
}
