// Follows the clocks of the accounts that someone listens to: one watch and one look at a time for each, however many
// listen. A look reads one snapshot: where the clock is, and whether a user was changed since the last look, as only
// then a session may have ended with the change.

import type { Instant } from '../shared/clock.ts';
import { errorCode } from '../shared/errors.ts';
import type { Log } from './log.ts';
import type { Snapshot, Store } from './store.ts';

/** Moves within this time after a look are told together. */
const GAP_MS = 200;

export interface Move {
  readonly clock: Instant;
  /** Since the last move that was told. */
  readonly hasUserChanged: boolean;
}

export interface AccountClocks {
  /**
   * Calls back with each move of the account's clock after `since`, not necessarily with every one in between; at once
   * where it is known to be later. Returns how to stop.
   */
  follow(accountId: string, since: Instant, onMove: (move: Move) => void): () => void;
}

interface Followed {
  /** Where the last look found the clock. */
  clock: Instant;
  readonly followers: Set<(move: Move) => void>;
  readonly unwatch: () => void;
}

export function createAccountClocks(store: Pick<Store, 'watch' | 'snapshot'>, log: Log): AccountClocks {
  const accounts = new Map<string, Followed>();

  function open(accountId: string, clock: Instant): Followed {
    let hasMoved = false;
    let isLooking = false;
    const account: Followed = { clock, followers: new Set(), unwatch: store.watch(accountId, () => void look()) };
    const look = async (): Promise<void> => {
      hasMoved = true;
      if (isLooking) return;
      isLooking = true;
      while (hasMoved && account.followers.size > 0) {
        hasMoved = false;
        await lookOnce(accountId, account);
        await new Promise((resolve) => setTimeout(resolve, GAP_MS));
      }
      isLooking = false;
    };
    accounts.set(accountId, account);
    // The clock may have moved before the watch began; by then the first follower is there.
    queueMicrotask(() => void look());
    return account;
  }

  /** Never rejects: what could not be looked up is so at the next move, or when a follower asks for its session. */
  async function lookOnce(accountId: string, account: Followed): Promise<void> {
    try {
      const move = await store.snapshot(accountId, (snapshot) => readMove(snapshot, account.clock));
      if (!move) return;
      account.clock = move.clock;
      for (const tell of [...account.followers]) tell(move);
    } catch (error) {
      log(errorCode(error) === 'internal' ? 'error' : 'debug', 'a clock could not be looked up', { accountId, error });
    }
  }

  return {
    follow(accountId, since, onMove) {
      const account = accounts.get(accountId) ?? open(accountId, since);
      // A function of its own for each, as one may be given twice.
      const tell = (move: Move): void => onMove(move);
      account.followers.add(tell);
      if (account.clock > since) tell({ clock: account.clock, hasUserChanged: true });
      return () => {
        account.followers.delete(tell);
        if (account.followers.size > 0 || accounts.get(accountId) !== account) return;
        accounts.delete(accountId);
        account.unwatch();
      };
    },
  };
}

async function readMove(snapshot: Snapshot, since: Instant): Promise<Move | null> {
  const { clock } = snapshot.account;
  if (clock <= since) return null;
  const range = { after: since, collections: ['users'], withTombstones: true, limit: 1 };
  for await (const changes of snapshot.changes(range)) {
    if (changes.length > 0) return { clock, hasUserChanged: true };
  }
  return { clock, hasUserChanged: false };
}
