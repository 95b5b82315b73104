// What every store says in the same words.

import { AppError } from '../shared/errors.ts';

export function shuttingDown(): AppError {
  return new AppError('unavailable', 'The server is shutting down. Try again in a moment.', { retryAfterS: 5 });
}

export function unknownAccount(): AppError {
  return new AppError('unauthorized', 'This account does not exist any more. Sign in again.');
}

export function addressTaken(): AppError {
  return new AppError('conflict', 'That e-mail address is already in use. Choose another.', { fields: { email: 'is already in use' } });
}
