// Starts syncs automatically: at startup, every few minutes while online, when the machine wakes or its network returns,
// when the server nudges, when an unreachable server answers again, and after a sync that failed.
//
// Invariants: at most one timer of the triggers is pending, and none is longer than half a minute, so that a wake without a
// system event is noticed. Due times are measured on two clocks, of which the one that advanced further counts: the wall
// clock also moves during sleep, and the monotonic clock is never adjusted. So sleep makes a sync due, a clock set back
// delays none, and a clock set forward costs one. While offline, one small request at growing intervals looks for the
// server. A sync that failed is tried again after growing pauses, which nudges do not shorten, unless only a person can end
// what failed.

import { AppError, errorCode, type ErrorCode, type ErrorDetails } from '../../shared/errors.ts';
import type { Status, SyncOutcome } from '../../shared/window/views.ts';
import { listenForNudges, type EventStreamSource, type NudgeDeps } from './nudges.ts';
import { backoffMs, type BackoffBounds } from './retry.ts';

/** Power and network events of the operating system. */
export type SystemEvent = 'suspend' | 'resume' | 'online' | 'offline';

/** What the triggers need of the host. */
export interface TriggeredHost extends EventStreamSource {
  readonly isSignedIn: boolean;
  /** Whether the server answered the last request; null before the first. */
  readonly isOnline: boolean | null;
  readonly isSyncing: boolean;
  /** How the last run ended; null before the first has. */
  readonly lastOutcome: SyncOutcome | null;
  onStatus(listener: (status: Status) => void): () => void;
  /** Starts a pull or joins the current one. Never rejects. */
  pullFromServer(): Promise<SyncOutcome>;
  /** Checks with the smallest possible request whether the server answers. Throws an AppError if it does not. */
  probe(signal: AbortSignal): Promise<void>;
  /** Whether a complete cache is older than this instant of the server's clock. */
  isBehind(serverTime: string): boolean;
  /** The server has named an instant of its clock: what is pulled from now on must reach it. */
  noteInstant(serverTime: string): void;
  /** Cancels the pull and all other requests; resolves once the pull has ended. */
  abortRequests(): Promise<void>;
}

export interface TriggersDeps extends NudgeDeps {
  readonly nowMs: () => number;
}

export interface Triggers {
  /** How often to sync while online; 1 to 60 minutes. */
  setInterval(minutes: number): void;
  handleSystemEvent(event: SystemEvent): void;
  /** Starts nothing from now on; a current sync goes on. */
  close(): void;
}

/** The longest timer, and so how late a wake without a system event is noticed. */
const MAX_TIMER_MS = 30_000;
/** A timer that fires this late was delayed by sleep, not by work. */
const SLEEP_LATENESS_MS = 30_000;
/** Between tries of a failed sync while the server answers: short enough to be right within half a minute of the failure's end. */
const retryBounds: BackoffBounds = { firstMs: 1000, maxMs: 25_000 };
/** Between tries while the disk is full: soon after someone has made room, although each may download a page in vain. */
const FULL_DISK_MS = 30_000;
/** Failures that only a person can end, or whose next try the runner itself schedules. */
const notRetried: readonly ErrorCode[] = [
  'signed_out', 'unauthorized', 'session_refused', 'account_changed', 'forbidden', 'upgrade_required', 'server_outdated',
  'digest_mismatch',
];
/** A nudge reaches all desktops of a company at the same time; their pulls are spread over this long. */
const NUDGE_SPREAD_MS = 1000;

