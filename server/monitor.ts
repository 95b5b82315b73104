// Watches what the server does: each request for the metrics and the security log, and what the store reports. It decides nothing,
// and no failure of it reaches a request.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { EPOCH } from '../shared/clock.ts';
import { AppError, errorCode } from '../shared/errors.ts';
import { isObject } from '../shared/fields.ts';
import { addressKey, type Caller, type Origin } from './auth.ts';
import { readBearer, type Reply } from './http.ts';
import type { Log } from './log.ts';
import { createMetrics, metricsContentType, type Gauges } from './metrics.ts';
import { createSecurityLog, type TokenHolder } from './security-log.ts';
import type { Store, StoreDeps } from './store.ts';

export interface MonitorDeps {
  readonly log: Log;
  readonly store: () => Store;
  /** Milliseconds since an arbitrary start; never adjusted. */
  readonly monotonicMs: () => number;
  readonly nowMs: () => number;
  /** Null: there is nothing at `/metrics`. */
  readonly metricsToken: string | null;
}

/** One request; what is known of it is filled in as it becomes known. */
export interface WatchedRequest {
  /** The pattern of its route. */
  route: string | null;
  caller: Caller | null;
  /** The answer is an event stream. */
  streamBegun(): void;
  /** The request was answered with this error. */
  failed(error: unknown): void;
}

/** What only others know. */
export interface MetricsGauges {
  readonly unsentBytes: number;
  /** Asked only for an answer; never rejects. */
  readonly readFreeBytes: () => Promise<number | null>;
}

export interface Monitor {
  /** What the store is to report to. */
  readonly storeHooks: Required<Pick<StoreDeps, 'onAudited' | 'onClockWait'>>;
  watch(request: IncomingMessage, response: ServerResponse, from: Origin): WatchedRequest;
  /** A sign-in with this body was answered with this error. */
  signInFailed(from: Origin, body: unknown, error: unknown): void;
  tokenRefused(from: Origin, holder: TokenHolder): void;
  pulled(changes: number): void;
  /** `GET /metrics`; throws `unauthorized` without the right token. */
  metricsPage(request: IncomingMessage, from: Origin, gauges: MetricsGauges): Promise<Reply>;
  close(): void;
}

/** How old the sessions' lags may be: they are read account by account. */
const LAGS_VALID_MS = 60_000;
/** A scrape must not fail because the database does not answer. */
const LAGS_TIMEOUT_MS = 2000;
const MAX_PATH_LENGTH = 200;

export function createMonitor({ log, store, monotonicMs, nowMs, metricsToken }: MonitorDeps): Monitor {
  const metrics = createMetrics(metricsToken !== null);
  const security = createSecurityLog({ log, store, monotonicMs });
  const readLags = createLagReader(store, monotonicMs, nowMs);

  return {
    storeHooks: {
      onAudited(entry) {
        security.audited(entry);
        if (entry.action === 'sign-in') metrics.signIn('accepted');
      },
      onClockWait: (waitMs) => metrics.clockWaited(waitMs),
    },
    watch(request, response, from) {
      const startedMs = monotonicMs();
      const method = request.method ?? '';
      let isStream = false;
      const watched: WatchedRequest = {
        route: null,
        caller: null,
        streamBegun() {
          isStream = true;
          response.once('close', metrics.streamOpened());
        },
        failed(error) {
          const code = errorCode(error);
          const { caller } = watched;
          if (error instanceof Error && error.cause !== undefined && code === 'unavailable') metrics.storeFailed();
          if (!caller || (code !== 'forbidden' && code !== 'too_many_requests' && !hasWrongPassword(error))) return;
          const path = (request.url ?? '').split('?')[0]?.slice(0, MAX_PATH_LENGTH) ?? '';
          security.denied(from, holderOf(caller), hasWrongPassword(error) ? 'wrong_password' : code, { method, path });
        },
      };
      response.once('close', () => {
        metrics.requestEnded({
          route: watched.route,
          method,
          status: response.headersSent ? response.statusCode : null,
          durationMs: isStream ? null : monotonicMs() - startedMs,
        });
      });
      return watched;
    },
    signInFailed(from, body, error) {
      const result = { unauthorized: 'refused', too_many_requests: 'throttled' } as const;
      const code = errorCode(error);
      if (code !== 'unauthorized' && code !== 'too_many_requests') return;
      metrics.signIn(result[code]);
      const email = isObject(body) ? body['email'] : undefined;
      void security.signInFailed(from, addressKey(typeof email === 'string' ? email : ''), result[code]);
    },
    tokenRefused: (from, holder) => security.tokenRefused(from, holder),
    pulled: (changes) => metrics.pulled(changes),
    async metricsPage(request, from, { unsentBytes, readFreeBytes }) {
      if (metricsToken === null || !isSame(readBearer(request) ?? '', metricsToken)) {
        security.metricsRefused(from);
        throw new AppError('unauthorized', 'The metrics are shown for the METRICS_TOKEN only, as a Bearer token.');
      }
      const body = metrics.render({ unsentBytes, diskFreeBytes: await readFreeBytes(), sessionLagsMs: await readLags() });
      return { status: 200, body, headers: { 'Content-Type': metricsContentType } };
    },
    close: () => metrics.close(),
  };
}

/**
 * Reads how far every session is behind, at most once in `LAGS_VALID_MS`. Null if that is not known; what takes longer than
 * `LAGS_TIMEOUT_MS` is there for the next who asks.
 */
function createLagReader(store: () => Store, monotonicMs: () => number, nowMs: () => number): () => Promise<Gauges['sessionLagsMs']> {
  let lags: Gauges['sessionLagsMs'] = null;
  let validUntilMs = -Infinity;
  let reading: Promise<void> | null = null;
  const read = async (): Promise<void> => {
    const found: (number | null)[] = [];
    for (const accountId of await store().listAccounts()) {
      const clock = await store().snapshot(accountId, async ({ account }) => account.clock);
      for (const { syncedTo, expiresAtMs } of await store().listSessions(accountId)) {
        if (expiresAtMs > nowMs()) found.push(syncedTo === EPOCH ? null : Math.max(0, clock - syncedTo) / 1000);
      }
    }
    lags = found;
    validUntilMs = monotonicMs() + LAGS_VALID_MS;
  };
  return async () => {
    if (monotonicMs() >= validUntilMs) {
      reading ??= read().finally(() => { reading = null; });
      const failed = reading.catch(() => { lags = null; });
      await Promise.race([failed, sleep(LAGS_TIMEOUT_MS, undefined, { ref: false })]);
    }
    return lags;
  };
}

function holderOf({ user, session }: Caller): TokenHolder {
  return { userId: user.id, sessionId: session.sessionId };
}

function hasWrongPassword(error: unknown): boolean {
  return error instanceof AppError && Object.values(error.details.fields ?? {}).some(({ code }) => code === 'wrong_password');
}

/** Takes the same time wherever the texts differ, and however long they are. */
function isSame(given: string, expected: string): boolean {
  const [a, b] = [given, expected].map((text) => createHash('sha256').update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}
