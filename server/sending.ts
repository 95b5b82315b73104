// Sending an answer: bytes leave this process slice by slice, and whoever takes none of them for too long is cut off.

import type { ServerResponse } from 'node:http';

import { releaseBuffer } from '../shared/heap.ts';

/** How long nothing of an answer may have been sent before its connection is cut. */
export const STALL_MS = 30_000;
/** Small, so that a slow line makes progress within `STALL_MS`. */
const SLICE_BYTES = 64 * 1024;

/**
 * Writes the bytes, and frees each large chunk once it has left this process; `onSent` gets its size. Cuts the connection after
 * `STALL_MS` without progress. Returns whether all was sent.
 */
export async function sendChunks(
  response: ServerResponse, chunks: readonly Buffer[], onSent: (sizeBytes: number) => void = () => {},
): Promise<boolean> {
  const timeout = setTimeout(() => response.destroy(), STALL_MS);
  try {
    for (const chunk of chunks) {
      const { length } = chunk;
      for (let at = 0; at < length; at += SLICE_BYTES) {
        if (!await write(response, chunk.subarray(at, at + SLICE_BYTES))) return false;
        timeout.refresh();
      }
      releaseBuffer(chunk);
      onSent(length);
    }
    return true;
  } finally {
    clearTimeout(timeout);
  }
}

/** Resolves to true when the bytes have left this process, and to false if the response is closed first. */
function write(response: ServerResponse, bytes: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const onClose = (): void => resolve(false);
    if (response.destroyed) return onClose();
    response.once('close', onClose);
    response.write(bytes, (error) => {
      response.off('close', onClose);
      resolve(!error);
    });
  });
}
