// Group commit: runs the queued writes of one account as one transaction.
//
//   lock the account ─▶ read ahead for all jobs ─▶ run the change of each ─▶ send all changes ─▶ save the account ─▶ commit (majority)
//
// What arrives while the account is locked and changes are run joins them, so that all of many writers share the next commit, not just
// every other one. A job that throws loses only its own changes. If the transaction itself fails (another process wrote the account, a new
// primary was elected), all of it is undone and the batch is retried. If the database rejects the changes, each job is tried in a
// transaction of its own, so that none fails for another. Once a commit has been sent, only the commit is retried until the server reports
// its outcome, so no change is ever applied twice. A job also waits for a commit if it changed nothing: what it has read may not be
// durable before, such as the reply to the same request through another process. The driver's withTransaction is not used: it reports a
// commit as failed if no primary was found, although it may have succeeded, and it retries for two minutes.

import { setTimeout as sleep } from 'node:timers/promises';

import type { ClientSession, MongoClient } from 'mongodb';

import type { Gather } from '../batch-queue.ts';
import { requireSameTime } from '../clock-check.ts';
import { requireReadable, type HeldAccount } from '../held-account.ts';
import { beginWrite } from '../pending-write.ts';
import { endAbandoned } from './abandoned.ts';
import { Batch, ChangesRejected } from './batch.ts';
import { TransactionReader } from './transaction.ts';
import { commitUnknown, isTransient, isUnknownCommit, isWriteConflict, mongoError, writeTimedOut } from './errors.ts';
import { toHeldAccount, toStored, type AccountDocument, type Tables } from './schema.ts';
import { unknownAccount } from '../store.ts';
import type { Account, LikelyReads, Mending, StoreDeps } from '../store.ts';

/** How long a batch is retried after its first failure. Longer than an election takes. */
const RETRY_TIMEOUT_MS = 30_000;
const MAX_BACKOFF_MS = 100;
/** How long others usually hold an account at most. */
const HELD_UP_MS = 1000;

export interface WriteDeps extends StoreDeps {
  readonly client: MongoClient;
  readonly tables: Tables;
}

