// Ends the transactions of processes that were killed. MongoDB ends them by itself only after `transactionLifetimeLimitSeconds`, a
// minute by default, and until then nobody else can write the accounts that they have locked.
//
// A process that lives sends the next command of a transaction within milliseconds, so one in which nothing happens for seconds has
// nobody any more. Should it have, as after the machine slept, its commit fails, and its writes are retried like after any conflict.

import type { Document, MongoClient, UUID } from 'mongodb';

/** How long nothing has happened in an abandoned transaction. */
export const ABANDONED_MS = 5000;
/** Between two looks of a process. */
const LOOK_EVERY_MS = 1000;

interface IdleSession extends Document {
  readonly lsid: { readonly id: UUID };
}

const lastLookMs = new WeakMap<MongoClient, number>();

/**
 * Ends abandoned transactions of this application and database user, and returns how many; 0 if it looked a moment ago. Takes no right that
 * a user does not have. Throws the driver's error.
 */
export async function endAbandoned(client: MongoClient): Promise<number> {
  const nowMs = performance.now();
  if (nowMs - (lastLookMs.get(client) ?? -Infinity) < LOOK_EVERY_MS) return 0;
  lastLookMs.set(client, nowMs);
  const admin = client.db('admin');
  // https://www.mongodb.com/docs/manual/reference/operator/aggregation/currentOp/: idle sessions are those with an open transaction.
  const idle = await admin.aggregate<IdleSession>([
    { $currentOp: { allUsers: false, idleSessions: true } },
    {
      $match: {
        type: 'idleSession', appName: client.options.appName, 'transaction.parameters.autocommit': false,
        'transaction.timeInactiveMicros': { $gte: ABANDONED_MS * 1000 },
      },
    },
  ]).toArray();
  if (idle.length > 0) await admin.command({ killSessions: idle.map(({ lsid: { id } }) => ({ id })) });
  return idle.length;
}
