// One write to the server: what is sent again, what is not, and what a person is told when no answer came.
//
// A POST carries an idempotency key, so it can be sent again until it is answered and is done once. A change of a
// version is sent once: the version it is based on is used up when it was done.

import { AppError, errorCode } from '../../shared/errors.ts';
import { parseRecordAnswer, type WireRecord } from '../../shared/protocol.ts';
import { mayPass, withRetry, type RetryDeps } from './retry.ts';
import { parseJson, type Request } from '../session/server-connection.ts';

export interface WriteDeps extends RetryDeps {
  readonly send: (request: Request) => Promise<Buffer>;
  /** A new idempotency key. */
  readonly newId: () => string;
}

/**
 * Sends a write and returns the record as it was written. `updatedAt` is the version that a change is based on. Throws
 * what the server refused it with, and `outcome_unknown` where no answer came that tells whether it was done.
 */
export async function sendWrite(request: Request, updatedAt: string | undefined, deps: WriteDeps): Promise<WireRecord> {
  const isRepeatable = request.method === 'POST';
  const headers = {
    ...(isRepeatable ? { 'idempotency-key': deps.newId() } : {}),
    ...(updatedAt === undefined ? {} : { 'if-match': `"${updatedAt}"` }),
  };
  const attempt = async (): Promise<WireRecord> => parseRecordAnswer(parseJson(await deps.send({ ...request, headers })));
  let isLost = false;
  try {
    if (!isRepeatable) return await attempt();
    return await withRetry(attempt, deps, new AbortController().signal, ({ code }) => { isLost ||= code === 'offline'; });
  } catch (error) {
    // A repetition that failed for another reason says nothing about the one before it.
    const isUnknown = ['offline', 'bad_response'].includes(errorCode(error)) || (isLost && mayPass(error));
    if (!isUnknown) throw error;
    throw new AppError('outcome_unknown', 'The connection broke while saving. Refresh to see whether it was saved.', { cause: error });
  }
}
