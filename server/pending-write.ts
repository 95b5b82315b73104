// A write before it is committed. Both stores use this: it collects one write's changes in memory, stamps each with the
// account's next instant and updates the account's digest; the store then applies them in one transaction or drops them.

import { formatInstant, instantFromMs, tick, type Instant } from '../shared/clock.ts';
import { addCrc, emptyDigest, recordCrc, subtractCrc, type CollectionDigest } from '../shared/digest.ts';
import { AppError } from '../shared/errors.ts';
import { isCount } from './account-file.ts';
import { uncountedPauseMs } from './reply-age.ts';
import type { Account, AuditEntry, HeldRecord, Mending, RecordContent, StoredEntry, StoredRecord, StoredReply } from './store.ts';

/** What a store adds to a write: whatever reads, and `prune`. */
export type TransactionReads = Pick<
  Mending, 'get' | 'list' | 'referrers' | 'findReply' | 'prune' | 'held' | 'heldAfter' | 'newestUpTo'
  | 'lastEntry' | 'newestReplyMs'
>;

/** What the store must apply, in this order, and the account to save with it. */
export interface PendingWrite {
  readonly puts: StoredRecord[];
  readonly removals: { readonly record: StoredRecord; readonly at: Instant }[];
  readonly claims: { readonly email: string; readonly userId: string }[];
  readonly releases: string[];
  readonly endedSessions: string[];
  readonly signOuts: { readonly userId: string; readonly keep: string | null }[];
  readonly replies: StoredReply[];
  readonly entries: StoredEntry[];
  readonly restamps: { readonly record: HeldRecord; readonly at: Instant }[];
  readonly droppedTombstones: HeldRecord[];
  refilesReferences: boolean;
  /** The account after this write; the same object as before if nothing changed it. */
  account: Account;
}

/**
 * An empty write and the changing half of its Transaction; the store adds the reading half. `checkedNowMs` is asked once, when
 * the first change is stamped; it throws if the clock cannot be right.
 */
export function beginWrite(account: Account, checkedNowMs: () => number): {
  pending: PendingWrite;
  changes: Omit<Mending, keyof TransactionReads | 'unreadable'>;
} {
  const pending: PendingWrite = {
    puts: [], removals: [], claims: [], releases: [], endedSessions: [], signOuts: [], replies: [], entries: [],
    restamps: [], droppedTombstones: [], refilesReferences: false, account,
  };

  let nowMs: number | null = null;
  const stamp = (collection: string, update: (digest: CollectionDigest, at: Instant) => CollectionDigest): Instant => {
    const { clock, digest } = pending.account;
    const at = tick(clock, nowMs ??= checkedNowMs());
    const updated = update(digest[collection] ?? emptyDigest, at);
    const pausedMs = pending.account.pausedMs + uncountedPauseMs(pending.account, nowMs);
    pending.account = { ...pending.account, clock: at, pausedMs, digest: { ...digest, [collection]: updated } };
    return at;
  };

  const changes = {
    accountId: account.accountId,
    account,
    put(collection: string, id: string, content: RecordContent, previous: StoredRecord | null): Instant {
      const at = stamp(collection, (digest, instant) => {
        const rest = previous === null ? digest : subtractCrc(digest, crcOf(previous));
        return addCrc(rest, recordCrc(id, formatInstant(instant), content.payload));
      });
      // The content may be a whole record as it was read, with its old instant.
      pending.puts.push({ ...content, collection, id, at });
      return at;
    },
    remove(record: StoredRecord): Instant {
      const at = stamp(record.collection, (digest) => subtractCrc(digest, crcOf(record)));
      pending.removals.push({ record, at });
      return at;
    },
    nextNumber(series: string): number {
      const { numbers } = pending.account;
      const last = numbers[series] ?? 0;
      if (!isCount(last) || !isCount(last + 1)) {
        throw new AppError('internal', `The series ${series} cannot go on after ${last}: run node server.ts verify --fix on the server's `
          + 'machine.');
      }
      const next = last + 1;
      pending.account = { ...pending.account, numbers: { ...numbers, [series]: next } };
      return next;
    },
    claimAddress(email: string, userId: string): void {
      pending.claims.push({ email, userId });
    },
    releaseAddress(email: string): void {
      pending.releases.push(email);
    },
    endSession(sessionId: string): void {
      pending.endedSessions.push(sessionId);
    },
    endSessionsOf(userId: string, keep: string | null = null): void {
      pending.signOuts.push({ userId, keep });
    },
    saveReply(reply: StoredReply): void {
      pending.replies.push(reply);
    },
    audit(entry: AuditEntry): void {
      const { clock, audited } = pending.account;
      // For a write without a change: at least as late as the newest change, because no reader may see the clock go back.
      const at = clock === account.clock ? Math.max(clock, instantFromMs(nowMs ??= checkedNowMs())) as Instant : clock;
      pending.account = { ...pending.account, audited: audited + 1 };
      pending.entries.push({ number: audited + 1, at, entry });
    },
    keep(record: StoredRecord): void {
      pending.puts.push(record);
    },
    restamp(record: HeldRecord, at: Instant): void {
      pending.restamps.push({ record, at });
    },
    dropTombstone(tombstone: HeldRecord): void {
      pending.droppedTombstones.push(tombstone);
    },
    refileReferences(): void {
      pending.refilesReferences = true;
    },
    setAccount(set: Partial<Account>): void {
      pending.account = { ...pending.account, ...set };
    },
  };
  return { pending, changes };
}

function crcOf(record: StoredRecord): number {
  return recordCrc(record.id, formatInstant(record.at), record.payload);
}
