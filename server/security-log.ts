// The security log: who signed in or could not, what was denied, and whose rights changed, as entries of the log at `info`.
//
// Invariants: an entry has the peer and the request's id, and the user and session as far as they are known. It never has a
// password, a token or a value of a record, nor what somebody typed as an address: that may be a password in the wrong field, so
// unless a user has this address, a keyed hash stands for it. Nobody can fill the log by being refused: what repeats within
// `REPEAT_MS` is counted and logged once.

import { createHmac } from 'node:crypto';

import type { Log } from './log.ts';
import type { AuditEntry, Store } from './store.ts';

/** Where a request came from, as in `Caller.from`. */
interface Origin {
  readonly peer: string;
  readonly requestId: string;
}

/** The user and session of a token that is, or once was, valid. */
export interface TokenHolder {
  readonly userId: string;
  readonly sessionId: string;
}

export interface SecurityLog {
  /** For each committed entry of the audit trail: logs it if it is about a session, or about a user's rights. */
  audited(entry: AuditEntry): void;
  /** Resolves once it is logged; never rejects. `address` is what was given as the address. */
  signInFailed(from: Origin, address: string, result: 'refused' | 'throttled'): Promise<void>;
  /** Somebody asked for the metrics with a token other than `METRICS_TOKEN`, or with none. */
  metricsRefused(from: Origin): void;
  /** A token that this server signed is no longer accepted. */
  tokenRefused(from: Origin, holder: TokenHolder): void;
  /** Somebody who is signed in may not do this (`forbidden`), or not as often (`too_many_requests`). */
  denied(from: Origin, holder: TokenHolder, code: string, request: { readonly method: string; readonly path: string }): void;
}

export interface SecurityLogDeps {
  readonly log: Log;
  /** `fingerprintKey` is the key of the hashes. */
  readonly store: () => Pick<Store, 'findAddress' | 'fingerprintKey'>;
  /** Milliseconds since an arbitrary start; never adjusted. */
  readonly monotonicMs: () => number;
}

/** How long the same refusal is only counted. */
const REPEAT_MS = 10_000;
/** Bounds the memory, and so the lines, that different refusals take; beyond it they count as one. */
const MAX_REFUSALS = 1000;

/** The changes of a user that concern who may sign in and do what. */
const rights = ['email', 'role', 'disabled', 'password'];

export function createSecurityLog({ log, store, monotonicMs }: SecurityLogDeps): SecurityLog {
  const isRepeated = createRepeatCounter(monotonicMs);
  const write = (event: string, { peer, requestId }: Origin, facts: object): void => {
    log('info', event, { area: 'security', peer, requestId, ...facts });
  };
  const writeOnce = (event: string, what: string, from: Origin, facts: object): void => {
    const repeats = isRepeated(`${event} ${what}`);
    if (repeats !== null) write(event, from, { ...facts, ...(repeats > 0 ? { repeats } : {}) });
  };
  const whoHas = async (address: string): Promise<object> => {
    const found = await store().findAddress(address).catch(() => null);
    if (found) return { email: address, user: found.userId };
    return { addressHash: createHmac('sha256', store().fingerprintKey).update(address).digest('base64url').slice(0, 16) };
  };

  return {
    audited({ action, actor, email, session, peer, request, collection, record, fields }) {
      // The first account, which `start` logs, or what `WATCH=1` has taken over.
      if (actor === 'admin') return;
      const isAboutRights = collection === 'users' && (action !== 'update' || fields.some((field) => rights.includes(field)));
      if (collection !== 'sessions' && !isAboutRights) return;
      log('info', collection === 'users' ? `user: ${action}` : action, {
        area: 'security', peer, requestId: request, user: actor, email, session, collection, record,
        ...(fields.length > 0 ? { fields } : {}),
      });
    },
    async signInFailed(from, address, result) {
      // A refusal has cost the hash of a password, and is rare enough to be logged each time.
      const repeats = result === 'refused' ? 0 : isRepeated(`sign-in throttled ${from.peer}`);
      if (repeats !== null) write(`sign-in ${result}`, from, { ...await whoHas(address), ...(repeats > 0 ? { repeats } : {}) });
    },
    metricsRefused: (from) => writeOnce('metrics refused', from.peer, from, {}),
    tokenRefused: (from, { userId, sessionId }) => writeOnce('token refused', sessionId, from, { user: userId, session: sessionId }),
    denied(from, { userId, sessionId }, code, { method, path }) {
      writeOnce('request denied', `${sessionId} ${code}`, from, { user: userId, session: sessionId, code, method, path });
    },
  };
}

/** Returns how often `what` was repeated since it was last new, or null if this is a repetition. */
function createRepeatCounter(monotonicMs: () => number): (what: string) => number | null {
  const seen = new Map<string, { readonly atMs: number; repeats: number }>();
  return (what) => {
    const now = monotonicMs();
    const isRecent = ({ atMs }: { readonly atMs: number }): boolean => now - atMs < REPEAT_MS;
    if (seen.size >= MAX_REFUSALS) for (const [name, entry] of seen) if (!isRecent(entry)) seen.delete(name);
    const name = seen.has(what) || seen.size < MAX_REFUSALS ? what : 'others';
    const last = seen.get(name);
    if (last && isRecent(last)) {
      last.repeats += 1;
      return null;
    }
    seen.set(name, { atMs: now, repeats: 0 });
    return last?.repeats ?? 0;
  };
}
