// Starts syncs automatically: at startup, every few minutes while online, when the machine wakes or its network returns,
// when the server nudges, and when an unreachable server answers again.
//
// Invariants: at most one timer of the triggers is pending, and none is longer than half a minute, so that a wake without a
// system event is noticed. Due times are measured on two clocks, of which the one that advanced further counts: the wall
// clock also moves during sleep, and the monotonic clock is never adjusted. So sleep makes a sync due, a clock set back
// delays none, and a clock set forward costs one. While offline, one small request at growing intervals looks for the
// server.

import { AppError } from '../../shared/errors.ts';
import type { Status, SyncOutcome } from '../../shared/window/views.ts';
import { listenForNudges, type EventStreamSource, type NudgeDeps } from './nudges.ts';
import { backoffMs } from './retry.ts';

/** Power and network events of the operating system. */
export type SystemEvent = 'suspend' | 'resume' | 'online' | 'offline';

/** What the triggers need of the host. */
export interface TriggeredHost extends EventStreamSource {
  readonly isSignedIn: boolean;
  /** Whether the server answered the last request; null before the first. */
  readonly isOnline: boolean | null;
  readonly isSyncing: boolean;
  onStatus(listener: (status: Status) => void): () => void;
  /** Starts a pull or joins the current one. Never rejects. */
  pullFromServer(): Promise<SyncOutcome>;
  /** Checks with the smallest possible request whether the server answers. Throws an AppError if it does not. */
  probe(signal: AbortSignal): Promise<void>;
  /** Whether a complete cache is older than this instant of the server's clock. */
  isBehind(serverTime: string): boolean;
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
  /** Starts nothing any more; a current sync goes on. */
  close(): void;
}

/** The longest timer, and so how late a wake without a system event is noticed. */
const MAX_TIMER_MS = 30_000;
/** A timer that fires this late was delayed by sleep, not by work. */
const SLEEP_LATENESS_MS = 30_000;
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
  /** Consecutive syncs and probes that failed to reach the server. */
  let failures = 0;
  let probeDue: Due | null = null;
  let nudge: (Due & { readonly serverTime: string }) | null = null;
  let cancelTimer: (() => void) | null = null;
  let closeStream: (() => void) | null = null;
  let activeProbe: AbortController | null = null;
  /** Actions in progress; each reschedules when it ends. */
  let actions = 0;
  let lastState = hostState();

  /** The part of the host's state that matters here, in a form to compare. */
  function hostState(): string {
    return `${host.isSyncing} ${host.isOnline} ${host.isSignedIn}`;
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
    if (host.isOnline === false) return probeDue ? remainingMs(probeDue) : 0;
    const nextRunMs = untilNextRunMs();
    return nudge ? Math.min(nextRunMs, remainingMs(nudge)) : nextRunMs;
  }

  function untilNextRunMs(): number {
    return lastRun ? remainingMs({ since: lastRun, afterMs: intervalMs }) : 0;
  }

  function runDue(): void {
    if (nextDueMs() > 0) schedule();
    else if (host.isOnline === false) void probe();
    else if (untilNextRunMs() === 0) void pull();
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
    nudge = null;
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
    if (error !== null) backOff(error);
    if (error === null && wasOffline) void pull();
    else schedule();
  }

  function backOff(error: unknown): void {
    failures += 1;
    const reason = error instanceof AppError ? error : new AppError('offline', 'The server did not answer.');
    probeDue = { since: readClocks(), afterMs: backoffMs(failures, reason, deps.random()) };
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
    if (isClosed || !host.isBehind(serverTime)) return;
    nudge = { serverTime, since: nudge?.since ?? readClocks(), afterMs: nudge?.afterMs ?? deps.random() * NUDGE_SPREAD_MS };
    schedule();
  }

  function onRunEnded(): void {
    lastRun = readClocks();
    if (host.isOnline === false) backOff(null);
    else failures = 0;
  }

  const stopWatching = host.onStatus(() => {
    const before = lastState;
    lastState = hostState();
    if (lastState === before) return;
    if (before.startsWith('true') && !host.isSyncing) onRunEnded();
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