export interface WriteJob {
  /** Whether it copes with an account that cannot be read. */
  readonly mends: boolean;
  readonly reads: LikelyReads;
  readonly change: (transaction: Mending) => Promise<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** True once so much time has passed since the first call, which is made at a batch's first failure. */
type IsTimedOut = () => boolean;

function createRetryTimeout(afterMs: number): IsTimedOut {
  // The monotonic clock: `deps.nowMs` may step, and stands still in tests.
  let deadlineMs: number | null = null;
  return () => performance.now() >= (deadlineMs ??= performance.now() + afterMs);
}

/** Runs the jobs, and those that `gather` adds to them, in order in one transaction and settles each; never rejects. */
export async function runBatch(deps: WriteDeps, accountId: string, jobs: readonly WriteJob[], gather: Gather): Promise<void> {
  const isTimedOut = createRetryTimeout(RETRY_TIMEOUT_MS);
  const isHeldUp = createRetryTimeout(HELD_UP_MS);
  for (let attempt = 0; ; attempt += 1) {
    try {
      const outcomes = await commitOnce(deps, accountId, jobs, gather, isTimedOut);
      for (const settle of outcomes) settle();
      return;
    } catch (error) {
      if (error instanceof ChangesRejected && jobs.length > 1) {
        for (const job of jobs) await runBatch(deps, accountId, [job], () => false);
        return;
      }
      if (!isTransient(error) || isTimedOut()) {
        const reason = isTransient(error) ? writeTimedOut(error) : mongoError(error instanceof ChangesRejected ? error.cause : error);
        for (const job of jobs) job.reject(reason);
        return;
      }
      if (isHeldUp() && isWriteConflict(error)) await clearAbandoned(deps);
      deps.log('debug', 'write retried', { accountId, attempt, writers: jobs.length, reason: String(error) });
    }
    await backOff(attempt);
  }
}

/** Ends the transactions of processes that were killed in the middle of a write. Best effort: the database does it later. */
async function clearAbandoned({ client, log }: WriteDeps): Promise<void> {
  try {
    const count = await endAbandoned(client);
    if (count > 0) log('warn', 'abandoned transactions ended', { count });
  } catch (error) {
    log('debug', 'abandoned transactions not ended', { reason: String(error) });
  }
}

/** One attempt. Once the commit is durable, resolves to the functions that settle each job. */
async function commitOnce(
  deps: WriteDeps, accountId: string, jobs: readonly WriteJob[], gather: Gather, isTimedOut: IsTimedOut,
): Promise<(() => void)[]> {
  // Ending the session aborts an uncommitted transaction.
  await using session = deps.client.startSession();
  session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' }, readPreference: 'primary' });
  const { held: before, databaseMs } = await lockAccount(deps.tables, session, accountId);
  const checkedNowMs = (): number => {
    const nowMs = deps.nowMs();
    if (!deps.trustsClock) requireSameTime(nowMs, databaseMs);
    return nowMs;
  };
  const batch = new Batch(deps.tables, session, accountId);
  const outcomes: (() => void)[] = [];
  let held = before;
  let succeeded = 0;
  gather();
  do {
    const next = jobs.slice(outcomes.length);
    await batch.readAhead(next.map(({ reads }) => reads));
    for (const job of next) {
      const { settle, after } = await runJob({ ...deps, nowMs: checkedNowMs }, session, batch, held, job);
      outcomes.push(settle);
      if (after === null) continue;
      if (after !== held.account) held = { account: after, unreadable: [] };
      succeeded += 1;
    }
  } while (gather());
  if (succeeded === 0) return outcomes;
  await batch.send();
  if (held !== before) await saveAccount(deps.tables, session, held.account);
  await commit(session, isTimedOut);
  return outcomes;
}

/**
 * The first to increment the counter locks the account until its transaction ends; others fail immediately and retry.
 * `databaseMs` is the database's own time.
 */
async function lockAccount({ accounts }: Tables, session: ClientSession, accountId: string): Promise<{
  held: HeldAccount; databaseMs: number;
}> {
  const document = await accounts.findOneAndUpdate({ _id: accountId }, { $inc: { writes: 1 } }, {
    session, projection: { clock: 1, horizon: 1, digest: 1, numbers: 1, epoch: 1, pausedMs: 1, audited: 1, databaseTime: '$$NOW' },
  }) as AccountDocument & { readonly databaseTime: Date } | null;
  if (!document) throw unknownAccount();
  return { held: toHeldAccount(document), databaseMs: document.databaseTime.getTime() };
}

async function saveAccount({ accounts }: Tables, session: ClientSession, account: Account): Promise<void> {
  const { accountId, clock, horizon, digest, numbers, epoch, pausedMs, audited } = account;
  await accounts.updateOne(
    { _id: accountId }, { $set: { clock: toStored(clock), horizon: toStored(horizon), digest, numbers, epoch, pausedMs, audited } },
    { session },
  );
}

async function commit(session: ClientSession, isTimedOut: IsTimedOut): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await session.commitTransaction();
      return;
    } catch (error) {
      if (!isUnknownCommit(error)) throw error;
      if (isTimedOut()) throw commitUnknown(error);
    }
    await backOff(attempt);
  }
}

/** Runs one change; what it changes joins the batch. `after` is the resulting account, or null if the change threw. */
async function runJob(deps: WriteDeps, session: ClientSession, batch: Batch, { account, unreadable }: HeldAccount, job: WriteJob): Promise<{
  settle: () => void; after: Account | null;
}> {
  const { pending, changes } = beginWrite(account, deps.nowMs);
  const reader = new TransactionReader(deps.tables, session, batch, pending);
  try {
    if (!job.mends) requireReadable({ account, unreadable });
    const result = await job.change({ ...changes, unreadable, ...reader.reads });
    await reader.rejectTakenAddresses();
    await reader.finish();
    await batch.add(pending, reader.prunings);
    const settle = (): void => {
      for (const { entry } of pending.entries) deps.onAudited?.(entry);
      job.resolve(result);
    };
    return { settle, after: pending.account };
  } catch (error) {
    // A failed read has ended the transaction, even if the change caught the error.
    await reader.finish().catch((failure: unknown) => rejectBatch(failure));
    if (error instanceof ChangesRejected || isTransient(error)) throw error;
    return { settle: () => job.reject(error), after: null };
  }
}

/** In a batch of one, that is the job with this error. */
function rejectBatch(error: unknown): never {
  throw isTransient(error) || error instanceof ChangesRejected ? error : new ChangesRejected(error);
}

function backOff(attempt: number): Promise<void> {
  return sleep(Math.random() * Math.min(MAX_BACKOFF_MS, 5 * 2 ** attempt));
}
