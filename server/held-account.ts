// An account's row or document as the database has it, whatever somebody with access to the database may have made of it.
//
// Invariant: a member that cannot be read is named, and stands as a value that `verify --fix` then corrects from the records: servers
// refuse the account, so nothing is derived from such a value.

import { EPOCH, type Instant } from '../shared/clock.ts';
import { AppError } from '../shared/errors.ts';
import { isObject } from '../shared/fields.ts';
import { isCount, isDigest } from './account-file.ts';
import { newEpoch } from './store.ts';
import type { Account } from './store.ts';

export interface HeldAccount {
  readonly account: Account;
  /** The members that cannot be read. */
  readonly unreadable: readonly (keyof Account)[];
}

/** Of `numbers` only the form is checked: what each series is at is for `nextNumber` and `verify` to check. */
export function holdAccount(accountId: string, held: Readonly<Record<Exclude<keyof Account, 'accountId'>, unknown>>): HeldAccount {
  const { clock, horizon, digest, numbers, epoch, pausedMs, audited } = held;
  const unreadable: (keyof Account)[] = [];
  const take = <T>(member: keyof Account, value: T | null, otherwise: T): T => {
    if (value === null) unreadable.push(member);
    return value ?? otherwise;
  };
  const account: Account = {
    accountId,
    clock: take('clock', isCount(clock) ? clock as Instant : null, EPOCH),
    horizon: take('horizon', isWhole(horizon) ? horizon as Instant : null, -1 as Instant),
    digest: take('digest', isDigest(digest) ? digest : null, {}),
    numbers: take('numbers', isObject(numbers) ? numbers as Account['numbers'] : null, {}),
    epoch: typeof epoch === 'string' ? epoch : take('epoch', null, newEpoch()),
    pausedMs: take('pausedMs', isWhole(pausedMs) ? pausedMs : null, 0),
    audited: take('audited', isCount(audited) ? audited : null, 0),
  };
  return { account, unreadable };
}

/** Throws `internal` with a sentence that says what to do if a member cannot be read. */
export function requireReadable({ account, unreadable }: HeldAccount): Account {
  if (unreadable.length === 0) return account;
  throw new AppError('internal', `The database's account ${account.accountId} cannot be read (${unreadable.join(', ')}): run `
    + "node server.ts verify --fix on the server's machine.");
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
