// What the abuse tests have in common: a server in a process of its own with a company to pull, and clients that misbehave.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { createClient, type Client } from '../client.ts';
import {
  firstOwner, openStore, password, prepare, spawnServer, type Environment, type ServerProcess, type TestStore,
} from './harness.ts';
import { customer, invoice, line } from './samples.ts';

export interface AttackedServer {
  readonly server: ServerProcess;
  readonly owner: Client;
  /** Opens a connection and sends this; nothing is read unless the caller does. */
  attack(text: string): Socket;
  /** Cuts all connections of `attack`. */
  relent(): void;
  stop(): Promise<void>;
}

/** `node server.ts` with one owner, signed in, and so many invoices of about a kilobyte. */
export async function startAttacked(store: TestStore, invoices: number, env: Environment = {}): Promise<AttackedServer> {
  const installation = await prepare(store, { ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD: password, LOG_LEVEL: 'warn', ...env });
  const server = await spawnServer(installation.env);
  const owner = await createClient(() => ({ url: server.url })).login(firstOwner, password);
  const { accountId } = (await owner.get('/api/auth/me')).body.user;
  const direct = await openStore(installation, Date.now);
  const customerId = 'c'.repeat(24);
  const fields = invoice(customerId, { lines: Array.from({ length: 8 }, () => line()) });
  const payload = JSON.stringify({ ...fields, customerName: 'Café Müller' });
  await direct.write(accountId, async (transaction) => {
    transaction.put('customers', customerId, { payload: JSON.stringify(customer()), secret: null, references: [] }, null);
    for (let index = 0; index < invoices; index += 1) {
      transaction.put('invoices', randomBytes(12).toString('hex'), { payload, secret: null, references: [] }, null);
    }
  });
  await direct.close();
  const sockets = new Set<Socket>();
  const relent = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    server,
    owner,
    attack(text) {
      const { hostname, port } = new URL(server.url);
      const socket = connect(Number(port), hostname).on('error', () => {});
      socket.pause().write(text);
      sockets.add(socket);
      return socket;
    },
    relent,
    async stop() {
      relent();
      await server.end('SIGKILL');
      await installation.remove();
    },
  };
}

/** A request as text. */
export function requestText(method: string, path: string, headers: readonly string[] = []): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: server', ...headers, '', ''].join('\r\n');
}

/** The most memory that a process has had resident since the last call with `isReset`, in MiB. */
export function peakMib({ pid }: { readonly pid?: number | undefined }, isReset = false): number {
  // Linux: proc_pid_clear_refs(5).
  if (isReset) writeFileSync(`/proc/${pid}/clear_refs`, '5');
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

export interface HealthProbe {
  /** Ends it; resolves to how long the answers took, in milliseconds, fastest first. */
  end(): Promise<readonly number[]>;
}

/** Another client, in a thread of its own, which asks for the server's health again and again. */
export function probeHealth(url: string): HealthProbe {
  const worker = new Worker(join(import.meta.dirname, 'health-probe.ts'), { workerData: url });
  return {
    async end() {
      worker.postMessage('end');
      const [timesMs] = await once(worker, 'message') as [number[]];
      return timesMs;
    },
  };
}
