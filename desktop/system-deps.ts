// The default deps of the desktop, from Node and the operating system. Callers override what they provide themselves.

import { randomUUID } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { checkCache } from './cache/check.ts';
import type { DeskDeps } from './desk.ts';
import type { HostDeps } from './host.ts';
import { createMemoryVault } from './session/token-vault.ts';

/** Node's `fetch` decodes these, but asks for `gzip, deflate` by itself. */
const encodings = 'zstd, br, gzip';

function fetchCompressed(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('accept-encoding', encodings);
  return fetch(input, { ...init, headers });
}

export function systemHostDeps(): HostDeps {
  return {
    fetch: fetchCompressed,
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    random: Math.random,
    newId: randomUUID,
    yieldToEventLoop: () => nextTurn(),
    setTimer(callback, delayMs) {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
    hasNetwork: () => Object.values(networkInterfaces()).flat().some((address) => address && !address.internal),
    vault: createMemoryVault(),
    checkCache,
    log: (event, { error, ...facts } = {}) =>
      console.error(event, JSON.stringify({ ...facts, ...(error instanceof Error && { error: error.message }) })),
  };
}

export function systemDeskDeps(): DeskDeps {
  return { ...systemHostDeps(), computerName: hostname() };
}
