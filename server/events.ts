// Nudges: a stream of server-sent events (WHATWG HTML, 9.2) that tells a client its account's clock has moved.
//
//   store.watch ─▶ look: is the session still good, and where is the clock? ─▶ one event, if it moved
//
// What always holds: an event carries the newest clock and nothing else, and never an older one after a newer; a
// listener has one event under way at most, so one that does not read costs no memory and is cut off; the session is
// looked up again before every event and with every comment, so a stream does not outlive it. A look that fails because
// the database does is repeated with the next comment.

import type { IncomingMessage, ServerResponse } from 'node:http';

import { EPOCH, formatInstant, type Instant } from '../shared/clock.ts';
import { AppError, errorCode } from '../shared/errors.ts';
import type { Auth, Caller } from './auth.ts';
import type { StreamAnswer } from './http.ts';
import type { Log } from './log.ts';
import type { Store } from './store.ts';

/** A comment so often keeps the connection from being taken for dead, and finds out where it is. */
const BEAT_MS = 25_000;
/** Moves within this time after a look are told together. */
const GAP_MS = 200;
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

export function createNudges(store: Store, auth: Pick<Auth, 'identify'>, log: Log): Nudges {
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

  return {
    open(request, caller) {
      const { accountId, sessionId } = caller.session;
      // A place is taken here and not when the stream begins, as another request may be answered in between.
      const stop = request.method === 'HEAD' ? new AbortController() : reserve(sessionId);
      const look = async (): Promise<Instant | null> => {
        try {
          return (await auth.identify(request)).account.clock;
        } catch (error) {
          if (errorCode(error) === 'unauthorized') throw error;
          log(errorCode(error) === 'internal' ? 'error' : 'debug', 'the clock could not be looked up', { error });
          return null;
        }
      };
      return {
        contentType: 'text/event-stream; charset=utf-8',
        follow(response) {
          response.once('close', () => stop.abort());
          if (isClosed || response.destroyed) stop.abort();
          const watch: Source['watch'] = (wake) => store.watch(accountId, wake);
          void tell(response, { first: caller.account.clock, look, watch }, stop.signal);
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
  /** The clock as the request found it. */
  readonly first: Instant;
  /** The clock now, or null where the database does not say; throws `unauthorized` once the session has ended. */
  readonly look: () => Promise<Instant | null>;
  readonly watch: (wake: () => void) => () => void;
}

/** Writes the stream until the signal is raised or the session has ended, and ends the response. Never rejects. */
async function tell(response: ServerResponse, source: Source, signal: AbortSignal): Promise<void> {
  const moved = createBell(signal);
  const unwatch = source.watch(moved.ring);
  let isStuck = false;
  const beating = setInterval(() => {
    const wasStuck = isStuck;
    isStuck = response.writableLength > 0;
    // What already waited at the last beat still does: nobody reads at the other end.
    if (isStuck && wasStuck) response.destroy();
    else if (!isStuck) response.write(':\n\n');
    moved.ring();
  }, BEAT_MS);
  try {
    let told = EPOCH;
    // The clock may have moved between the request's own look and the watch.
    moved.ring();
    for (let clock: Instant | null = source.first; !signal.aborted; clock = await source.look()) {
      if (clock !== null && clock > told) {
        told = clock;
        const data = JSON.stringify({ serverTime: formatInstant(clock) });
        await write(response, `event: change\ndata: ${data}\n\n`, signal);
      }
      await waitFor(signal, (done) => void setTimeout(done, GAP_MS));
      await moved.rung();
    }
  } catch {
    // The session has ended, or the signal was raised while something was waited for.
  } finally {
    clearInterval(beating);
    unwatch();
    finish(response);
  }
}

/** Resolves when the bytes have left this process; rejects when the signal is raised before. */
function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  return waitFor(signal, (done) => void response.write(text, () => done()));
}

/** Resolves when what was begun calls back; rejects when the signal is raised before. */
function waitFor(signal: AbortSignal, begin: (done: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    begin(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
  });
}

/** A response whose bytes do not leave would keep a closing server waiting. */
function finish(response: ServerResponse): void {
  if (response.writableLength > 0) response.destroy();
  else response.end();
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
