// When a sync starts by itself: at the start, every few minutes while online, when the machine wakes or its network is
// back, when the server nudges, and when a server that was gone answers again.
//
// What always holds: at most one timer of its own is pending. What is due is measured on two clocks, of which the one that went
// further counts: the wall clock also moves while the machine sleeps, the monotonic one is set by nobody. So sleep
// makes a sync due, a clock set back delays none, and a clock set forward costs one. No timer is longer than a slice,
// so a wake that nobody told is noticed. Offline, one small request in growing intervals asks for the server.

import { AppError } from '../../shared/errors.ts';
import type { Status, SyncOutcome } from '../../shared/window/views.ts';
import { backoffMs } from './retry.ts';
import { listenToServer, type EventsDeps, type EventsSource } from './server-events.ts';

/** What the system said. */
export type SystemEvent = 'suspend' | 'resume' | 'online' | 'offline';

/** What the triggers need of the host. */
export interface TriggeredHost extends EventsSource {
  readonly isSignedIn: boolean;
  /** Whether our server answered last time; null: it was not asked yet. */
  readonly isOnline: boolean | null;
  readonly isSyncing: boolean;
  onStatus(listener: (status: Status) => void): () => void;
  /** Starts a pull or joins the one under way. Never rejects. */
  pullFromServer(): Promise<SyncOutcome>;
  /** Asks whether the server is there, by the smallest request there is. Rejects with an AppError where it is not. */
  probe(signal: AbortSignal): Promise<void>;
  /** True where a complete copy lacks what the server has at this instant of its clock. */
  isBehind(serverTime: string): boolean;
  /** Ends the pull and every other request under way; resolves when the pull has ended. */
  abortRequests(): Promise<void>;
}

export interface TriggersDeps extends EventsDeps {
  readonly nowMs: () => number;
}

export interface Triggers {
  /** How often to sync while online; 1 to 60 minutes. */
  setInterval(minutes: number): void;
  notice(event: SystemEvent): void;
  /** Nothing starts any more; what runs is not stopped. */
  close(): void;
}

/** The longest timer: how late a wake that the system did not tell is noticed. */
const SLICE_MS = 30_000;
/** A timer that is this late was held up by a sleep, not by work. */
const SLEPT_MS = 30_000;
/** A nudge reaches every desktop of a company at once; their pulls are spread over this long. */
const NUDGE_SPREAD_MS = 1000;

