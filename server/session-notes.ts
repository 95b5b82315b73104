// What the list of sessions shows and no request depends on: when a session was last seen, how far it has synced, and
// whether its newest token has arrived.
//
// Notes are collected in memory and saved together every few seconds, so that no request writes or waits for them. A
// session that polls and finds nothing new is noted once in `SEEN_MS`. A crash loses the last notes.

import type { Instant } from '../shared/clock.ts';
import { errorCode } from '../shared/errors.ts';
import type { Log } from './log.ts';
import type { Session, SessionNote, Store } from './store.ts';

/** How old the time of the last request may become. */
const SEEN_MS = 5 * 60_000;
const SAVE_AFTER_MS = 5000;

export interface SessionNotes {
  /** A request has come with this token of the session, which is as the database has it. */
  seen(session: Session, tokenId: string): void;
  /** The session has pulled everything up to this cursor. */
  synced(session: Session, cursor: Instant): void;
  /** Saves what was noted. Never rejects: what could not be saved is logged and dropped. */
  save(): Promise<void>;
}

export function createSessionNotes(store: Pick<Store, 'noteSessions'>, nowMs: () => number, log: Log): SessionNotes {
  let notes = new Map<string, SessionNote>();
  let timer: NodeJS.Timeout | null = null;

  const add = ({ accountId, sessionId }: Session, found: Partial<SessionNote>): void => {
    const { syncedTo = null, tokenId = null } = notes.get(sessionId) ?? {};
    notes.set(sessionId, { accountId, sessionId, lastSeenAtMs: nowMs(), syncedTo, tokenId, ...found });
    timer ??= setTimeout(() => void save(), SAVE_AFTER_MS).unref();
  };
  const save = async (): Promise<void> => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const saved = [...notes.values()];
    notes = new Map();
    if (saved.length === 0) return;
    await store.noteSessions(saved).catch((error: unknown) =>
      log(errorCode(error) === 'internal' ? 'error' : 'debug', 'session notes not saved', { error }));
  };

  return {
    seen(session, tokenId) {
      const isNewToken = !session.isTokenUsed && tokenId === session.tokenId;
      // In either direction, because the clock may step.
      if (isNewToken || Math.abs(nowMs() - session.lastSeenAtMs) >= SEEN_MS) add(session, isNewToken ? { tokenId } : {});
    },
    synced(session, cursor) {
      if (cursor !== session.syncedTo) add(session, { syncedTo: cursor });
    },
    save,
  };
}
