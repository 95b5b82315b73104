// Sessions and sign-in counters in MongoDB. The store maps the errors.

import type { CounterLimit, FullCounter, Identity, Renewal, Session, SessionNote } from '../store.ts';
import { isDuplicateKey, isTransient, labelTransient } from './errors.ts';
import {
  ACCOUNTS, majorityRead, toAccount, toRecord, toSession, toStored, USERS, type AccountDocument, type RecordDocument, type SessionDocument,
  type Tables,
} from './schema.ts';

/** A counter is not a record: it may be lost with a primary, and is never waited for. */
const unconfirmed = { writeConcern: { w: 1 } } as const;

export async function openSession({ sessions }: Tables, session: Session, nowMs: number): Promise<void> {
  const { sessionId, syncedTo, fullPullFrom, ...rest } = session;
  await sessions.deleteMany({ accountId: session.accountId, expiresAtMs: { $lte: nowMs } });
  await sessions.insertOne({ _id: sessionId, ...rest, syncedTo: toStored(syncedTo), fullPullFrom: toStored(fullPullFrom) });
}

/** A request to look up what a token stands for. */
export interface Lookup {
  readonly sessionId: string;
  readonly userId: string;
  readonly resolve: (identity: Identity | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Answers look-ups in one account by one command, and settles each; never rejects. */
export async function identifyAll(tables: Tables, accountId: string, lookups: readonly Lookup[]): Promise<void> {
  try {
    const found = await readIdentities(tables, accountId, lookups).catch((error: unknown) => {
      // The driver does not retry a plain command when the primary is lost.
      if (isTransient(labelTransient(error))) return readIdentities(tables, accountId, lookups);
      throw error;
    });
    for (const lookup of lookups) lookup.resolve(found(lookup));
  } catch (error) {
    for (const { reject } of lookups) reject(error);
  }
}

/** Three look-ups of keys joined by `$unionWith`: half the work of `$lookup`, which looks up one through the other. */
async function readIdentities({ db, sessions }: Tables, accountId: string, lookups: readonly Lookup[]): Promise<
  (lookup: Lookup) => Identity | null
> {
  const oneOf = (ids: readonly string[]) => ids.length === 1 ? ids[0] : { $in: [...new Set(ids)] };
  const sessionIds = oneOf(lookups.map(({ sessionId }) => sessionId));
  const userIds = oneOf(lookups.map(({ userId }) => userId));
  const { cursor } = await db.command({
    aggregate: sessions.collectionName,
    pipeline: [
      { $match: { _id: sessionIds, accountId } },
      { $unionWith: { coll: USERS, pipeline: [{ $match: { _id: userIds, accountId } }] } },
      { $unionWith: { coll: ACCOUNTS, pipeline: [{ $match: { _id: accountId } }] } },
    ],
    cursor: { batchSize: 2 * lookups.length + 1 },
    ...majorityRead,
  });
  const documents: readonly (SessionDocument | RecordDocument | AccountDocument)[] = cursor.firstBatch;
  const account = documents.find((document) => 'clock' in document);
  return ({ sessionId, userId }) => {
    const session = documents.find((document) => 'tokenId' in document && document._id === sessionId && document.userId === userId);
    const user = documents.find((document) => 'payload' in document && document._id === userId);
    if (!session || !('tokenId' in session) || !user || !('payload' in user) || !account) return null;
    return { session: toSession(session), user: toRecord(USERS, user), account: toAccount(account) };
  };
}

export async function renewSession({ sessions }: Tables, accountId: string, sessionId: string, renewal: Renewal): Promise<Session | null> {
  const { from, to, expiresAtMs, previousEndsAtMs } = renewal;
  await sessions.updateOne({ _id: sessionId, accountId, tokenId: from }, {
    $set: { tokenId: to, isTokenUsed: false, expiresAtMs, previousTokenId: from, previousEndsAtMs },
  });
  const found = await sessions.findOne({ _id: sessionId, accountId });
  return found && toSession(found);
}

export async function noteSessions({ sessions }: Tables, notes: readonly SessionNote[]): Promise<void> {
  await sessions.bulkWrite(notes.flatMap(({ accountId, sessionId, lastSeenAtMs, syncedTo, tokenId }) => {
    const noted = { lastSeenAtMs, ...(syncedTo === null ? {} : { syncedTo: toStored(syncedTo) }) };
    return [
      { updateOne: { filter: { _id: sessionId, accountId }, update: { $set: noted } } },
      ...(tokenId === null ? []
        : [{ updateOne: { filter: { _id: sessionId, accountId, tokenId }, update: { $set: { isTokenUsed: true } } } }]),
    ];
  }), { ordered: false });
}

/** Not atomic over several counters: what was added to the first is taken back if a later one is full. */
export async function takeCounters(tables: Tables, limits: readonly CounterLimit[], nowMs: number): Promise<FullCounter | null> {
  for (const [index, limit] of limits.entries()) {
    const full = await takeCounter(tables, limit, nowMs);
    if (full === null) continue;
    await giveBackCounters(tables, limits.slice(0, index).map(({ key }) => key));
    return full;
  }
  return null;
}

/** Adds one unless the counter is full: then the filter does not match, and the insert of the upsert meets its key. */
async function takeCounter({ counters }: Tables, { key, max, endsAtMs }: CounterLimit, nowMs: number): Promise<FullCounter | null> {
  const ifRunning = (yes: unknown, no: unknown) => ({ $cond: [{ $gt: ['$endsAtMs', nowMs] }, yes, no] });
  for (;;) {
    try {
      await counters.updateOne(
        { _id: key, $or: [{ endsAtMs: { $lte: nowMs } }, { count: { $lt: max } }] },
        [{ $set: { count: ifRunning({ $add: ['$count', 1] }, 1), endsAtMs: ifRunning('$endsAtMs', endsAtMs) } }],
        { upsert: true, ...unconfirmed },
      );
      return null;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
    }
    const found = await counters.findOne({ _id: key });
    if (found && found.count >= max && found.endsAtMs > nowMs) return { key, endsAtMs: found.endsAtMs };
    // Another process has just created it: it can be updated now.
  }
}

export async function giveBackCounters({ counters }: Tables, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await counters.updateMany({ _id: { $in: [...keys] }, count: { $gt: 0 } }, { $inc: { count: -1 } }, unconfirmed);
}
