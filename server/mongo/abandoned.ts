// Ends the transactions of processes that were killed. MongoDB ends them by itself only after `transactionLifetimeLimitSeconds`, a
// minute by default, and until then nobody else can write the accounts that they have locked.
//
// Invariant: only a transaction in which nothing was run between two looks, seconds apart, is ended. If its process does come back, as
// after sleep, its commit fails and the batch is retried.

import type { Document, MongoClient, UUID } from 'mongodb';

/** How long nothing is run in an abandoned transaction. */
const ABANDONED_MS = 5000;
/** Between two looks of a process. */
const LOOK_EVERY_MS = 1000;

interface IdleSession extends Document {
  readonly lsid: { readonly id: UUID };
  readonly transaction: { readonly parameters: { readonly txnNumber: unknown }; readonly timeActiveMicros: unknown };
}

interface Looks {
  readonly lastMs: number;
  /** When each open transaction was first seen in its present state: the total time for which something has run in it. */
  readonly seenMs: ReadonlyMap<string, number>;
}

const looks = new WeakMap<MongoClient, Looks>();

/**
 * Looks for transactions of this application and database user, ends those that are abandoned, and returns how many; 0 if it looked a
 * moment ago. To be called repeatedly while waiting for one. Needs no right beyond what every user has. Throws the driver's error.
 */
export async function endAbandoned(client: MongoClient): Promise<number> {
  const nowMs = performance.now();
  const { lastMs, seenMs } = looks.get(client) ?? { lastMs: -Infinity, seenMs: new Map() };
  if (nowMs - lastMs < LOOK_EVERY_MS) return 0;
  looks.set(client, { lastMs: nowMs, seenMs });
  const admin = client.db('admin');
  // https://www.mongodb.com/docs/manual/reference/operator/aggregation/currentOp/: idle sessions are those with an open transaction in
  // which nothing runs. `timeInactiveMicros` is no use: it adds up all the pauses.
  const idle = await admin.aggregate<IdleSession>([
    { $currentOp: { allUsers: false, idleSessions: true } },
    { $match: { type: 'idleSession', appName: client.options.appName, 'transaction.parameters.autocommit': false } },
  ]).toArray();
  const since = new Map(idle.map((session) => [keyOf(session), seenMs.get(keyOf(session)) ?? nowMs]));
  looks.set(client, { lastMs: nowMs, seenMs: since });
  const abandoned = idle.filter((session) => nowMs - (since.get(keyOf(session)) ?? nowMs) >= ABANDONED_MS);
  if (abandoned.length > 0) await admin.command({ killSessions: abandoned.map(({ lsid: { id } }) => ({ id })) });
  return abandoned.length;
}

function keyOf({ lsid, transaction: { parameters, timeActiveMicros } }: IdleSession): string {
  return [lsid.id, parameters.txnNumber, timeActiveMicros].map(String).join(' ');
}
