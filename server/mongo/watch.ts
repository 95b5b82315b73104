// `WATCH=1`: what other programs insert, change or delete in adopted collections is stamped and published, through one change stream for
// each adoption, on whichever process has its lease.
//
// Invariants: an event only names a document; what is taken over is what the document says when it is read. The place in the stream is
// saved after what came before it is committed, so a kill repeats some events and skips none. If the database no longer has the history
// back to that place, every document is looked at instead; after a drop, missing documents do not count as gone until a restore would
// be over. A document that does not fit is named in the log and in /api/ready, and its record stays as it was. Nothing here ends the
// server.

import { setTimeout as sleep } from 'node:timers/promises';

import { MongoServerError, type ChangeStream, type Db, type Document, type MongoClient } from 'mongodb';

import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { parseMapping, type Mapping } from '../mapping.ts';
import type { Store } from '../store.ts';
import { adoptedDocuments, createAdoptedIndexes } from './adopted.ts';
import { Adoption, type NamedDocument } from './adoption.ts';
import { operationTime, sayFinding } from './adopt.ts';
import { mongoError } from './errors.ts';
import { keepRenewing, LeaseLost, listAdoptions, takeLease, type Lease } from './lease.ts';
import { connectMongo } from './preflight.ts';

/** How often adoptions without a process are looked for. */
const POLL_MS = 2000;
const AWAIT_MS = 1000;
/** How often the place is saved although nothing has come, so that it never falls out of the database's history. */
const SAVE_MS = 10_000;
/** How often documents that did not fit are tried again. */
const RETRY_MS = 30_000;
/** After a collection was dropped: how long hardly any documents may come before those that are missing count as gone. */
const QUIET_MS = 30_000;
/** A restore brings more documents than this in this time. */
const [RESTORED, RESTORED_MS] = [20, 5000];
/** Events that are taken together, and that are read ahead. */
const MAX_EVENTS = 500;
const CLOSE_MS = 500;
/** The place is not, or no longer, in the history: ChangeStreamFatalError, ChangeStreamHistoryLost, InvalidResumeToken. */
const placeLost: readonly unknown[] = [280, 286, 260];

export interface Watching {
  /** `ok`, or a sentence about what cannot be taken over. Rejects with `unavailable` if the database does not answer. */
  describe(): Promise<string>;
  /** Stops, and lets another process go on at once; takes no longer than half a second. */
  close(): Promise<void>;
}

export interface WatchDeps {
  readonly config: Pick<Config, 'mongodbUrl' | 'mongodbDb' | 'allowsPlaintextMongo'>;
  readonly store: Pick<Store, 'mend'>;
  readonly log: Log;
  /** Default: 30 seconds. */
  readonly quietMs?: number;
}

