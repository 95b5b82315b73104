// Creating, changing and deleting records. Every write goes to the server and is followed by a pull that brings the
// result into the cache; nothing is written locally.
//
// A POST carries an idempotency key, so it can be retried safely. A change based on a version is sent only once: if the
// first attempt succeeded, the version is outdated and a retry would be refused.

import { AppError, errorCode } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { parseRecordAnswer, type WireRecord } from '../../shared/protocol.ts';
import { parseJson, type Request } from '../session/server-connection.ts';
import type { Session } from '../session/session.ts';
import { isTransient, withRetry, type RetryDeps } from './retry.ts';
import type { SyncRunner } from './runner.ts';

export interface WriteDeps extends RetryDeps {
  /** A new idempotency key. */
  readonly newId: () => string;
}

/**
 * All methods resolve with the record as the server wrote it, once a pull that began after the write has ended. They
 * throw the server's error, `signed_out`, `offline` without sending anything if the server did not answer last time,
 * and `outcome_unknown` if no answer told whether the write was done.
 */
export class Writes {
  readonly #session: Session;
  readonly #runner: SyncRunner;
  readonly #deps: WriteDeps;

  constructor(session: Session, runner: SyncRunner, deps: WriteDeps) {
    this.#session = session;
    this.#runner = runner;
    this.#deps = deps;
  }

  async create(collection: string, fields: JsonObject): Promise<WireRecord> {
    return this.#write({ method: 'POST', path: recordPath(collection), body: fields });
  }

  /** `updatedAt` is the version that the change is based on; throws `precondition_failed` if it is outdated. */
  async update(collection: string, id: string, updatedAt: string, patch: JsonObject): Promise<WireRecord> {
    return this.#write({ method: 'PATCH', path: recordPath(collection, id), body: patch }, updatedAt);
  }

  async remove(collection: string, id: string, updatedAt: string): Promise<WireRecord> {
    return this.#write({ method: 'DELETE', path: recordPath(collection, id) }, updatedAt);
  }

  async act(collection: string, id: string, action: string, updatedAt: string, body?: JsonObject): Promise<WireRecord> {
    return this.#write({ method: 'POST', path: recordPath(collection, id, action), body }, updatedAt);
  }

  async #write(request: Request, updatedAt?: string): Promise<WireRecord> {
    this.#session.requireToken();
    if (this.#session.isOnline !== true) throw new AppError('offline', 'Internet connection required. Nothing was changed.');
    try {
      const record = await this.#send(request, updatedAt);
      await this.#runner.runAfterCurrent();
      return record;
    } catch (error) {
      // A refusal may mean that someone else changed the record, and an unanswered write may have been done.
      void this.#runner.runAfterCurrent();
      throw error;
    }
  }

  async #send(request: Request, updatedAt: string | undefined): Promise<WireRecord> {
    const isRepeatable = request.method === 'POST';
    const headers = {
      ...(isRepeatable ? { 'idempotency-key': this.#deps.newId() } : {}),
      ...(updatedAt === undefined ? {} : { 'if-match': `"${updatedAt}"` }),
    };
    const attempt = async (): Promise<WireRecord> =>
      parseRecordAnswer(parseJson(await this.#session.send({ ...request, headers })));
    let wasUnanswered = false;
    try {
      if (!isRepeatable) return await attempt();
      return await withRetry(attempt, this.#deps, new AbortController().signal, ({ code }) => { wasUnanswered ||= code === 'offline'; });
    } catch (error) {
      // If a retry fails for another reason, an unanswered attempt before it may still have been done.
      const isUnknown = ['offline', 'bad_response'].includes(errorCode(error)) || (wasUnanswered && isTransient(error));
      if (!isUnknown) throw error;
      throw new AppError('outcome_unknown', 'The connection broke while saving. Refresh to see whether it was saved.', { cause: error });
    }
  }
}

/** Names are encoded, so none can lead to another path. */
function recordPath(...names: readonly string[]): string {
  return `/api/${names.map(encodeURIComponent).join('/')}`;
}
