// Accounts and their owners as an administrator makes them: at the first start, by `admin create` and `admin reset`;
// and the hourly housekeeping that forgets old tombstones and answers.

import { instantFromMs } from '../shared/clock.ts';
import { AppError } from '../shared/errors.ts';
import { findCollection, writableFields } from '../shared/collections.ts';
import { parseInput } from '../shared/protocol.ts';
import { addressKey, secretOf } from './auth.ts';
import type { Passwords } from './passwords.ts';
import { ANSWER_KEPT_MS, newId, toContent } from './records.ts';
import type { Store } from './store.ts';

const DAY_MS = 86_400_000;

/**
 * Adds an account with one enabled owner and returns its id. Throws `invalid_request` for an address or password that
 * will not do, `conflict` for an address that is taken. A crash in between leaves an account that nobody can enter.
 */
export async function createOwner(store: Store, passwords: Passwords, email: string, password: string): Promise<string> {
  const users = findCollection('users');
  if (!users) throw new Error('there is no collection of users');
  const [name = email] = email.split('@');
  const input = parseInput(writableFields(users), { email, name, role: 'owner', disabled: false, password });
  if (await store.findAddress(addressKey(email))) throw new AppError('conflict', `${email} is already in use.`);
  const content = toContent(users, input, secretOf(await passwords.hash(password)));
  const accountId = newId(Date.now());
  const userId = newId(Date.now());
  await store.createAccount(accountId);
  await store.write(accountId, async (transaction) => {
    transaction.claimAddress(addressKey(email), userId);
    transaction.put('users', userId, content, null);
  });
  return accountId;
}

/** Gives a user a new password, enables nobody, and ends the user's sessions. Throws `not_found` or `invalid_request`. */
export async function resetPassword(store: Store, passwords: Passwords, email: string, password: string): Promise<void> {
  const users = findCollection('users');
  const entry = await store.findAddress(addressKey(email));
  if (!users || !entry) throw new AppError('not_found', `No user has the address ${email}.`);
  parseInput({ password: { kind: 'text', min: 8, max: 1024 } }, { password });
  const secret = secretOf(await passwords.hash(password));
  await store.write(entry.accountId, async (transaction) => {
    const record = await transaction.get('users', entry.userId);
    if (!record) throw new AppError('not_found', `No user has the address ${email}.`);
    transaction.put('users', record.id, { ...record, secret }, record);
    transaction.endSessionsOf(record.id);
  });
}

/** Creates the first account if no account has a user yet; says whether it did. */
export async function createFirstOwner(store: Store, passwords: Passwords, email: string, password: string): Promise<boolean> {
  for (const accountId of await store.listAccounts()) {
    const users = await store.snapshot(accountId, async ({ account }) => account.digest['users']?.count ?? 0);
    if (users > 0) return false;
  }
  try {
    await createOwner(store, passwords, email, password);
    return true;
  } catch (error) {
    // Another server process on the same database was quicker.
    if (error instanceof AppError && error.code === 'conflict') return false;
    throw error;
  }
}

/** Forgets tombstones older than `tombstoneDays` and answers older than a day, account by account. */
export async function pruneAccounts(store: Store, tombstoneDays: number, nowMs: number): Promise<void> {
  for (const accountId of await store.listAccounts()) {
    await store.write(accountId, (transaction) =>
      transaction.prune(instantFromMs(nowMs - tombstoneDays * DAY_MS), nowMs - ANSWER_KEPT_MS));
  }
}
