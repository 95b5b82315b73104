// The progress of a sync run, as shown in the window. A first sync of several pages also shows the total number of
// records. Pages do not carry it and only the last page has the digest, so the total is requested separately: the event
// stream starts with the account's clock, and a pull of the changes since then returns next to nothing but the digest.
//
// Invariants: best effort; the sync neither waits for the total nor fails because of it.

import { countRecords } from '../../shared/digest.ts';
import { readPage, type Page } from '../../shared/feed.ts';
import type { SyncProgress } from '../../shared/window/views.ts';
import { readDigest, readState, type CacheReader } from '../cache/cache.ts';
import { createEventParser, eventsRequest, parseClockEvent, type EventStreamSource } from './nudges.ts';
import type { Request } from '../session/server-connection.ts';
import type { Tally } from './pull.ts';

/** Page limit of the request for the total. If more changes than this arrive meanwhile, the total stays unknown. */
export const TOTAL_PAGE_CHANGES = 100;

export interface TotalSource extends EventStreamSource {
  /** Sends a request with the token. */
  send(request: Request): Promise<Buffer>;
}

export interface ProgressTracker {
  /** A page was received, but is not applied yet. */
  onReceived(page: Page): void;
  /** `tally` is what this run has applied so far. */
  onApplied(tally: Tally): void;
}

/** Tracks a run that is about to start; calls `onChange` with each step until the signal aborts. */
export function trackProgress(
  cache: CacheReader, source: TotalSource, signal: AbortSignal, onChange: (progress: SyncProgress) => void,
): ProgressTracker {
  const { isInitialComplete, generation } = readState(cache);
  // A resumed first sync includes what it had received before.
  const initialCount = isInitialComplete ? 0 : countRecords(readDigest(cache, generation));
  let isTotalRequested = isInitialComplete;
  let total: number | null = null;
  let progress: SyncProgress = { changes: initialCount, total, bytes: 0 };

  function report(changes: number, bytes: number): void {
    if (signal.aborted) return;
    // A download that had to start over can exceed the total.
    progress = { changes, total: total !== null && changes <= total ? total : null, bytes };
    onChange(progress);
  }

  if (initialCount > 0) report(initialCount, 0);
  return {
    onReceived({ hasMore }) {
      // A single page is here before the total would be.
      if (isTotalRequested || !hasMore) return;
      isTotalRequested = true;
      fetchTotal(source, signal).then((count) => {
        total = count;
        report(progress.changes, progress.bytes);
      }, () => undefined);
    },
    onApplied: ({ upserts, deletes, bytes }) => report(initialCount + upserts + deletes, bytes),
  };
}

/**
 * The number of records that this user may see now, or null if the server does not reveal it. Rejects if a request fails
 * or the signal aborts.
 */
async function fetchTotal(source: TotalSource, signal: AbortSignal): Promise<number | null> {
  const serverTime = await fetchClock(source, signal);
  if (serverTime === null) return null;
  const query = new URLSearchParams({ since: serverTime, limit: String(TOTAL_PAGE_CHANGES) });
  const { digest } = readPage(await source.send({ path: `/api/sync/pull?${query}`, signal }));
  return digest && countRecords(digest);
}

async function fetchClock(source: EventStreamSource, signal: AbortSignal): Promise<string | null> {
  const stop = new AbortController();
  let serverTime: string | null = null;
  const parse = createEventParser((event) => {
    serverTime ??= parseClockEvent(event);
    if (serverTime !== null) stop.abort();
  });
  try {
    await source.receive({ ...eventsRequest, signal: AbortSignal.any([signal, stop.signal]) }, parse);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  return serverTime;
}
