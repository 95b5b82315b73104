// Creating, changing and deleting records: each goes to the server, and the pull that follows at once brings back what it
// changed. Nothing is written on this computer.

import { AppError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { WireRecord } from '../../shared/protocol.ts';
import type { Request } from '../session/server-connection.ts';
import type { Session } from '../session/session.ts';
import type { SyncRunner } from './runner.ts';
import { sendWrite, type WriteDeps } from './write.ts';

export class Records {
  readonly #session: Session;
  readonly #runner: SyncRunner;
  readonly #deps: WriteDeps;

  constructor(session: Session, runner: SyncRunner, deps: Omit<WriteDeps, 'send'>) {
    this.#session = session;
    this.#runner = runner;
    this.#deps = { ...deps, send: (request) => session.send(request) };
  }

  async create(collection: string, fields: JsonObject): Promise<WireRecord> {
    return this.#write({ method: 'POST', path: recordPath(collection), body: fields });
  }

  /** `updatedAt` is the version that the change is based on; throws `precondition_failed` where it is not the present one. */
  async update(collection: string, id: string, updatedAt: string, patch: JsonObject): Promise<WireRecord> {
    return this.#write({ method: 'PATCH', path: recordPath(collection, id), body: patch }, updatedAt);
  }

  async remove(collection: string, id: string, updatedAt: string): Promise<WireRecord> {
    return this.#write({ method: 'DELETE', path: recordPath(collection, id) }, updatedAt);
  }

  async act(collection: string, id: string, action: string, updatedAt: string, body?: JsonObject): Promise<WireRecord> {
    return this.#write({ method: 'POST', path: recordPath(collection, id, action), body }, updatedAt);
  }

  /**
   * Sends a write and pulls. Throws `offline` without sending where the server did not answer last time, and
   * `outcome_unknown` where no answer came that tells whether it was done.
   */
  async #write(request: Request, updatedAt?: string): Promise<WireRecord> {
    this.#session.requireToken();
    if (this.#session.isOnline !== true) throw new AppError('offline', 'Internet connection required. Nothing was changed.');
    try {
      const record = await sendWrite(request, updatedAt, this.#deps);
      await this.#runner.runAfresh();
      return record;
    } catch (error) {
      // What was refused may have been changed by someone else, and what got no answer may have been done.
      void this.#runner.runAfresh();
      throw error;
    }
  }
}

/** The path of a collection, a record or an action on one, whatever their names are. */
function recordPath(...names: readonly string[]): string {
  return `/api/${names.map(encodeURIComponent).join('/')}`;
}
