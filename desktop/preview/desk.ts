// The desk behind the preview, in its worker thread, as the thread that serves the page sees it: calls in, outcomes and
// statuses out, all as JSON text that is not built into objects on the way.
//
// Every call is answered, also when the thread dies under it; the next call starts another.

import { Worker } from 'node:worker_threads';

import type { Channel, Outcome } from '../../shared/window/ipc.ts';
import type { DeskOptions } from '../desk.ts';
import type { Log } from '../files/log.ts';
import type { FromPreviewWorker, NetworkState, ToPreviewWorker } from './worker.ts';

export interface PreviewDesk {
  /** Runs one call with its request as JSON text ('' for none); resolves to its outcome as JSON text. Never rejects. */
  answer(channel: Channel, body: string): Promise<string>;
  /** Calls back with each changed status as JSON text; returns how to stop that. */
  onStatus(listener: (status: string) => void): () => void;
  /** A page saw the network come or go; what is known already is not told again. */
  noticeNetwork(state: NetworkState): void;
  close(): Promise<void>;
}

const workerEntry = new URL('./worker.ts', import.meta.url);
const died: Outcome<never> = {
  ok: false, error: { code: 'internal', message: 'The part of Invoify that holds the data stopped. Try again: it starts anew.' },
};
const closed: Outcome<never> = { ok: false, error: { code: 'cancelled', message: 'The preview is closing.' } };

/** The thread is started by the first call. `entry` is what it runs. */
export function startPreviewDesk(options: DeskOptions, log: Log, entry = workerEntry): PreviewDesk {
  const listeners = new Set<(status: string) => void>();
  const waiting = new Map<number, (outcome: string) => void>();
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
    started.on('error', (error) => log("the preview's worker failed", { error }));
    started.once('exit', () => {
      if (worker === started) worker = null;
      for (const id of [...waiting.keys()]) settle(id, JSON.stringify(isClosed ? closed : died));
    });
    return started;
  }

  function settle(id: number, outcome: string): void {
    waiting.get(id)?.(outcome);
    waiting.delete(id);
  }

  return {
    answer(channel, body) {
      if (isClosed) return Promise.resolve(JSON.stringify(closed));
      worker ??= start();
      const message: ToPreviewWorker = { id: lastId += 1, channel, body };
      worker.postMessage(message);
      return new Promise((resolve) => waiting.set(message.id, resolve));
    },
    onStatus(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    noticeNetwork(state) {
      if (state === network) return;
      network = state;
      worker?.postMessage(state satisfies ToPreviewWorker);
    },
    async close() {
      isClosed = true;
      const ending = worker;
      if (!ending) return;
      await new Promise<void>((resolve) => {
        ending.once('exit', () => resolve());
        ending.postMessage('close' satisfies ToPreviewWorker);
      });
    },
  };
}
