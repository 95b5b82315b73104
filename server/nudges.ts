// Nudges: a stream of server-sent events (WHATWG HTML, 9.2) that tells a client its account's clock has moved.
//
// What always holds: an event carries the newest clock and nothing else, and never an older one after a newer; a
// listener has one event under way at most, so one that does not read costs no memory and is cut off. A stream does not
// outlive its session: the session is looked up again with every comment, and before an event where a user of the
// account was changed, which is how all sessions end but those that are signed out.

import type { IncomingMessage, ServerResponse } from 'node:http';

import { EPOCH, formatInstant, type Instant } from '../shared/clock.ts';
import { AppError, errorCode } from '../shared/errors.ts';
import { createAccountClocks, type Move } from './clock-watch.ts';
import type { Auth, Caller } from './auth.ts';
import type { StreamAnswer } from './http.ts';
import type { Log } from './log.ts';
import type { Store } from './store.ts';

/** A comment so often keeps the connection from being taken for dead, and finds out where it is. */
const BEAT_MS = 25_000;
/** How long the end of a stream may take to leave. */
const END_LIMIT_MS = 500;
/** More streams of one session than any desktop opens. */
const MAX_PER_SESSION = 8;

export interface Nudges {
  /** The stream for a caller; throws `too_many_requests` where the session has too many. */
  open(request: IncomingMessage, caller: Caller): StreamAnswer;
  /** Ends the streams of a session that was ended here. */
  endSession(sessionId: string): void;
  /** Ends all streams at once. */
  close(): void;
}

export function createNudges(store: Pick<Store, 'watch' | 'snapshot'>, auth: Pick<Auth, 'identify'>, log: Log): Nudges {
  const clocks = createAccountClocks(store, log);
  const sessions = new Map<string, Set<AbortController>>();
  let isClosed = false;

  const end = (sessionId: string): void => {
    for (const stop of sessions.get(sessionId) ?? []) stop.abort();
  };
  const reserve = (sessionId: string): AbortController => {
    const streams = sessions.get(sessionId) ?? new Set();
    if (streams.size >= MAX_PER_SESSION) {
      const message = 'This session listens too often already. Close some of its streams.';
      throw new AppError('too_many_requests', message, { retryAfterS: 30 });
    }
    const stop = new AbortController();
    sessions.set(sessionId, streams.add(stop));
    stop.signal.addEventListener('abort', () => {
      streams.delete(stop);
      if (streams.size === 0) sessions.delete(sessionId);
    });
    return stop;
  };
  /** The clock as the session sees it, or null where the database does not say; throws where the session has ended. */
  const identify = async (request: IncomingMessage): Promise<Instant | null> => {
    try {
      return (await auth.identify(request)).account.clock;
    } catch (error) {
      if (errorCode(error) === 'unauthorized') throw error;
      log(errorCode(error) === 'internal' ? 'error' : 'debug', 'a session could not be looked up', { error });
      return null;
    }
  };

  return {
    open(request, caller) {
      const { account, session: { accountId, sessionId } } = caller;
      // A place is taken here and not when the stream begins, as another request may be answered in between.
      const stop = request.method === 'HEAD' ? new AbortController() : reserve(sessionId);
      return {
        contentType: 'text/event-stream; charset=utf-8',
        follow(response) {
          response.once('close', () => stop.abort());
          if (isClosed || response.destroyed) stop.abort();
          void tell(response, {
            first: account.clock,
            follow: (onMove) => clocks.follow(accountId, account.clock, onMove),
            identify: () => identify(request),
          }, stop.signal);
        },
      };
    },
    endSession: end,
    close() {
      isClosed = true;
      for (const sessionId of [...sessions.keys()]) end(sessionId);
    },
  };
}

interface Source {
  /** The clock when the session was looked up last. */
  readonly first: Instant;
  readonly follow: (onMove: (move: Move) => void) => () => void;
  /** The clock now, or null where it is not to be had; throws `unauthorized` once the session has ended. */
  readonly identify: () => Promise<Instant | null>;
}

/** Writes the stream until the signal is raised or the session has ended, and ends the response. Never rejects. */
async function tell(response: ServerResponse, source: Source, signal: AbortSignal): Promise<void> {
  const bell = createBell(signal);
  let newest = source.first;
  let isInDoubt = false;
  const unfollow = source.follow(({ clock, hasUserChanged }) => {
    if (clock <= newest) return;
    newest = clock;
    isInDoubt ||= hasUserChanged;
    bell.ring();
  });
  let isStuck = false;
  const beating = setInterval(() => {
    const wasStuck = isStuck;
    isStuck = response.writableLength > 0;
    // What already waited at the last beat still does: nobody reads at the other end.
    if (isStuck && wasStuck) response.destroy();
    else if (!isStuck) response.write(':\n\n');
    isInDoubt = true;
    bell.ring();
  }, BEAT_MS);
  try {
    for (let told = EPOCH; !signal.aborted; await bell.rung()) {
      if (isInDoubt) {
        isInDoubt = false;
        const clock = await source.identify();
        // Before the session is known to be good nothing is said; the next comment asks again.
        if (clock === null) isInDoubt = true;
        else if (clock > newest) newest = clock;
      }
      if (isInDoubt || newest <= told || signal.aborted) continue;
      told = newest;
      await write(response, `event: change\ndata: ${JSON.stringify({ serverTime: formatInstant(told) })}\n\n`, signal);
    }
  } catch {
    // The session has ended, or the signal was raised while something was waited for.
  } finally {
    clearInterval(beating);
    unfollow();
    finish(response);
  }
}

/** Resolves when the bytes have left this process; rejects when the signal is raised before. */
function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    response.write(text, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
  });
}

/** A response whose bytes do not leave would keep a closing server waiting, so it is not given long. */
function finish(response: ServerResponse): void {
  if (response.destroyed) return;
  const giveUp = setTimeout(() => response.destroy(), END_LIMIT_MS);
  response.once('close', () => clearTimeout(giveUp)).end();
}

/**
 * Something to wait for that may come before anyone waits. However often it comes meanwhile, it has come once. Waiting
 * for it rejects when the signal is raised.
 */
function createBell(signal: AbortSignal): { ring: () => void; rung: () => Promise<void> } {
  let hasRung = false;
  let waiting: (() => void) | null = null;
  const ring = (): void => {
    hasRung = true;
    waiting?.();
  };
  signal.addEventListener('abort', ring, { once: true });
  return {
    ring,
    async rung() {
      if (!hasRung) await new Promise<void>((resolve) => { waiting = resolve; });
      signal.throwIfAborted();
      hasRung = false;
    },
  };
}
