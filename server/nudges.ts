// Nudges: a stream of server-sent events (WHATWG HTML, 9.2) that tells a client when its account's clock moves.
//
// Each account with at least one open stream has one store watch and at most one clock read at a time, however many
// streams listen. A read takes one snapshot: the clock, and whether a user changed since the last read, because only
// such a change can have ended a session.
//
// Invariants: an event carries only the newest clock, and clocks never go backwards within a stream. A stream has at
// most one unsent event, so a client that does not read costs no memory and is cut off. A stream never outlives
// its session: the session is looked up again with every heartbeat, and before an event if a user of the account
// changed, which is how most sessions end. One that is signed out or ended by itself loses its streams at once in this
// process, and in others with the next heartbeat.

import type { IncomingMessage, ServerResponse } from 'node:http';

import { EPOCH, formatInstant, type Instant } from '../shared/clock.ts';
import { AppError, errorCode } from '../shared/errors.ts';
import type { Auth, Caller, Origin } from './auth.ts';
import type { EventsReply } from './http.ts';
import type { Log } from './log.ts';
import { sendChunks } from './sending.ts';
import type { Snapshot, Store } from './store.ts';

/** Keeps proxies from dropping an idle connection, and detects dead ones. */
const HEARTBEAT_MS = 25_000;
/** Moves within this time after a clock read share the next event. */
const COALESCE_MS = 200;
/** How long the end of a stream may take to be sent. */
const END_TIMEOUT_MS = 500;
/** A desktop has one, and for a moment also the one from before its network changed. */
const MAX_PER_SESSION = 2;

export interface Nudges {
  /** The stream for a caller; throws `too_many_requests` if the session has too many. */
  open(request: IncomingMessage, caller: Caller): EventsReply;
  /** Ends the streams of a session that was signed out in this process. */
  endSession(sessionId: string): void;
  /** Ends all streams immediately. */
  close(): void;
}

/** The server-sent event that reports the account's clock. */
export function nudgeEvent(clock: Instant): string {
  return `event: change\ndata: ${JSON.stringify({ serverTime: formatInstant(clock) })}\n\n`;
}

export function createNudges(store: Pick<Store, 'watch' | 'snapshot'>, auth: Pick<Auth, 'identify'>, log: Log): Nudges {
  const followClock = createClockFollower(store, log);
  const sessions = new Map<string, Set<AbortController>>();
  let isClosed = false;

  const endSession = (sessionId: string): void => {
    for (const stream of sessions.get(sessionId) ?? []) stream.abort();
  };
  const reserveStream = (sessionId: string): AbortController => {
    const streams = sessions.get(sessionId) ?? new Set();
    if (streams.size >= MAX_PER_SESSION) {
      const message = 'This session has too many open event streams. Close some of them.';
      throw new AppError('too_many_requests', message, { retryAfterS: 30 });
    }
    const stream = new AbortController();
    sessions.set(sessionId, streams.add(stream));
    stream.signal.addEventListener('abort', () => {
      streams.delete(stream);
      if (streams.size === 0) sessions.delete(sessionId);
    });
    return stream;
  };
  /** The clock as the session sees it, or null if the database does not answer; throws `unauthorized` if the session has ended. */
  const readClock = async (request: IncomingMessage, from: Origin): Promise<Instant | null> => {
    try {
      return (await auth.identify(request, from)).account.clock;
    } catch (error) {
      if (errorCode(error) === 'unauthorized') throw error;
      log(errorCode(error) === 'internal' ? 'error' : 'debug', 'session lookup failed', { error });
      return null;
    }
  };

  return {
    open(request, caller) {
      const { from, account, session: { accountId, sessionId } } = caller;
      // Reserved here and not when the stream begins, because another request may be handled in between.
      const stream = request.method === 'HEAD' ? new AbortController() : reserveStream(sessionId);
      return {
        contentType: 'text/event-stream; charset=utf-8',
        follow(response) {
          response.once('close', () => stream.abort());
          if (isClosed || response.destroyed) stream.abort();
          void writeStream(response, {
            initialClock: account.clock,
            follow: (onMove) => followClock(accountId, account.clock, onMove),
            readClock: () => readClock(request, from),
          }, stream.signal);
        },
      };
    },
    endSession,
    close() {
      isClosed = true;
      for (const sessionId of [...sessions.keys()]) endSession(sessionId);
    },
  };
}

interface ClockMove {
  readonly clock: Instant;
  /** Whether a user changed since the last reported move. */
  readonly hasUserChanged: boolean;
}

type OnMove = (move: ClockMove) => void;

interface FollowedAccount {
  /** The clock at the last read. */
  clock: Instant;
  readonly followers: Set<OnMove>;
  readonly unwatch: () => void;
}

/**
 * Returns a function that calls back when the account's clock moves past `since`: immediately if it is already known
 * to be later, and not necessarily for every move in between. That function returns how to stop.
 */
