// The account side of a write, the same for every store: each change takes the account's next instant and moves its
// digest. A draft collects one write's changes in memory; the store applies them in one transaction, or drops them.

import { formatInstant, tick, type Instant } from '../shared/clock.ts';
import { addCrc, emptyDigest, recordCrc, subtractCrc, type CollectionDigest } from '../shared/digest.ts';
import type { Account, KeptAnswer, RecordContent, StoredRecord, Transaction } from './store.ts';

/** What the store must apply, in this order, and the account to save with it. */
export interface Draft {
  readonly puts: StoredRecord[];
  readonly removals: { readonly record: StoredRecord; readonly at: Instant }[];
  readonly claims: { readonly email: string; readonly userId: string }[];
  readonly releases: string[];
  readonly endedUsers: string[];
  readonly answers: KeptAnswer[];
  /** The account after this write; the same object as before where nothing moved it. */
  account: Account;
}

/** The changing half of a Transaction over a draft; the store adds the reading half. */
export function draftWrite(account: Account, nowMs: number): {
  draft: Draft;
  changes: Omit<Transaction, 'get' | 'list' | 'isReferenced' | 'keptAnswer' | 'prune'>;
} {
  const draft: Draft = { puts: [], removals: [], claims: [], releases: [], endedUsers: [], answers: [], account };

  const stamp = (collection: string, move: (digest: CollectionDigest, at: Instant) => CollectionDigest): Instant => {
    const { clock, digest } = draft.account;
    const at = tick(clock, nowMs);
    const moved = move(digest[collection] ?? emptyDigest, at);
    draft.account = { ...draft.account, clock: at, digest: { ...digest, [collection]: moved } };
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
      draft.puts.push({ collection, id, at, ...content });
      return at;
    },
    remove(record: StoredRecord): Instant {
      const at = stamp(record.collection, (digest) => subtractCrc(digest, crcOf(record)));
      draft.removals.push({ record, at });
      return at;
    },
    nextNumber(series: string): number {
      const { numbers } = draft.account;
      const next = (numbers[series] ?? 0) + 1;
      draft.account = { ...draft.account, numbers: { ...numbers, [series]: next } };
      return next;
    },
    claimAddress(email: string, userId: string): void {
      draft.claims.push({ email, userId });
    },
    releaseAddress(email: string): void {
      draft.releases.push(email);
    },
    endSessionsOf(userId: string): void {
      draft.endedUsers.push(userId);
    },
    keepAnswer(answer: KeptAnswer): void {
      draft.answers.push(answer);
    },
  };
  return { draft, changes };
}

function crcOf(record: StoredRecord): number {
  return recordCrc(record.id, formatInstant(record.at), record.payload);
}
