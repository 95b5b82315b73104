// The user's account on the server: their password, and the sessions. Every call goes to the server; nothing is kept here.

import { AppError, errorCode } from '../../shared/errors.ts';
import { parseSessions, type SessionEntry } from '../../shared/protocol.ts';
import { openCodes, parseJson } from './server-connection.ts';
import type { Session } from './session.ts';

/** The longest name of a session that the server takes. */
const MAX_DEVICE_LENGTH = 100;

/**
 * The name under which the server lists the sessions of this computer. A computer's name may hold anything, but a sign-in must
 * not fail because of it: what the server would refuse is left out, and the rest is cut.
 */
export function deviceName(computer: string, version: string): string {
  const program = `Invoify ${version}`;
  const name = computer.replace(/\p{Cc}/gu, '').trim().slice(0, MAX_DEVICE_LENGTH - program.length - 2).toWellFormed();
  return name === '' ? program : `${name}, ${program}`;
}

/** All methods throw the server's error, `signed_out`, and `offline`, without sending anything, if it did not answer last time. */
export class Account {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Changes the user's password and ends their other sessions; this one goes on. Throws `outcome_unknown` if no answer told
   * whether it was done: it cannot be repeated, as the present password may be the new one by then.
   */
  async changePassword(current: string, next: string): Promise<void> {
    this.#requireServer();
    try {
      await this.#session.send({ method: 'POST', path: '/api/auth/password', body: { current, next } });
    } catch (error) {
      if (!openCodes.includes(errorCode(error))) throw error;
      throw new AppError('outcome_unknown', 'No answer from the server arrived, so the password may or may not have been changed. '
        + 'If the present one is refused when you try again, it has been.', { cause: error });
    }
  }

  /** The user's sessions, or (owner) the account's, oldest first. */
  async listSessions(ofAll: boolean): Promise<readonly SessionEntry[]> {
    this.#requireServer();
    return parseSessions(parseJson(await this.#session.send({ path: `/api/auth/sessions${ofAll ? '?all=1' : ''}` })));
  }

  /** Ends a session. It is not an error if that has already ended. */
  async endSession(id: string): Promise<void> {
    this.#requireServer();
    try {
      await this.#session.send({ method: 'DELETE', path: `/api/auth/sessions/${encodeURIComponent(id)}` });
    } catch (error) {
      if (errorCode(error) !== 'not_found') throw error;
    }
  }

  #requireServer(): void {
    this.#session.requireToken();
    if (this.#session.isOnline !== true) throw new AppError('offline', 'No connection to the server. Nothing was changed.');
  }
}
