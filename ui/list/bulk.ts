// Does the same with several records, one after the other.
//
// Invariants: nothing is tried twice. After a failure that would meet every other record, too, or once the user cancels, the rest is
// not tried; what was begun is finished.

import type { CallError, Outcome } from '../../shared/window/ipc.ts';

interface Failure<T> {
  readonly item: T;
  readonly error: CallError;
}

export interface BulkResult<T> {
  readonly done: number;
  /** What did not work, and why. */
  readonly failures: readonly Failure<T>[];
  readonly untried: number;
}

/** Failures that have nothing to do with the one record. */
const common: readonly CallError['code'][] = [
  'offline', 'outcome_unknown', 'signed_out', 'unauthorized', 'forbidden', 'upgrade_required', 'server_outdated', 'unavailable',
  'too_many_requests', 'cache_unusable', 'disk_full', 'cancelled',
];

export async function runBulk<T>(
  items: readonly T[], run: (item: T) => Promise<Outcome<unknown>>,
  { isCancelled, onProgress }: { readonly isCancelled: () => boolean; readonly onProgress: (finished: number) => void },
): Promise<BulkResult<T>> {
  const failures: Failure<T>[] = [];
  let finished = 0;
  for (const item of items) {
    if (isCancelled()) break;
    const outcome = await run(item);
    finished += 1;
    if (!outcome.ok) failures.push({ item, error: outcome.error });
    onProgress(finished);
    if (!outcome.ok && common.includes(outcome.error.code)) break;
  }
  return { done: finished - failures.length, failures, untried: items.length - finished };
}
