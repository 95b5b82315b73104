// The file of the stored token, whatever is in it: `token.bin`, and the marker `token.bin.removing` beside it, which says that the token
// is dead. desktop/electron/vault.ts encrypts it.

import { access, rm, truncate, writeFile } from 'node:fs/promises';

import { hasSystemCode } from '../../shared/errors.ts';
import { isObject } from '../../shared/fields.ts';
import type { StoredToken } from './token-vault.ts';

/**
 * Removes the file. Another program may hold it, or the folder may not be writable: then it is emptied, and as long as
 * neither is possible, a marker stays. Throws if none of the three worked.
 */
export async function removeTokenFile(path: string): Promise<void> {
  const isMarked = await succeeds(writeFile(markerOf(path), '', { mode: 0o600 }));
  try {
    await rm(path, { force: true });
  } catch (error) {
    if (!await succeeds(truncate(path)) && !isMarked) throw error;
    return;
  }
  await succeeds(rm(markerOf(path), { force: true }));
}

/** What is in the file now is meant to be read. */
export async function unmark(path: string): Promise<void> {
  await rm(markerOf(path), { force: true });
}

function markerOf(path: string): string {
  return `${path}.removing`;
}

/** Whether the file must not be read. Throws if that cannot be found out. */
export async function isMarked(path: string): Promise<boolean> {
  try {
    await access(markerOf(path));
    return true;
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return false;
    throw error;
  }
}

async function succeeds(done: Promise<void>): Promise<boolean> {
  return done.then(() => true, () => false);
}

/** Null if it is not a stored token; throws if it is not JSON. */
export function parseStoredToken(text: string): StoredToken | null {
  const value: unknown = JSON.parse(text);
  if (!isObject(value) || typeof value['token'] !== 'string' || typeof value['origin'] !== 'string') return null;
  const { token, origin, userId, receivedMs, lifetimeMs } = value;
  return {
    token, origin,
    ...(typeof userId === 'string' && { userId }),
    ...(typeof receivedMs === 'number' && { receivedMs }),
    ...(typeof lifetimeMs === 'number' && { lifetimeMs }),
  };
}
