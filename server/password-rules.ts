// Which passwords may be set. Existing ones stay valid, whatever they are like.

import { newPassword } from '../shared/collections.ts';
import { problem } from '../shared/problems.ts';
import { parseInput } from '../shared/protocol.ts';
import { commonPasswords } from './common-passwords.ts';
import { invalid } from './http.ts';

/**
 * Throws `invalid_request` with a problem of the field `name` if the password is too short, too long, among the most common
 * ones, or its user's address or the part of it before the `@`, in any case of letters. The address may be null if it is not
 * known yet.
 */
export function requireGoodPassword(name: string, password: string, email: string | null): void {
  parseInput({ [name]: newPassword }, { [name]: password });
  const folded = fold(password);
  if (commonPasswords.has(folded)) throw invalid(name, problem('common_password'));
  if (email === null) return;
  const address = fold(email);
  if (folded === address || folded === address.slice(0, address.lastIndexOf('@'))) throw invalid(name, problem('own_address'));
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}