function createClockFollower(store: Pick<Store, 'watch' | 'snapshot'>, log: Log): (
  accountId: string, since: Instant, onMove: OnMove,
) => () => void {
  const accounts = new Map<string, FollowedAccount>();

  function open(accountId: string, clock: Instant): FollowedAccount {
    let isStale = false;
    let isReading = false;
    const account: FollowedAccount = { clock, followers: new Set(), unwatch: store.watch(accountId, () => void refresh()) };
    const refresh = async (): Promise<void> => {
      isStale = true;
      if (isReading) return;
      isReading = true;
      while (isStale && account.followers.size > 0) {
        isStale = false;
        await readOnce(accountId, account);
        await new Promise((resolve) => setTimeout(resolve, COALESCE_MS));
      }
      isReading = false;
    };
    accounts.set(accountId, account);
    // The clock may have moved before the watch began; the first follower is registered by the time this runs.
    queueMicrotask(() => void refresh());
    return account;
  }

  /** Never rejects: a failed read is made up for at the next move, or when a follower looks up its session. */
  async function readOnce(accountId: string, account: FollowedAccount): Promise<void> {
    try {
      const move = await store.snapshot(accountId, (snapshot) => readMove(snapshot, account.clock));
      if (!move) return;
      account.clock = move.clock;
      for (const notify of [...account.followers]) notify(move);
    } catch (error) {
      log(errorCode(error) === 'internal' ? 'error' : 'debug', 'clock read failed', { accountId, error });
    }
  }

  return (accountId, since, onMove) => {
    const account = accounts.get(accountId) ?? open(accountId, since);
    // Wrapped, because the same function may be passed twice.
    const notify: OnMove = (move) => onMove(move);
    account.followers.add(notify);
    if (account.clock > since) notify({ clock: account.clock, hasUserChanged: true });
    return () => {
      account.followers.delete(notify);
      if (account.followers.size > 0 || accounts.get(accountId) !== account) return;
      accounts.delete(accountId);
      account.unwatch();
    };
  };
}

async function readMove(snapshot: Snapshot, since: Instant): Promise<ClockMove | null> {
  const { clock } = snapshot.account;
  if (clock <= since) return null;
  const range = { after: since, collections: ['users'], tombstonesAfter: since, limit: 1 };
  for await (const changes of snapshot.changes(range)) {
    if (changes.length > 0) return { clock, hasUserChanged: true };
  }
  return { clock, hasUserChanged: false };
}

interface ClockSource {
  /** The clock at the last session lookup. */
  readonly initialClock: Instant;
  readonly follow: (onMove: OnMove) => () => void;
  /** The clock now, or null if it cannot be read; throws `unauthorized` once the session has ended. */
  readonly readClock: () => Promise<Instant | null>;
}

/** Writes events until the signal is aborted or the session has ended, then ends the response. Never rejects. */
async function writeStream(response: ServerResponse, source: ClockSource, signal: AbortSignal): Promise<void> {
  const wakeup = createWakeup(signal);
  let newest = source.initialClock;
  let mustRecheckSession = false;
  const unfollow = source.follow(({ clock, hasUserChanged }) => {
    if (clock <= newest) return;
    newest = clock;
    mustRecheckSession ||= hasUserChanged;
    wakeup.set();
  });
  const heartbeat = setInterval(() => {
    if (response.writableLength === 0) void sendChunks(response, [Buffer.from(':\n\n')]);
    mustRecheckSession = true;
    wakeup.set();
  }, HEARTBEAT_MS).unref();
  try {
    for (let sent = EPOCH; !signal.aborted; await wakeup.wait()) {
      if (mustRecheckSession) {
        mustRecheckSession = false;
        const clock = await source.readClock();
        // Nothing is sent until the session is known to be valid; the next heartbeat checks again.
        if (clock === null) mustRecheckSession = true;
        else if (clock > newest) newest = clock;
      }
      if (mustRecheckSession || newest <= sent || signal.aborted) continue;
      sent = newest;
      await sendEvent(response, nudgeEvent(sent), signal);
    }
  } catch {
    // The session has ended, or the signal was aborted while waiting.
  } finally {
    clearInterval(heartbeat);
    unfollow();
    finish(response);
  }
}

/** Resolves when the bytes have left this process; rejects if the signal is aborted first, as it is when the response closes. */
function sendEvent(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    void sendChunks(response, [Buffer.from(text)]).then(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
}

/** Ends the response. If its bytes cannot be sent the connection is destroyed, so that it does not hold up a shutdown. */
function finish(response: ServerResponse): void {
  if (response.destroyed) return;
  const timeout = setTimeout(() => response.destroy(), END_TIMEOUT_MS);
  response.once('close', () => clearTimeout(timeout)).end();
}

/**
 * An auto-reset event: `wait` resolves once for any number of earlier `set` calls, also those made before anyone waits,
 * and rejects once the signal is aborted.
 */
function createWakeup(signal: AbortSignal): { set: () => void; wait: () => Promise<void> } {
  let isSet = false;
  let resume: (() => void) | null = null;
  const set = (): void => {
    isSet = true;
    resume?.();
  };
  signal.addEventListener('abort', set, { once: true });
  return {
    set,
    async wait() {
      if (!isSet) await new Promise<void>((resolve) => { resume = resolve; });
      signal.throwIfAborted();
      isSet = false;
    },
  };
}
