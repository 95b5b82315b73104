// Creating, changing and deleting records. Every write goes to the server; nothing is written locally. A write is done when
// the server has answered, and the pull that brings it into the cache follows in the background.
//
// Invariants: every write carries an idempotency key, so it is applied once however often it is sent. Whatever is not the
// server's own word about a write leaves its outcome open, and the write is repeated with its key, also when a person tries
// again after its outcome was reported as unknown, and has signed in again meanwhile. A write is never repeated for another
// user than the one who made it.

import { createHash } from 'node:crypto';

import { parseInstant } from '../../shared/clock.ts';
import { findCollection } from '../../shared/collections.ts';
import { AppError, errorCode, type ErrorCode } from '../../shared/errors.ts';
import { isId, isObject, type Json, type JsonObject } from '../../shared/fields.ts';
import { badResponse, parseRecordAnswer, type WireRecord } from '../../shared/protocol.ts';
import { openCodes, parseJson, type Request } from '../session/server-connection.ts';
import type { Session } from '../session/session.ts';
import { withRetry, type RetryDeps } from './retry.ts';
import type { SyncRunner } from './runner.ts';

export interface WriteDeps extends RetryDeps {
  /** A new idempotency key, which nobody can guess. */
  readonly newId: () => string;
}

/** A write that has not been sent yet. */
interface Write {
  readonly collection: string;
  readonly request: Request;
  /** The version that it is based on; null for a new record. */
  readonly updatedAt: string | null;
  readonly key?: string | undefined;
  /** Whether a record can be the result of this write. */
  readonly isResult: (record: WireRecord) => boolean;
}

/** The server's word that neither this attempt nor an earlier one with the same key was done. */
const refusalCodes: readonly ErrorCode[] = ['invalid_request', 'not_found', 'conflict', 'precondition_failed'];

/**
 * All methods resolve with the record as the server wrote it, as soon as it has answered. They throw the server's error,
 * `signed_out`, `offline` without sending anything if the server did not answer last time, and `outcome_unknown` if the
 * last attempt, too, did not tell whether the write was done; the next pull shows that.
 */
export class Writes {
  readonly #session: Session;
  readonly #runner: SyncRunner;
  readonly #onAcknowledged: (collection: string, record: WireRecord) => void;
  readonly #deps: WriteDeps;
  #sessionEnd = new AbortController();
  /** The keys of writes whose outcome is unknown, by a hash of what was sent and by whom. */
  readonly #openKeys = new Map<string, string>();

  /** `onAcknowledged` is called for every write of the current session that the server has done. */
  constructor(
    session: Session, runner: SyncRunner, onAcknowledged: (collection: string, record: WireRecord) => void, deps: WriteDeps,
  ) {
    this.#session = session;
    this.#runner = runner;
    this.#onAcknowledged = onAcknowledged;
    this.#deps = deps;
  }