export async function startWatch({ config, store, log, quietMs = QUIET_MS }: WatchDeps): Promise<Watching> {
  const client = await connectMongo(config.mongodbUrl ?? '', config.allowsPlaintextMongo);
  const db = client.db(config.mongodbDb);
  const stopping = new AbortController();
  const { signal } = stopping;
  const following = new Map<string, Promise<void>>();
  const failures = new Map<string, unknown>();

  const followOnce = async (accountId: string): Promise<void> => {
    const lease = await takeLease(db, accountId);
    if (!lease) {
      // Another process follows it now, and reports on it.
      failures.delete(accountId);
      return;
    }
    const lost = new AbortController();
    const stopRenewing = keepRenewing(lease, (error) => lost.abort(error));
    try {
      const onWell = (): void => void failures.delete(accountId);
      await follow({ client, db, store, log, lease, quietMs, signal: AbortSignal.any([signal, lost.signal]), onWell });
    } finally {
      stopRenewing();
      await lease.release().catch(() => {});
    }
  };
  const keepFollowing = async (accountId: string): Promise<void> => {
    try {
      await followOnce(accountId);
    } catch (error) {
      if (error instanceof LeaseLost) failures.delete(accountId);
      if (signal.aborted || error instanceof LeaseLost) return;
      log(failures.has(accountId) ? 'debug' : 'warn', 'watching another database failed', { accountId, error: mongoError(error) });
      failures.set(accountId, error);
    } finally {
      following.delete(accountId);
    }
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const found = await listAdoptions(db).catch(() => null);
      for (const id of found ? failures.keys() : []) if (!found?.some(({ _id }) => _id === id)) failures.delete(id);
      for (const { _id } of found ?? []) if (!following.has(_id) && !signal.aborted) following.set(_id, keepFollowing(_id));
      await sleep(POLL_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  };
  const running = run();

  return {
    async describe() {
      if (failures.size > 0) return 'Another program\'s database cannot be followed at the moment; the log says why.';
      const left = adoptedDocuments(db).countDocuments({ problem: { $type: 'string' } });
      const count = await left.catch((error: unknown) => { throw mongoError(error); });
      return count === 0 ? 'ok' : `${count} ${count === 1 ? 'document' : 'documents'} of another program cannot be taken over; the log, `
        + 'and node server.ts adopt --dry-run, say why.';
    },
    async close() {
      stopping.abort();
      const ended = Promise.allSettled([running, ...following.values()]).then(() => client.close()).catch(() => {});
      await Promise.race([ended, sleep(CLOSE_MS, undefined, { ref: false })]);
    },
  };
}

interface FollowDeps extends Required<Pick<WatchDeps, 'store' | 'log' | 'quietMs'>> {
  readonly client: MongoClient;
  readonly db: Db;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  /** Called when something went well. */
  readonly onWell: () => void;
}

/** Follows one adoption until the signal, or rejects. */
async function follow({ client, db, store, log, lease, quietMs, signal, onWell }: FollowDeps): Promise<void> {
  const { accountId, state } = lease;
  const mapping = parseMapping(state.mapping, 'the mapping');
  await createAdoptedIndexes(db);
  const adoption = new Adoption({
    client, store, databaseName: db.databaseName, mapping, accountId, action: 'watch', requireLease: () => lease.require(),
    report: (finding) =>
      log('warn', 'document of another program', { accountId, kind: finding.kind, reason: sayFinding(finding).trimEnd() }),
  });
  let { token, startAt, isScanned, isDropped = false } = state;
  const scan = async (): Promise<void> => {
    const { isComplete, ...outcome } = await adoption.scan({ keepsGone: isDropped });
    log('info', 'looked at every document of another program', { accountId, ...outcome });
    [isScanned, isDropped] = [true, isDropped || !isComplete];
    await lease.save({ isScanned, isDropped });
  };
  while (!signal.aborted) {
    if (token === null && startAt === null) {
      startAt = await operationTime(db);
      isScanned = false;
      await lease.save({ token, startAt, isScanned, isDropped });
    }
    if (!isScanned) await scan();
    const stream = client.db(mapping.database).watch(pipelineFor(mapping), {
      maxAwaitTimeMS: AWAIT_MS, ...(token ? { resumeAfter: token } : startAt && { startAtOperationTime: startAt }),
    });
    try {
      // What is missing after a drop is not gone as long as it may still be restored.
      const restore = isDropped ? createRestoreWatch(quietMs) : null;
      await followStream(stream, {
        mapping, adoption, lease, signal, onWell,
        async onBatch(batch) {
          if (!isDropped || !restore?.isOver(batch)) return;
          isDropped = false;
          await scan();
        },
      });
      return;
    } catch (error) {
      const isLost = error instanceof PlaceLost
        || (error instanceof MongoServerError && (placeLost.includes(error.code) || error.hasErrorLabel('NonResumableChangeStreamError')));
      if (!isLost) throw error;
      log('warn', 'the history of another database is lost, so every document is looked at', { accountId, error });
      [token, startAt, isDropped] = [null, null, isDropped || error instanceof PlaceLost];
    } finally {
      await stream.close().catch(() => {});
    }
  }
}

/** Tells when nothing is being restored any more, once for each time that documents have come. */
function createRestoreWatch(quietMs: number) {
  // What came before the stream began may be all that comes.
  let isDue = true;
  let restoredMs = performance.now();
  let counted = { fromMs: restoredMs, inserts: 0 };
  return {
    isOver(batch: readonly Event[]): boolean {
      const nowMs = performance.now();
      counted.inserts += batch.filter(({ operationType }) => operationType === 'insert').length;
      isDue ||= counted.inserts > 0;
      if (counted.inserts > RESTORED) restoredMs = nowMs;
      if (nowMs - counted.fromMs > RESTORED_MS) counted = { fromMs: nowMs, inserts: 0 };
      if (!isDue || nowMs - restoredMs < quietMs) return false;
      isDue = false;
      return true;
    },
  };
}

/** A collection or the database was dropped or renamed: its documents were not deleted one by one. */
class PlaceLost extends Error {}

function pipelineFor({ collections }: Mapping): Document[] {
  const names = { $in: collections.map(({ from }) => from) };
  return [
    { $match: { $or: [{ 'ns.coll': names }, { 'to.coll': names }, { operationType: { $in: ['dropDatabase', 'invalidate'] } }] } },
    { $project: { operationType: 1, ns: 1, documentKey: 1 } },
  ];
}

interface StreamDeps extends Pick<FollowDeps, 'lease' | 'signal' | 'onWell'> {
  readonly mapping: Mapping;
  readonly adoption: Adoption;
  /** Called with what has come, once it is taken over, and with nothing about once a second. */
  readonly onBatch: (batch: readonly Event[]) => Promise<void>;
}

/** Resolves at the signal; rejects if the stream, the database or a write fails, and with `PlaceLost`. */
async function followStream(stream: ChangeStream, { mapping, adoption, lease, signal, onWell, onBatch }: StreamDeps): Promise<void> {
  const events = readAhead(stream, signal);
  let savedMs = performance.now();
  let retriedMs = savedMs;
  // What did not fit may refer to what has come since, and the other way round.
  let isRetryDue = true;
  // Where a round of retries has come to; each is finished, as what it began with may have changed meanwhile, before another begins.
  let retriedTo = '';
  while (!signal.aborted) {
    const batch = await events.take();
    const nowMs = performance.now();
    const outcome = await adoption.refresh(namedBy(batch));
    isRetryDue ||= outcome.changed > 0;
    // Before its place is saved, so that it comes again if this process is killed.
    if (batch.some(({ operationType }) => !['insert', 'update', 'replace', 'delete'].includes(operationType))) throw new PlaceLost();
    const token = batch.at(-1)?._id ?? (nowMs - savedMs > SAVE_MS && events.isEmpty() ? stream.resumeToken : null);
    if (token !== null && token !== undefined) {
      await lease.save({ token });
      savedMs = nowMs;
    }
    onWell();
    await onBatch(batch);
    if (batch.length > 0 || (retriedTo === '' && !isRetryDue && nowMs - retriedMs < RETRY_MS)) continue;
    if (retriedTo === '') isRetryDue = false;
    retriedTo = (await adoption.retry(retriedTo)).place;
    retriedMs = nowMs;
  }

  /** The documents that the events are about, by collection. */
  function namedBy(batch: readonly Event[]): ReadonlyMap<string, readonly NamedDocument[]> {
    const named = new Map(mapping.collections.map(({ from }) => [from, new Map<string, NamedDocument>()]));
    for (const { ns, documentKey, operationType } of batch) {
      const sourceId = documentKey?._id;
      const found = named.get(ns?.coll ?? '');
      if (sourceId === undefined || !found) continue;
      const key = JSON.stringify([typeof sourceId, sourceId]);
      found.set(key, { sourceId, isDeleted: operationType === 'delete' || found.get(key)?.isDeleted === true });
    }
    return new Map([...named].map(([from, found]) => [from, [...found.values()]]));
  }
}

interface Event {
  readonly _id: unknown;
  readonly operationType: string;
  readonly ns?: { readonly coll?: string };
  readonly documentKey?: { readonly _id: unknown };
}

/** Reads a stream in the background, so that everything that has come can be taken at once. */
function readAhead(stream: ChangeStream, signal: AbortSignal) {
  const queue: Event[] = [];
  let failure: { readonly error: unknown } | null = null;
  let changed = Promise.withResolvers<void>();
  const wake = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  signal.addEventListener('abort', wake, { once: true });
  const read = async (): Promise<void> => {
    try {
      while (!signal.aborted) {
        while (queue.length >= MAX_EVENTS) await changed.promise;
        queue.push(await stream.next() as Event);
        wake();
      }
    } catch (error) {
      failure = { error };
      wake();
    }
  };
  void read();
  return {
    isEmpty: () => queue.length === 0,
    /** What has come; nothing after a second without events. */
    async take(): Promise<readonly Event[]> {
      if (queue.length === 0 && !failure && !signal.aborted) {
        await Promise.race([changed.promise, sleep(AWAIT_MS, undefined, { ref: false })]);
      }
      if (queue.length === 0 && failure && !signal.aborted) throw failure.error;
      const taken = queue.splice(0, MAX_EVENTS);
      wake();
      return taken;
    },
  };
}
