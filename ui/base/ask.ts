// How a component asks the desktop for something: by an event that the root answers. Components know the contract
// (shared/window/ipc.ts) and nothing of what carries it, so any of them works wherever something answers.

import type { Outcome, WindowCalls } from '../../shared/window/ipc.ts';

export const askEvent = 'desk-ask';

/** What components may ask; the sync itself is the root's business. */
export type Askable = Exclude<keyof WindowCalls, `sync.${string}`>;

type Request<C extends Askable> = WindowCalls[C]['request'];
type Answer<C extends Askable> = WindowCalls[C]['answer'];

/** What travels up: the call, and where its outcome goes. */
export interface Question {
  readonly channel: Askable;
  readonly request: unknown;
  answer(outcome: Promise<Outcome<unknown>>): void;
}

/** Asks, and never rejects: an element that is in no window any more is told that the call was cancelled. */
export async function ask<C extends Askable>(
  element: EventTarget, channel: C, ...[request]: Request<C> extends undefined ? [] : [request: Request<C>]
): Promise<Outcome<Answer<C>>> {
  let answered: Promise<Outcome<unknown>> | undefined;
  const detail: Question = { channel, request, answer: (outcome) => { answered = outcome; } };
  element.dispatchEvent(new CustomEvent(askEvent, { detail, bubbles: true, composed: true }));
  if (!answered) return { ok: false, error: { code: 'cancelled', message: 'This view was closed.' } };
  // The channel's name says of what type its answer is.
  return await answered as Outcome<Answer<C>>;
}
