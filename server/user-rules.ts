// Users: a sign-in address is unique across all accounts, the password is stored as a hash beside the record, and every
// account keeps at least one enabled owner. A change that takes rights away ends the user's sessions immediately.

import type { User } from '../shared/collections.ts';
import { AppError } from '../shared/errors.ts';
import type { JsonObject } from '../shared/fields.ts';
import { addressKey, parseUser, removesRights, secretOf } from './auth.ts';
import { requireGoodPassword } from './password-rules.ts';
import type { Rules } from './rules.ts';
import type { Transaction } from './store.ts';

export const userRules: Rules = {
  async secret({ passwords, lane }, input) {
    const password = input['password'];
    if (typeof password !== 'string') return null;
    requireGoodPassword('password', password, null);
    return secretOf(await passwords.hash(password, lane));
  },

  async complete(transaction, { id, input, previous }) {
    const { password, ...payload } = input;
    const after = payload as JsonObject & User;
    if (typeof password === 'string') requireGoodPassword('password', password, after.email);
    const before = previous && parseUser(previous);
    if (before && isEnabledOwner(before) && !isEnabledOwner(after)) await requireAnotherOwner(transaction, id);
    if (!before || addressKey(before.email) !== addressKey(after.email)) {
      if (before) transaction.releaseAddress(addressKey(before.email));
      transaction.claimAddress(addressKey(after.email), id);
    }
    if (before && (after.disabled || removesRights(before.role, after.role))) transaction.endSessionsOf(id);
    return payload;
  },

  async remove(transaction, record) {
    const user = parseUser(record);
    if (isEnabledOwner(user)) await requireAnotherOwner(transaction, record.id);
    transaction.releaseAddress(addressKey(user.email));
    transaction.endSessionsOf(record.id);
  },
};

function isEnabledOwner(user: User): boolean {
  return user.role === 'owner' && !user.disabled;
}

async function requireAnotherOwner(transaction: Transaction, userId: string): Promise<void> {
  const users = await transaction.list('users');
  if (users.some((record) => record.id !== userId && isEnabledOwner(parseUser(record)))) return;
  throw new AppError('conflict', 'An account needs at least one enabled owner. Make someone else an owner first.');
}