  /** At most one record is made under the same `key`; without one, a new key is used. */
  async create(collection: string, fields: JsonObject, key?: string): Promise<WireRecord> {
    return this.#write({
      collection, updatedAt: null, key,
      request: { method: 'POST', path: recordPath(collection), body: fields },
      isResult: ({ payload }) => holds(payload, published(collection, fields)),
    });
  }

  /** `updatedAt` is the version that the change is based on; throws `precondition_failed` if it is outdated. */
  async update(collection: string, id: string, updatedAt: string, patch: JsonObject): Promise<WireRecord> {
    return this.#write({
      collection, updatedAt,
      request: { method: 'PATCH', path: recordPath(collection, id), body: patch },
      isResult: (record) => record.id === id && holds(record.payload, published(collection, patch)),
    });
  }

  async remove(collection: string, id: string, updatedAt: string): Promise<WireRecord> {
    return this.#write({
      collection, updatedAt,
      request: { method: 'DELETE', path: recordPath(collection, id) },
      isResult: (record) => record.id === id && !record.payload,
    });
  }

  /** Removes an entry of one of the record's lists, such as a payment. */
  async removeEntry(collection: string, id: string, list: string, entry: string, updatedAt: string): Promise<WireRecord> {
    return this.#write({
      collection, updatedAt,
      request: { method: 'DELETE', path: recordPath(collection, id, list, entry) },
      isResult: (record) => record.id === id && record.payload !== undefined,
    });
  }

  async act(collection: string, id: string, action: string, updatedAt: string, body?: JsonObject): Promise<WireRecord> {
    return this.#write({
      collection, updatedAt,
      request: { method: 'POST', path: recordPath(collection, id, action), body },
      // An action may also make another record, which then refers to this one.
      isResult: ({ id: resultId, payload }) => payload !== undefined && (resultId === id || Object.values(payload).includes(id)),
    });
  }

  /** The user is leaving: repeats no write any more, and reports none that is still being sent. */
  endSession(): void {
    this.#sessionEnd.abort();
    this.#sessionEnd = new AbortController();
  }

  async #write(write: Write): Promise<WireRecord> {
    this.#session.requireToken();
    if (this.#session.isOnline !== true) throw new AppError('offline', 'No connection to the server. Nothing was changed.');
    const { signal } = this.#sessionEnd;
    try {
      const record = await this.#send(write, signal);
      if (!signal.aborted) this.#onAcknowledged(write.collection, record);
      return record;
    } finally {
      // Also after a refusal, as someone else may have changed the record, and an unanswered write may have been done.
      void this.#runner.runAfterCurrent();
    }
  }

  async #send(write: Write, signal: AbortSignal): Promise<WireRecord> {
    const { userId } = this.#session;
    const sent = createHash('sha256').update(JSON.stringify([userId, write.request, write.updatedAt])).digest('base64');
    const key = this.#openKeys.get(sent) ?? write.key ?? this.#deps.newId();
    const headers = {
      'idempotency-key': key,
      ...(write.updatedAt === null ? {} : { 'if-match': `"${write.updatedAt}"` }),
    };
    // Also that of an earlier try of the same write.
    let isOpen = this.#openKeys.delete(sent);
    const onRepeat = (): void => {
      isOpen = true;
    };
    const attempt = async (): Promise<WireRecord> => {
      try {
        const record = parseRecordAnswer(parseJson(await this.#session.send({ ...write.request, headers, onRepeat })));
        if (!isNewVersion(record, write.updatedAt) || !write.isResult(record)) throw badResponse('it belongs to another request');
        return record;
      } catch (error) {
        isOpen ||= openCodes.includes(errorCode(error));
        throw isOpen && !refusalCodes.includes(errorCode(error)) ? outcomeUnknown(error) : error;
      }
    };
    try {
      return await withRetry(attempt, this.#deps, signal, () => undefined);
    } catch (cause) {
      const error = isOpen && errorCode(cause) === 'cancelled' ? outcomeUnknown(cause) : cause;
      if (errorCode(error) === 'outcome_unknown' && userId !== null) this.#openKeys.set(sent, key);
      throw error;
    }
  }
}

/** Names are encoded, so none can lead to another path. */
function recordPath(...names: readonly string[]): string {
  return `/api/${names.map(encodeURIComponent).join('/')}`;
}

function outcomeUnknown(error: unknown): AppError {
  const { retryAfterS } = error instanceof AppError ? error.details : {};
  const message = 'No answer from the server arrived, so this may or may not have been saved. Try again, or refresh to see.';
  return new AppError('outcome_unknown', message, { cause: error, ...(retryAfterS !== undefined && { retryAfterS }) });
}

function isNewVersion({ id, updatedAt }: WireRecord, base: string | null): boolean {
  const at = parseInstant(updatedAt);
  return isId(id) && at !== null && at > (parseInstant(base ?? '') ?? -Infinity);
}

/** Without the fields that the server keeps to itself. */
function published(collection: string, fields: JsonObject): JsonObject {
  const declared = findCollection(collection)?.fields ?? {};
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !declared[name]?.private));
}

/** Whether a record holds what was sent: the server stores values as they are, drops null, and adds fields of its own. */
function holds(stored: Json | undefined, sent: Json): boolean {
  if (sent === null) return stored === undefined || stored === null;
  if (Array.isArray(sent)) {
    return Array.isArray(stored) && stored.length === sent.length && sent.every((value, index) => holds(stored[index], value));
  }
  if (!isObject(sent)) return stored === sent;
  const fields = isObject(stored) ? stored : {};
  return Object.entries(sent).every(([name, value]) => holds(fields[name], value));
}
