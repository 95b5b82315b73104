// The demonstration's assertions: it fails with a clear message as soon as a claim does not hold.

import type { SyncOutcome } from '../shared/window/views.ts';

export function expect(isTrue: boolean, otherwise: string): asserts isTrue {
  if (!isTrue) throw new Error(otherwise);
}

/** Returns the outcome of a completed pull; throws the reason of any other. */
export function requireDone(outcome: SyncOutcome): SyncOutcome {
  expect(outcome.outcome === 'completed', outcome.error?.message ?? `The pull was ${outcome.outcome}.`);
  return outcome;
}
