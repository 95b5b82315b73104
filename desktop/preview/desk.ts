// The HTTP side of the preview's worker thread (worker.ts): calls in, outcomes and statuses out, all as JSON text that is
// passed on unparsed.
//
// Invariants: every call is answered, even if the thread dies during it; the next call starts another thread.

import { Worker } from 'node:worker_threads';

import type { Channel, Outcome } from '../../shared/window/ipc.ts';
import type { DeskOptions } from '../desk.ts';
import type { Log } from '../files/log.ts';
import type { FromPreviewWorker, NetworkState, ToPreviewWorker } from './worker.ts';

export interface PreviewDesk {
  /** Makes a call with its request as JSON ('' for none); resolves with the outcome as JSON. Never rejects. */
  answer(channel: Channel, body: string): Promise<string>;
  /** Calls back with every new status as JSON; returns a function that stops that. */
  onStatus(listener: (status: string) => void): () => void;
  /** A page went online or offline; ignored if that is the current state. */
  reportNetwork(state: NetworkState): void;
  close(): Promise<void>;
}

const defaultEntry = new URL('./worker.ts', import.meta.url);
const died: Outcome<never> = {
  ok: false, error: { code: 'internal', message: 'Invoify stopped reading its data unexpectedly. Try again: it restarts automatically.' },
};
const closed: Outcome<never> = { ok: false, error: { code: 'cancelled', message: 'The preview is closing.' } };

/** The first call starts the thread, which runs `entry`. */
export function startPreviewDesk(options: DeskOptions, log: Log, entry = defaultEntry): PreviewDesk {
  const listeners = new Set<(status: string) => void>();
  const pending = new Map<number, (outcome: string) => void>();
  let worker: Worker | null = null;
  let network: NetworkState = 'online';
  let lastId = 0;
  let isClosed = false;

  function start(): Worker {
    const started = new Worker(entry, { workerData: options });
    started.on('message', (message: FromPreviewWorker) => {
      if ('outcome' in message) settle(message.id, message.outcome);
      else if ('status' in message) for (const listener of listeners) listener(message.status);
      else log(message.event, message.facts);
    });
    if (network !== 'online') started.postMessage(network satisfies ToPreviewWorker);
    started.on('error', (error) => log('preview worker failed', { error }));
    started.once('exit', () => {
      if (worker === started) worker = null;
      for (const id of [...pending.keys()]) settle(id, JSON.stringify(isClosed ? closed : died));
    });
    return started;
  }

  function settle(id: number, outcome: string): void {
    pending.get(id)?.(outcome);
    pending.delete(id);
  }

  return {
    answer(channel, body) {
      if (isClosed) return Promise.resolve(JSON.stringify(closed));
      worker ??= start();
      const message: ToPreviewWorker = { id: lastId += 1, channel, body };
      worker.postMessage(message);
      return new Promise((resolve) => pending.set(message.id, resolve));
    },
    onStatus(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    reportNetwork(state) {
      if (state === network) return;
      network = state;
      worker?.postMessage(state satisfies ToPreviewWorker);
    },
    async close() {
      isClosed = true;
      const closing = worker;
      if (!closing) return;
      await new Promise<void>((resolve) => {
        closing.once('exit', () => resolve());
        closing.postMessage('close' satisfies ToPreviewWorker);
      });
    },
  };
}
