// Bounds the memory that V8 lets accumulate before it collects garbage, in the two processes that stream whole accounts.
//
// By default V8 grows the young generation with the machine's memory, lets the heap double, and hardly counts the
// buffers outside it: a pull of 300,000 records then peaks 35 to 75 MB above one of 10,000. With these flags both peak
// alike, at 10 to 33 % more CPU time on the server. These figures are Node 24's; under Electron, whose V8 is newer, nothing
// has been measured. The flags are documented in `node --v8-options`; V8 reads all of them at each decision, so they can be
// set in a running process. The bytes of a page, whose size V8 does not see, are freed explicitly.

import { setFlagsFromString } from 'node:v8';

/** Keeps this process's memory flat, for one page or a million; call it once, first of all. */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=30');
  if (!alwaysCountsBuffers(process.versions.v8)) setFlagsFromString('--external-memory-accounted-in-global-limit');
}

/** Whether this V8 counts buffers outside the heap without being told to: 14.8 removed the flag, which Node 24 still has. */
function alwaysCountsBuffers(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 14 || (major === 14 && minor >= 8);
}

/**
 * Frees a large buffer's memory immediately; the buffer and all views of it are empty afterwards. Does nothing to a
 * buffer that shares its memory with others, as small ones do.
 */
export function releaseBuffer({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
