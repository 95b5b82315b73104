// Group commit: what writers of one account queued is run as one transaction.
//
//   lock the account ─▶ for each job: run its change, apply its pending ─▶ save the account ─▶ commit (majority)
//
// A job that throws loses its own pending and nothing else. A failure of the transaction itself (another process wrote
// the account, a new primary was elected) undoes everything, and the batch runs again. Once a commit has been sent,
// only the commit is repeated until the server says whether it happened, so no change is ever made twice.
// The driver's withTransaction is not used: it reports a commit for which no primary was found as failed though it
// may have happened, and it goes on for two minutes.

import { setTimeout as sleep } from 'node:timers/promises';

import type { ClientSession, MongoClient } from 'mongodb';

import { beginWrite } from '../pending-write.ts';
import { applyWrite, TransactionReader } from './transaction.ts';
import { commitUnknown, isTransient, isUnknownCommit, mongoError, writeTimedOut } from './errors.ts';
import { toAccount, toStored, type Tables } from './schema.ts';
import { unknownAccount } from '../store.ts';
import type { Account, StoreDeps, Transaction } from '../store.ts';

/** How long a batch is repeated before its writers are told. Longer than an election takes. */
const WRITE_LIMIT_MS = 30_000;
const LONGEST_PAUSE_MS = 100;

export interface WriteDeps extends StoreDeps {
  readonly client: MongoClient;
  readonly tables: Tables;
}

export interface WriteJob {
  readonly change: (transaction: Transaction) => Promise<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The database refused one job's part of the transaction, and the transaction with it. */
class JobRefused extends Error {
  readonly job: WriteJob;
  constructor(job: WriteJob, cause: unknown) {
    super('one job of a batch was refused', { cause });
    this.job = job;
  }
}

/** How long to go on, counted from the first failure: a batch that succeeds at once needs no timer. */
class RetryLimit {
  #signal: AbortSignal | null = null;

  isReached(): boolean {
    this.#signal ??= AbortSignal.timeout(WRITE_LIMIT_MS);
    return this.#signal.aborted;
  }
}

/** Runs the jobs in order in one transaction and settles each; never rejects. */
export async function runBatch(deps: WriteDeps, accountId: string, jobs: readonly WriteJob[]): Promise<void> {
  const limit = new RetryLimit();
  let left = jobs;
  for (let attempt = 0; left.length > 0; attempt += 1) {
    try {
      const settle = await commitOnce(deps, accountId, left, limit);
      for (const report of settle) report();
      return;
    } catch (error) {
      if (error instanceof JobRefused) {
        error.job.reject(mongoError(error.cause));
        left = left.filter((job) => job !== error.job);
        continue;
      }
      if (!isTransient(error) || limit.isReached()) {
        const reason = isTransient(error) ? writeTimedOut(error) : mongoError(error);
        for (const job of left) job.reject(reason);
        return;
      }
      deps.log('debug', 'write_repeated', { accountId, attempt, writers: left.length, reason: String(error) });
    }
    await pause(attempt);
  }
}

/** One try. Resolves once the commit is durable, to what tells each job its outcome. */
async function commitOnce(deps: WriteDeps, accountId: string, jobs: readonly WriteJob[], limit: RetryLimit): Promise<(() => void)[]> {
  // Ending the session aborts a transaction that is not committed.
  await using session = deps.client.startSession();
  session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' }, readPreference: 'primary' });
  const before = await lockAccount(deps.tables, session, accountId);
  const settle: (() => void)[] = [];
  let account = before;
  let applied = 0;
  for (const job of jobs) {
    const { report, after } = await runJob(deps, session, account, job);
    settle.push(report);
    if (after === null) continue;
    account = after;
    applied += 1;
  }
  if (applied === 0) return settle;
  if (account !== before) await saveAccount(deps.tables, session, account);
  await commit(session, limit);
  return settle;
}

/** Whoever moves the counter first holds the account until the end of the transaction; others fail at once and try again. */
async function lockAccount({ accounts }: Tables, session: ClientSession, accountId: string): Promise<Account> {
  const document = await accounts.findOneAndUpdate({ _id: accountId }, { $inc: { writes: 1 } }, { session });
  if (!document) throw unknownAccount();
  return toAccount(document);
}

async function saveAccount({ accounts }: Tables, session: ClientSession, account: Account): Promise<void> {
  const { accountId, clock, horizon, digest, numbers } = account;
  await accounts.updateOne(
    { _id: accountId }, { $set: { clock: toStored(clock), horizon: toStored(horizon), digest, numbers } }, { session },
  );
}

async function commit(session: ClientSession, limit: RetryLimit): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await session.commitTransaction();
      return;
    } catch (error) {
      if (!isUnknownCommit(error)) throw error;
      if (limit.isReached()) throw commitUnknown(error);
    }
    await pause(attempt);
  }
}

/** Runs one change and applies its pending. `after` is the account then, or null where the change threw. */
async function runJob(deps: WriteDeps, session: ClientSession, before: Account, job: WriteJob): Promise<{
  report: () => void; after: Account | null;
}> {
  const { pending, changes } = beginWrite(before, deps.nowMs());
  const reader = new TransactionReader(deps.tables, session, pending);
  try {
    const result = await job.change({ ...changes, ...reader.reads });
    await reader.refuseTakenAddresses();
    await reader.finish();
    await applyWrite(deps.tables, session, pending, reader.prunings).catch((error: unknown) => refuse(job, error));
    return { report: () => job.resolve(result), after: pending.account };
  } catch (error) {
    // A read that failed has ended the transaction, whatever the change made of it.
    await reader.finish().catch((failure: unknown) => refuse(job, failure));
    if (error instanceof JobRefused || isTransient(error)) throw error;
    return { report: () => job.reject(error), after: null };
  }
}

function refuse(job: WriteJob, error: unknown): never {
  throw isTransient(error) ? error : new JobRefused(job, error);
}

function pause(attempt: number): Promise<void> {
  return sleep(Math.random() * Math.min(LONGEST_PAUSE_MS, 5 * 2 ** attempt));
}
