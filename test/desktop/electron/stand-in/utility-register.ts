// Preloaded in a stand-in for a utility process: `electron` resolves to that process's stand-in, and `process.parentPort`
// queues messages until there is a listener.

import { EventEmitter } from 'node:events';
import { registerHooks } from 'node:module';

import { replaceClock } from './utility-clock.ts';
import type { FromStandIn, ToStandIn } from './utility-process.ts';
import { system } from './utility.ts';

const electron = new URL('./utility.ts', import.meta.url).href;
const passTime = replaceClock();

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' ? { url: electron, format: 'module-typescript', shortCircuit: true } : next(specifier, context),
});

function send(message: FromStandIn): void {
  if (process.connected) process.send?.(message);
}

class ParentPort extends EventEmitter implements Pick<Electron.ParentPort, 'postMessage'> {
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
    // Exits with its parent.
    process.once('disconnect', () => process.exit(1));
    process.once('exit', (exitCode) => send({ exitCode }));
  }

  /** What is posted right before the process exits may never arrive: the pipe is closed by then. */
  postMessage(message: unknown): void {
    const data: unknown = structuredClone(message);
    setImmediate(() => send({ data }));
  }
}

Object.defineProperty(process, 'parentPort', { value: new ParentPort() });
