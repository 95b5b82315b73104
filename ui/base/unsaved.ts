// Tells the desktop while something would be lost with the window, so that it asks before it closes.

import type { ReactiveController, ReactiveControllerHost } from 'lit';

import { ask } from './ask.ts';

const holders = new Set<ReactiveControllerHost>();

/** For an element that holds input that is not saved, or waits for the answers to its writes or files; asked after each of its updates. */
export class Unsaved implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #isUnsaved: () => boolean;

  constructor(host: ReactiveControllerHost, isUnsaved: () => boolean) {
    this.#host = host;
    this.#isUnsaved = isUnsaved;
    host.addController(this);
  }

  hostUpdated(): void {
    note(this.#host, this.#isUnsaved());
  }

  hostDisconnected(): void {
    note(this.#host, false);
  }
}

function note(host: ReactiveControllerHost, isHolder: boolean): void {
  const before = holders.size > 0;
  if (isHolder) holders.add(host);
  else holders.delete(host);
  const isUnsaved = holders.size > 0;
  // Through the root, as the host may be gone.
  const root = document.querySelector('invoify-app');
  if (root && isUnsaved !== before) void ask(root, 'app.setUnsaved', { isUnsaved });
}
