// How the demonstration fails: with a sentence, as soon as a claim does not hold.

import type { SyncOutcome } from '../shared/window/views.ts';

export function expect(isTrue: boolean, otherwise: string): asserts isTrue {
  if (!isTrue) throw new Error(otherwise);
}

/** The outcome of a pull that went through; throws the reason of one that did not. */
export function requireDone(outcome: SyncOutcome): SyncOutcome {
  expect(outcome.outcome === 'completed', outcome.error?.message ?? `The pull was ${outcome.outcome}.`);
  return outcome;
}