/** A reading of both clocks. */
interface Reading {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** Something that is due a while after a reading. */
interface Due {
  readonly since: Reading;
  readonly afterMs: number;
}

/** Starts to watch over a host, with a pull at once where someone is signed in. */
export function createTriggers(host: TriggeredHost, deps: TriggersDeps, minutes: number): Triggers {
  let everyMs = minutes * 60_000;
  let isClosed = false;
  let isAsleep = false;
  /** When the last run ended; null: none has, so one is due. */
  let lastRun: Reading | null = null;
  /** Rounds in a row in which the server did not answer. */
  let failures = 0;
  let probeDue: Due | null = null;
  let nudge: (Due & { readonly serverTime: string }) | null = null;
  let cancelTimer: (() => void) | null = null;
  let closeEvents: (() => void) | null = null;
  let probing: AbortController | null = null;
  /** Steps of ours under way, after which everything is planned anew. */
  let steps = 0;
  let seen = facts();

  /** What of the host's state matters here, to be compared with what it was. */
  function facts(): string {
    return `${host.isSyncing} ${host.isOnline} ${host.isSignedIn}`;
  }

  function read(): Reading {
    return { wallMs: deps.nowMs(), monotonicMs: deps.monotonicMs() };
  }

  function elapsedMs({ wallMs, monotonicMs }: Reading): number {
    return Math.max(deps.nowMs() - wallMs, deps.monotonicMs() - monotonicMs);
  }

  /** In whole milliseconds, as timers count: what is left of one would otherwise be waited for again and again. */
  function leftMs({ since, afterMs }: Due): number {
    return Math.max(0, Math.ceil(afterMs - elapsedMs(since)));
  }

  // ------------------------------------------------------------------------------------------------------ planning

  /** Sets the one timer, or none where something is under way, and listens where there is something to hear. */
  function plan(): void {
    cancelTimer?.();
    cancelTimer = null;
    if (isClosed || isAsleep || !host.isSignedIn || host.isOnline !== true) stopListening();
    if (isClosed || !host.isSignedIn || host.isSyncing || probing || steps > 0) return;
    if (host.isOnline && !isAsleep) {
      closeEvents ??= listenToServer(host, { onChange: nudged, onLost: () => void probe() }, deps);
    }
    const delayMs = Math.min(SLICE_MS, nextMs());
    const armed = read();
    cancelTimer = deps.setTimer(() => {
      cancelTimer = null;
      if (isAsleep || elapsedMs(armed) > delayMs + SLEPT_MS) wake();
      else run();
    }, delayMs);
  }

  function stopListening(): void {
    closeEvents?.();
    closeEvents = null;
  }

  function nextMs(): number {
    if (isAsleep) return SLICE_MS;
    if (host.isOnline === false) return probeDue ? leftMs(probeDue) : 0;
    const intervalMs = lastRun ? leftMs({ since: lastRun, afterMs: everyMs }) : 0;
    return nudge ? Math.min(intervalMs, leftMs(nudge)) : intervalMs;
  }

  /** Does what is due, if anything is. */
  function run(): void {
    if (nextMs() > 0) plan();
    else if (host.isOnline === false) void probe();
    else if (!lastRun || leftMs({ since: lastRun, afterMs: everyMs }) === 0) void pull();
    else followNudge();
  }

  function followNudge(): void {
    const serverTime = nudge?.serverTime;
    nudge = null;
    // What this desktop wrote itself it has pulled already.
    if (serverTime !== undefined && host.isBehind(serverTime)) void pull();
    else plan();
  }

  // ------------------------------------------------------------------------------------------------------- actions

  async function step(action: () => Promise<unknown>): Promise<void> {
    steps += 1;
    plan();
    try {
      await action();
    } finally {
      steps -= 1;
      plan();
    }
  }

  function pull(): Promise<void> {
    nudge = null;
    return step(() => host.pullFromServer());
  }

  /** One small request; a pull follows where it finds a server that was gone. */
  async function probe(): Promise<void> {
    if (probing || isClosed || isAsleep || !host.isSignedIn || host.isSyncing || steps > 0) return;
    const wasOffline = host.isOnline === false;
    const mine = probing = new AbortController();
    plan();
    const error = await host.probe(mine.signal).then(() => null, (reason: unknown) => reason);
    if (probing !== mine) return;
    probing = null;
    if (error !== null) failed(error);
    if (error === null && wasOffline) void pull();
    else plan();
  }

  function failed(error: unknown): void {
    failures += 1;
    const reason = error instanceof AppError ? error : new AppError('offline', 'The server did not answer.');
    probeDue = { since: read(), afterMs: backoffMs(failures, reason, deps.random()) };
  }

  function stopProbing(): void {
    probing?.abort();
    probing = null;
  }

  /** A request of before may wait for a connection that is gone: it is ended first. */
  function pullAnew(): void {
    stopProbing();
    stopListening();
    void step(async () => {
      await host.abortRequests();
      if (!isClosed && !isAsleep && host.isSignedIn) await host.pullFromServer();
    });
  }

  function wake(): void {
    isAsleep = false;
    failures = 0;
    pullAnew();
  }

  function nudged(serverTime: string): void {
    if (isClosed || !host.isBehind(serverTime)) return;
    nudge = { serverTime, since: nudge?.since ?? read(), afterMs: nudge?.afterMs ?? deps.random() * NUDGE_SPREAD_MS };
    plan();
  }

  // ------------------------------------------------------------------------------------------------- what is heard

  const stopWatching = host.onStatus(() => {
    const before = seen;
    seen = facts();
    if (seen === before) return;
    if (before.startsWith('true') && !host.isSyncing) ended();
    plan();
  });

  function ended(): void {
    lastRun = read();
    if (host.isOnline === false) failed(null);
    else failures = 0;
  }

  if (host.isSignedIn) void pull();

  return {
    setInterval(changed) {
      everyMs = changed * 60_000;
      plan();
    },
    notice(event) {
      if (isClosed) return;
      switch (event) {
        case 'suspend':
          isAsleep = true;
          stopProbing();
          void step(() => host.abortRequests());
          break;
        case 'resume':
          wake();
          break;
        case 'online':
          isAsleep = false;
          failures = 0;
          // A run that found no server may be waiting out a pause, or for an answer over the network that is gone.
          if (host.isOnline === false) pullAnew();
          else if (host.isSignedIn) void pull();
          break;
        case 'offline':
          // The system's word is only a reason to look.
          void probe();
          break;
      }
    },
    close() {
      isClosed = true;
      stopWatching();
      stopProbing();
      plan();
    },
  };
}
