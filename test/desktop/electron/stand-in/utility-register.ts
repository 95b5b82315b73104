// Loaded first into a process that stands in for a utility process: `electron` is what such a process has of it, and
// `process.parentPort` keeps messages until someone listens.

import { EventEmitter } from 'node:events';
import { registerHooks } from 'node:module';

import { replaceClock } from './utility-clock.ts';
import type { ToStandIn } from './utility-process.ts';
import { system } from './utility.ts';

const electron = new URL('./utility.ts', import.meta.url).href;
const passTime = replaceClock();

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' ? { url: electron, format: 'module-typescript', shortCircuit: true } : next(specifier, context),
});

class ParentPort extends EventEmitter {
  #early: unknown[] | null = [];

  constructor() {
    super();
    process.on('message', (message: ToStandIn) => {
      if ('isOnline' in message) system.isOnline = message.isOnline;
      else if ('passMs' in message) passTime(message.passMs);
      else if (this.#early) this.#early.push(message.data);
      else this.emit('message', { data: message.data, ports: [] });
    });
    this.on('newListener', (event) => {
      const early = event === 'message' ? this.#early ?? [] : [];
      if (event === 'message') this.#early = null;
      queueMicrotask(() => early.forEach((data) => this.emit('message', { data, ports: [] })));
    });
    // Its parent is what keeps it alive, and ends it.
    process.once('disconnect', () => process.exit(1));
  }

  postMessage(message: unknown): void {
    process.send?.(message);
  }
}

Object.defineProperty(process, 'parentPort', { value: new ParentPort() });
