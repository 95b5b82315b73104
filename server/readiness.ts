// What `GET /api/ready` says: whether the database reads and writes, the disk has room, the clock can be right, and no damage was
// found.
//
// Invariants: each check is bounded in time. Nobody needs a token to ask, so however many ask, each check is under way once at a
// time, and at most one write begins per second. Damage is looked for in the background, because that reads the whole database.

import { AppError, errorCode } from '../shared/errors.ts';
import { errorReply, type Reply } from './http.ts';
import type { Log } from './log.ts';
import type { Store } from './store.ts';

const CHECK_TIMEOUT_MS = 3000;
/** How long a check that takes more than a read stands for the next ones, if it succeeded. */
const VALID_MS = 1000;
/** Below this writes are about to fail. */
const MIN_FREE_BYTES = 64 * 1024 * 1024;
/** Below this somebody should make room. */
const LOW_FREE_BYTES = 1024 * 1024 * 1024;
/** After a start, which has enough to do. */
const FIRST_INSPECTION_MS = 60_000;
const INSPECTION_INTERVAL_MS = 24 * 3_600_000;

export interface ReadinessDeps {
  readonly store: Pick<Store, 'check' | 'checkWrites' | 'checkClock' | 'freeBytes' | 'inspect'>;
  readonly log: Log;
  /** Says whether the databases of other programs can be followed; null if none is. */
  readonly watching?: { describe(): Promise<string> } | null;
  /** Milliseconds since an arbitrary start; never adjusted. */
  readonly monotonicMs: () => number;
}

export interface Readiness {
  /** 200, or 503 with the reason of the first check that failed; `checks` has one line for each. */
  reply(): Promise<Reply>;
  /** Free space where the database is, or null if it is not known. Never rejects. */
  freeBytes(): Promise<number | null>;
  /** Looks for damage now. Never rejects. */
  inspect(): Promise<void>;
  /** Ends the inspections. */
  stop(): void;
}

/** Begins to inspect the database: a minute from now, then daily. */
export function createReadiness({ store, log, monotonicMs, watching = null }: ReadinessDeps): Readiness {
  let damage: AppError | null = null;
  const share = <T>(run: () => Promise<T>, validMs: number): () => Promise<T> => shareResult(run, validMs, monotonicMs);
  const [reads, clock] = [share(() => store.check(), 0), share(() => store.checkClock(), 0)];
  const [writes, room] = [share(() => store.checkWrites(), VALID_MS), share(() => store.freeBytes(), VALID_MS)];

  const inspect = async (): Promise<void> => {
    try {
      await store.inspect();
      damage = null;
    } catch (error) {
      if (errorCode(error) === 'unavailable') damage = error as AppError;
      log('error', 'inspection failed', { error });
    }
  };
  const checks: Readonly<Record<string, () => Promise<string>>> = {
    reads: () => reads().then(ok),
    writes: () => writes().then(ok),
    disk: async () => describeRoom(await room()),
    clock: () => clock().then(ok),
    integrity: async () => {
      if (damage) throw damage;
      return 'ok';
    },
    ...(watching && { watch: share(() => watching.describe(), VALID_MS) }),
  };
  let timer = setTimeout(() => {
    void inspect();
    timer = setInterval(() => void inspect(), INSPECTION_INTERVAL_MS).unref();
  }, FIRST_INSPECTION_MS).unref();

  return {
    async reply() {
      const failures: AppError[] = [];
      const lines = await Promise.all(Object.entries(checks).map(async ([name, check]) => {
        try {
          return [name, await withTimeout(check())];
        } catch (error) {
          const known = error instanceof AppError ? error : new AppError('unavailable', 'The database does not answer.', { cause: error });
          failures.push(known);
          return [name, known.message];
        }
      }));
      const [failure] = failures;
      const { status, headers = {}, body } = failure ? errorReply(failure) : { status: 200, body: { success: true } };
      return { status, headers, body: { ...Object(body), checks: Object.fromEntries(lines) } };
    },
    freeBytes: () => withTimeout(room()).catch(() => null),
    inspect,
    stop: () => clearTimeout(timer),
  };
}

function ok(): string {
  return 'ok';
}

/** Says how much room there is if it is little; throws `unavailable` if it is too little. */
function describeRoom(freeBytes: number | null): string {
  if (freeBytes === null || freeBytes >= LOW_FREE_BYTES) return 'ok';
  const sentence = `The database's disk is nearly full: ${Math.floor(freeBytes / 1024 / 1024)} MiB are free. Make room.`;
  if (freeBytes >= MIN_FREE_BYTES) return sentence;
  throw new AppError('unavailable', sentence, { retryAfterS: 60 });
}

/** Runs `run` once for all who ask while it runs, and not again within `validMs` after it succeeded. */
function shareResult<T>(run: () => Promise<T>, validMs: number, monotonicMs: () => number): () => Promise<T> {
  let last: { readonly result: T; readonly atMs: number } | null = null;
  let running: Promise<T> | null = null;
  return () => {
    if (last && monotonicMs() - last.atMs < validMs) return Promise.resolve(last.result);
    running ??= run().then((result) => {
      last = { result, atMs: monotonicMs() };
      return result;
    }).finally(() => { running = null; });
    return running;
  };
}

/** Rejects with `unavailable` after `CHECK_TIMEOUT_MS`; what was begun goes on. */
async function withTimeout<T>(result: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const sentence = `The database has not answered within ${CHECK_TIMEOUT_MS / 1000} seconds.`;
  const timer = setTimeout(() => reject(new AppError('unavailable', sentence)), CHECK_TIMEOUT_MS);
  try {
    return await Promise.race([result, promise]);
  } finally {
    clearTimeout(timer);
  }
}
