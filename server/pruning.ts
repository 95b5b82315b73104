// Removes what nobody can ask for any more: tombstones older than `TOMBSTONE_DAYS`, audit entries older
// than `AUDIT_DAYS`, and expired replies.
//
// Invariants: each batch is a short transaction of its own, so that a write never waits for a whole clean-up and no
// transaction outgrows its time limit. An account that fails does not keep the others from being pruned, and an account
// where nothing is due is only read. A crash leaves less to remove.

import { instantFromMs, type Instant } from '../shared/clock.ts';
import type { Log } from './log.ts';
import { REPLY_TTL_MS, replyTimeMs } from './reply-age.ts';
import type { Store } from './store.ts';

export interface PruningDeps {
  readonly store: Pick<Store, 'checkClock' | 'counters' | 'listAccounts' | 'snapshot' | 'isPruneDue' | 'write'>;
  readonly tombstoneDays: number;
  readonly auditDays: number;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** Prunes now and from then on regularly. Returns how to stop, which leaves at most one batch under way. */
export function startPruning(deps: PruningDeps): () => void {
  let isStopped = false;
  let isRunning = false;
  const run = async (): Promise<void> => {
    if (isRunning) return;
    isRunning = true;
    await pruneAccounts(deps, () => isStopped);
    isRunning = false;
  };
  void run();
  const timer = setInterval(() => void run(), intervalMs(deps.tombstoneDays));
  return () => {
    isStopped = true;
    clearInterval(timer);
  };
}

/** Prunes account by account until nothing is due or `isStopped`. Never rejects: what fails is logged and left for the next time. */
export async function pruneAccounts(deps: PruningDeps, isStopped: () => boolean): Promise<void> {
  const { store, nowMs, log } = deps;
  try {
    await store.checkClock();
    await store.counters.prune();
    const now = nowMs();
    for (const accountId of await store.listAccounts()) {
      await pruneAccount(deps, accountId, now, isStopped).catch((error: unknown) => {
        if (!isStopped()) log('warn', 'pruning failed', { accountId, error });
      });
    }
  } catch (error) {
    if (!isStopped()) log('warn', 'pruning failed', { error });
  }
}

async function pruneAccount(deps: PruningDeps, accountId: string, nowMs: number, isStopped: () => boolean): Promise<void> {
  const { store, tombstoneDays, auditDays } = deps;
  const account = await store.snapshot(accountId, async (snapshot) => snapshot.account);
  const repliesBeforeMs = replyTimeMs(account, nowMs) - REPLY_TTL_MS;
  const due: Due = [daysBefore(nowMs, tombstoneDays), repliesBeforeMs, daysBefore(nowMs, auditDays)];
  while (!isStopped() && await store.isPruneDue(accountId, ...due)) {
    await store.write(accountId, (transaction) => transaction.prune(...due));
  }
}

/** The arguments of `Transaction.prune`. */
type Due = readonly [until: Instant, repliesBeforeMs: number, entriesBefore: Instant];

function daysBefore(nowMs: number, days: number): Instant {
  return instantFromMs(nowMs - days * 86_400_000);
}

/** Once an hour, or 24 times within the lifetime of a tombstone if that is shorter; at most once a second. */
function intervalMs(tombstoneDays: number): number {
  return Math.min(Math.max(tombstoneDays * 3_600_000, 1000), 3_600_000);
}
