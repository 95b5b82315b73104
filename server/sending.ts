// Sending an answer: bytes leave this process slice by slice, and whoever takes none of them for too long is cut off.

import type { ServerResponse } from 'node:http';

import { releaseBuffer } from '../shared/heap.ts';

/** How long nothing of an answer may have been sent before its connection is cut. */
const STALL_MS = 30_000;
/** Small, so that a slow line makes progress within `STALL_MS`. */
const SLICE_BYTES = 64 * 1024;

/**
 * Writes the bytes, and frees each large chunk once it has left this process; `onSent` gets its size. Cuts the connection after
 * `STALL_MS` without progress. Returns whether all was sent.
 */
export async function sendChunks(
  response: ServerResponse, chunks: readonly Buffer[], onSent: (sizeBytes: number) => void = () => {},
): Promise<boolean> {
  // What is small goes out at once: each write takes a poll a tenth of its time.
  for (const chunk of chunks.length > 1 && lengthOf(chunks) <= SLICE_BYTES ? [joined(chunks)] : chunks) {
    const { length } = chunk;
    for (let at = 0; at < length; at += SLICE_BYTES) {
      if (!await write(response, chunk.subarray(at, at + SLICE_BYTES))) return false;
    }
    releaseBuffer(chunk);
    onSent(length);
  }
  return true;
}

/** The size of all chunks in bytes. */
export function lengthOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

/** The bytes of all chunks, which are freed. */
function joined(chunks: readonly Buffer[]): Buffer {
  const whole = Buffer.concat(chunks);
  for (const chunk of chunks) releaseBuffer(chunk);
  return whole;
}

/** Resolves to true when the bytes have left this process, and to false if the response is closed first. */
function write(response: ServerResponse, bytes: Buffer): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const timeout = setTimeout(() => response.destroy(), STALL_MS);
    const settle = (isSent: boolean): void => {
      clearTimeout(timeout);
      response.off('close', onClose);
      resolve(isSent);
    };
    const onClose = (): void => settle(false);
    response.once('close', onClose);
    response.write(bytes, (error) => settle(!error));
  });
}
