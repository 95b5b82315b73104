// The state of an adoption in the database: its mapping, from where its change stream goes on, and which process may work on it.
//
// Invariants: times are the database's own. Whoever takes the lease raises its fence; a process whose fence is not the newest one saves
// nothing more here, and `require` tells it so from inside the transactions that it writes in (adoption.ts).

import { randomUUID } from 'node:crypto';

import type { Collection, Db, ResumeToken, Timestamp, UpdateFilter } from 'mongodb';

import { AppError } from '../../shared/errors.ts';
import { createAdoptedIndexes } from './adopted.ts';
import { majorityRead } from './schema.ts';

/** After this long without a renewal another process may take it. */
const LEASE_MS = 10_000;
export const RENEWAL_MS = 3000;
const READ_TIMEOUT_MS = 5000;

export interface AdoptionDocument {
  /** The account's id. */
  readonly _id: string;
  /** The mapping file's text. */
  readonly mapping: string;
  /** Every document has been looked at since the place in the change stream. */
  readonly isScanned: boolean;
  /** A collection was dropped, and no record whose document is gone has been deleted since. Absent in what earlier versions wrote. */
  readonly isDropped?: boolean;
  /** From where the change stream goes on: after the token, or without one from the time. */
  readonly token: ResumeToken | null;
  readonly startAt: Timestamp | null;
  readonly holder: string | null;
  readonly fence: number;
  readonly expiresAt: Date;
}

/** Another process has taken over. */
export class LeaseLost extends AppError {
  constructor(accountId: string) {
    // Not `conflict`: no document is the cause.
    super('unavailable', `Another process has gone on with adopting into the account ${accountId}.`);
  }
}

export interface Lease {
  readonly accountId: string;
  /** As it was when the lease was taken. */
  readonly state: AdoptionDocument;
  /** Throws `LeaseLost`. */
  renew(): Promise<void>;
  /** Throws `LeaseLost`; read linearizably. */
  require(): Promise<void>;
  /** Throws `LeaseLost`. */
  save(state: Partial<Pick<AdoptionDocument, 'token' | 'startAt' | 'isScanned' | 'isDropped'>>): Promise<void>;
  release(): Promise<void>;
}

export function adoptions(db: Db): Collection<AdoptionDocument> {
  return db.collection<AdoptionDocument>('adoptions');
}

export function listAdoptions(db: Db): Promise<AdoptionDocument[]> {
  return adoptions(db).find({}, majorityRead).toArray();
}

/**
 * Notes an adoption, or another mapping for it: then every document is looked at again. Whoever has the lease loses it, because it
 * would note that it has looked at all of them, though by the old mapping.
 */
export async function saveMapping(db: Db, accountId: string, mapping: string): Promise<void> {
  const fresh = { token: null, startAt: null, fence: 0, expiresAt: new Date(0) };
  await createAdoptedIndexes(db);
  const changed = { mapping, isScanned: false, holder: null };
  await adoptions(db).updateOne({ _id: accountId }, { $set: changed, $setOnInsert: fresh }, { upsert: true });
}

/** Null if another process has it; with `takesOver` it loses it. */
export async function takeLease(db: Db, accountId: string, takesOver = false): Promise<Lease | null> {
  const holder = randomUUID();
  const isFree = { $or: [{ $eq: ['$holder', null] }, { $lt: ['$expiresAt', '$$NOW'] }] };
  const expiresAt = { $add: ['$$NOW', LEASE_MS] };
  const table = adoptions(db);
  const state = await table.findOneAndUpdate({ _id: accountId, ...(takesOver ? {} : { $expr: isFree }) }, [
    { $set: { holder, fence: { $add: ['$fence', 1] }, expiresAt } },
  ], { returnDocument: 'after' });
  if (!state) return null;
  const mine = { _id: accountId, holder, fence: state.fence };
  const change = async (update: UpdateFilter<AdoptionDocument> | object[]): Promise<void> => {
    const { matchedCount } = await table.updateOne(mine, update);
    if (matchedCount === 0) throw new LeaseLost(accountId);
  };
  return {
    accountId,
    state,
    renew: () => change([{ $set: { expiresAt } }]),
    async require() {
      const linearizable = { readConcern: { level: 'linearizable' }, maxTimeMS: READ_TIMEOUT_MS } as const;
      if (await table.findOne(mine, linearizable) === null) throw new LeaseLost(accountId);
    },
    save: (set) => change({ $set: set }),
    async release() {
      await table.updateOne(mine, { $set: { holder: null } });
    },
  };
}

/** Renews a lease until `stop`; calls back, once, if it cannot be renewed. */
export function keepRenewing(lease: Lease, onLost: (error: unknown) => void): () => void {
  let isStopped = false;
  const timer = setInterval(() => {
    void lease.renew().catch((error: unknown) => {
      // Whether it is still held shows at the next write.
      if (isStopped || !(error instanceof LeaseLost)) return;
      clearInterval(timer);
      onLost(error);
    });
  }, RENEWAL_MS).unref();
  return () => {
    isStopped = true;
    clearInterval(timer);
  };
}
