// How much memory piles up before V8 tidies, in the two processes through which whole accounts flow.
//
// Left alone it lets the space for short-lived objects grow with the machine's memory, lets the heap double, and hardly
// counts what buffers hold outside of it: a pull of 300,000 records then peaks 35 to 75 MB above one of 10,000. With
// these flags both take the same, for a tenth to a third more of the server's processor time. V8 documents its flags in
// `node --v8-options`; all three are read whenever it decides, so they may be set in a running process. What V8 does not
// know to be large, the bytes of a page, is given back by hand.

import { setFlagsFromString } from 'node:v8';

/** Keeps the memory of this process the same for a page as for a million of them; call it once, first of all. */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=30');
  setFlagsFromString('--external-memory-accounted-in-global-limit');
}

/**
 * Gives the memory of a large buffer back at once; it is empty afterwards, and so is every view of it. Does nothing to
 * one that shares its memory with others, as small ones do.
 */
export function releaseBuffer({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