/** A reading of both clocks. */
interface Reading {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** Something that is due some time after a reading. */
interface Due {
  readonly since: Reading;
  readonly afterMs: number;
}

/** Starts syncing automatically, with a pull right away if someone is signed in. `minutes` is the interval, 1 to 60. */
export function createTriggers(host: TriggeredHost, deps: TriggersDeps, minutes: number): Triggers {
  let intervalMs = minutes * 60_000;
  let isClosed = false;
  let isAsleep = false;
  /** When the last run ended; null before the first, which makes one due. */
  let lastRun: Reading | null = null;
  /** Syncs and probes that failed since the last completed sync. */
  let failures = 0;
  /** When to try again after a failure, with a probe while offline. */
  let retry: Due | null = null;
  let nudge: (Due & { readonly serverTime: string }) | null = null;
  let cancelTimer: (() => void) | null = null;
  let closeStream: (() => void) | null = null;
  let activeProbe: AbortController | null = null;
  /** Actions in progress; each reschedules when it ends. */
  let actions = 0;
  let last = hostState();

  /** The part of the host's state that matters here. */
  function hostState(): Pick<TriggeredHost, 'isSyncing' | 'isOnline' | 'isSignedIn'> {
    const { isSyncing, isOnline, isSignedIn } = host;
    return { isSyncing, isOnline, isSignedIn };
  }

  function readClocks(): Reading {
    return { wallMs: deps.nowMs(), monotonicMs: deps.monotonicMs() };
  }

  function elapsedMs({ wallMs, monotonicMs }: Reading): number {
    return Math.max(deps.nowMs() - wallMs, deps.monotonicMs() - monotonicMs);
  }

  /** In whole milliseconds, like timers; a fraction of one would otherwise be waited for over and over. */
  function remainingMs({ since, afterMs }: Due): number {
    return Math.max(0, Math.ceil(afterMs - elapsedMs(since)));
  }

  /** Sets the one timer, unless something is in progress, and opens or closes the stream of nudges. */
  function schedule(): void {
    cancelTimer?.();
    cancelTimer = null;
    if (isClosed || isAsleep || !host.isSignedIn || host.isOnline !== true) stopListening();
    if (isClosed || !host.isSignedIn || host.isSyncing || activeProbe || actions > 0) return;
    if (host.isOnline && !isAsleep) {
      closeStream ??= listenForNudges(host, { onNudge, onLost: () => void probe() }, deps);
    }
    const delayMs = Math.min(MAX_TIMER_MS, nextDueMs());
    const armed = readClocks();
    cancelTimer = deps.setTimer(() => {
      cancelTimer = null;
      if (isAsleep || elapsedMs(armed) > delayMs + SLEEP_LATENESS_MS) wake();
      else runDue();
    }, delayMs);
  }

  function stopListening(): void {
    closeStream?.();
    closeStream = null;
  }

  function nextDueMs(): number {
    if (isAsleep) return MAX_TIMER_MS;
    if (retry) return remainingMs(retry);
    if (host.isOnline === false) return 0;
    const nextRunMs = untilNextRunMs();
    return nudge ? Math.min(nextRunMs, remainingMs(nudge)) : nextRunMs;
  }

  function untilNextRunMs(): number {
    return lastRun ? remainingMs({ since: lastRun, afterMs: intervalMs }) : 0;
  }

  function runDue(): void {
    if (nextDueMs() > 0) schedule();
    else if (host.isOnline === false) void probe();
    else if (retry || untilNextRunMs() === 0) void pull();
    else followNudge();
  }

  function followNudge(): void {
    const serverTime = nudge?.serverTime;
    nudge = null;
    // This desktop's own writes have been pulled already.
    if (serverTime !== undefined && host.isBehind(serverTime)) void pull();
    else schedule();
  }

  async function runAction(action: () => Promise<unknown>): Promise<void> {
    actions += 1;
    schedule();
    try {
      await action();
    } finally {
      actions -= 1;
      schedule();
    }
  }

  function pull(): Promise<void> {
    nudge = retry = null;
    return runAction(() => host.pullFromServer());
  }

  /** Sends one small request; pulls if that finds a server that was unreachable. */
  async function probe(): Promise<void> {
    if (activeProbe || isClosed || isAsleep || !host.isSignedIn || host.isSyncing || actions > 0) return;
    const wasOffline = host.isOnline === false;
    const current = activeProbe = new AbortController();
    schedule();
    const error = await host.probe(current.signal).then(() => null, (reason: unknown) => reason);
    if (activeProbe !== current) return;
    activeProbe = null;
    if (error !== null && host.isOnline === false) tryAgain(errorCode(error), error instanceof AppError ? error.details : {});
    if (error === null && wasOffline) void pull();
    else schedule();
  }

  function stopProbing(): void {
    activeProbe?.abort();
    activeProbe = null;
  }

  /** Aborts all requests before pulling: they may be waiting on a dead connection. */
  function restartPull(): void {
    stopProbing();
    stopListening();
    void runAction(async () => {
      await host.abortRequests();
      if (!isClosed && !isAsleep && host.isSignedIn) await host.pullFromServer();
    });
  }

  function wake(): void {
    isAsleep = false;
    failures = 0;
    restartPull();
  }

  function onNudge(serverTime: string): void {
    host.noteInstant(serverTime);
    if (!host.isBehind(serverTime)) return;
    nudge = { serverTime, since: nudge?.since ?? readClocks(), afterMs: nudge?.afterMs ?? deps.random() * NUDGE_SPREAD_MS };
    schedule();
  }

  function onRunEnded(): void {
    lastRun = readClocks();
    retry = null;
    const { outcome, error } = host.lastOutcome ?? {};
    if (outcome === 'completed') failures = 0;
    if (host.isOnline === false || outcome === 'failed') tryAgain(error?.code ?? 'offline', error ?? {});
  }

  /** Sets when the next try is due after a probe or a sync failed: a probe while offline, otherwise a sync. */
  function tryAgain(code: ErrorCode, details: Pick<ErrorDetails, 'retryAfterS'>): void {
    const isOffline = host.isOnline === false;
    if (!isOffline && notRetried.includes(code)) return;
    failures += 1;
    const random = deps.random();
    const afterMs = isOffline ? backoffMs(failures, { details }, random)
      : code === 'disk_full' ? FULL_DISK_MS
      // A sync costs more than a probe, so at least half of the bound passes.
      : backoffMs(failures, { details }, (1 + random) / 2, retryBounds);
    retry = { since: readClocks(), afterMs };
  }

  const stopWatching = host.onStatus(() => {
    const before = last;
    last = hostState();
    if (before.isSyncing === last.isSyncing && before.isOnline === last.isOnline && before.isSignedIn === last.isSignedIn) return;
    if (before.isSyncing && !last.isSyncing) onRunEnded();
    // Probes begin at once, whatever a failed sync was waiting for.
    else if (last.isOnline === false && before.isOnline !== false) retry = null;
    schedule();
  });

  if (host.isSignedIn) void pull();

  return {
    setInterval(newMinutes) {
      intervalMs = newMinutes * 60_000;
      schedule();
    },
    handleSystemEvent(event) {
      if (isClosed) return;
      switch (event) {
        case 'suspend':
          isAsleep = true;
          stopProbing();
          void runAction(() => host.abortRequests());
          break;
        case 'resume':
          wake();
          break;
        case 'online':
          isAsleep = false;
          failures = 0;
          // A run that is failing may be in a backoff, or waiting for an answer over the old network.
          if (host.isOnline === false) restartPull();
          else if (host.isSignedIn) void pull();
          break;
        case 'offline':
          // The operating system is not proof; the server is.
          void probe();
          break;
      }
    },
    close() {
      isClosed = true;
      stopWatching();
      stopProbing();
      schedule();
    },
  };
}
