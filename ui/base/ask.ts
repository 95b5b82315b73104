// Calls from components to the desktop, carried by an event that the root answers. Components know the contract
// (shared/window/ipc.ts) but not the transport, so they work under any root that answers.

import type { Outcome, WindowCalls } from '../../shared/window/ipc.ts';

export const askEvent = 'desk-ask';

/** The channels open to components. Only the root controls the sync. */
export type Askable = Exclude<keyof WindowCalls, `sync.${string}`>;

type Request<C extends Askable> = WindowCalls[C]['request'];
type Answer<C extends Askable> = WindowCalls[C]['answer'];

/** The event's detail: the call, and where its outcome goes. */
export interface Call {
  readonly channel: Askable;
  readonly request: unknown;
  respond(outcome: Promise<Outcome<unknown>>): void;
}

/** Calls the desktop. Never rejects; for an element that has been disconnected the outcome is the error `cancelled`. */
export async function ask<C extends Askable>(
  element: EventTarget, channel: C, ...[request]: Request<C> extends undefined ? [] : [request: Request<C>]
): Promise<Outcome<Answer<C>>> {
  let response: Promise<Outcome<unknown>> | undefined;
  const detail: Call = { channel, request, respond: (outcome) => { response = outcome; } };
  element.dispatchEvent(new CustomEvent(askEvent, { detail, bubbles: true, composed: true }));
  if (!response) return { ok: false, error: { code: 'cancelled', message: 'This view was closed.' } };
  // The channel determines the type of the answer.
  return await response as Outcome<Answer<C>>;
}
