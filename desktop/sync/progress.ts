// How far a run is, for people. A first sync also says how many records it has before it: its pages do not, but the
// digest does, which only the last page has. So the account's clock is asked for, with which the stream of nudges begins,
// and then what has changed since: next to nothing, and the digest of everything.
//
// What always holds: this is an ornament. The sync neither waits for it nor fails with it.

import { countRecords } from '../../shared/digest.ts';
import { readPage, type Page } from '../../shared/feed.ts';
import type { SyncProgress } from '../../shared/window/views.ts';
import { readDigest, readState, type CacheReader } from '../cache/cache.ts';
import { createEventParser, eventsRequest, parseClockEvent, type EventsSource } from './server-events.ts';
import type { Request } from '../session/server-connection.ts';
import type { Tally } from './sync.ts';

/** So many changes may come between the two questions; after more of them there is no digest, and no total. */
export const TOTAL_LIMIT = 100;

export interface TotalSource extends EventsSource {
  /** Sends a request with the token. */
  send(request: Request): Promise<Buffer>;
}

export interface ProgressWatch {
  /** A page is here, not yet applied. */
  came(page: Page): void;
  /** So much of this run has been applied. */
  applied(tally: Tally): void;
}

/** Follows one run that begins now on this copy, and tells `onChange` of each step until the signal is raised. */
export function watchProgress(
  cache: CacheReader, source: TotalSource, signal: AbortSignal, onChange: (progress: SyncProgress) => void,
): ProgressWatch {
  const { isInitialComplete, generation } = readState(cache);
  // A first sync that is resumed counts what came before.
  const held = isInitialComplete ? 0 : countRecords(readDigest(cache, generation));
  let isAsked = isInitialComplete;
  let total: number | null = null;
  let progress: SyncProgress = { changes: held, total, bytes: 0 };

  function show(changes: number, bytes: number): void {
    if (signal.aborted) return;
    // More than all of it came where the download had to begin again.
    progress = { changes, total: total !== null && changes <= total ? total : null, bytes };
    onChange(progress);
  }

  if (held > 0) show(held, 0);
  return {
    came({ hasMore }) {
      // One page alone is here before the answer would be.
      if (isAsked || !hasMore) return;
      isAsked = true;
      askTotal(source, signal).then((answer) => {
        total = answer;
        show(progress.changes, progress.bytes);
      }, () => undefined);
    },
    applied: ({ upserts, deletes, bytes }) => show(held + upserts + deletes, bytes),
  };
}

/**
 * Asks for the number of records that this user may see now; null where the server does not let it be known. Rejects
 * where a request fails; raising the signal ends both.
 */
export async function askTotal(source: TotalSource, signal: AbortSignal): Promise<number | null> {
  const serverTime = await askClock(source, signal);
  if (serverTime === null) return null;
  const query = new URLSearchParams({ since: serverTime, limit: String(TOTAL_LIMIT) });
  const { digest } = readPage(await source.send({ path: `/api/sync/pull?${query}`, signal }));
  return digest && countRecords(digest);
}

async function askClock(source: EventsSource, signal: AbortSignal): Promise<string | null> {
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
