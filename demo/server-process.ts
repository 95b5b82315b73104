// A server in a process of its own, as an administrator would start it: `node server.ts` with its environment.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ENTRY = join(import.meta.dirname, '..', 'server.ts');

/** Every variable of the server, empty, so that none of the surrounding environment slips in. */
const unset = Object.fromEntries([
  'HOST', 'MONGODB_URL', 'MONGODB_URL_FILE', 'MONGODB_DB', 'DATA_DIR', 'JWT_SECRET', 'JWT_SECRET_FILE', 'TOKEN_TTL', 'TLS_CERT',
  'TLS_KEY', 'TRUST_PROXY', 'ADMIN_EMAIL', 'ADMIN_PASSWORD', 'ADMIN_PASSWORD_FILE', 'TOMBSTONE_DAYS', 'METRICS_TOKEN',
  'METRICS_TOKEN_FILE',
].map((name) => [name, '']));

export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Asks it to end and resolves when it has; throws if it did not end as it should. */
  stop(): Promise<void>;
}

export interface ServerProcessOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Options of Node before the script. */
  readonly nodeOptions?: readonly string[];
  /** A channel for messages beside the standard streams. */
  readonly hasChannel?: boolean;
}

/**
 * Starts a server on a free port; resolves when it listens. Throws with what it wrote to standard error when it ends
 * before that. It is killed at the latest when this process ends.
 */
export async function startServerProcess({ env, nodeOptions = [], hasChannel = false }: ServerProcessOptions): Promise<ServerProcess> {
  const child = spawn(process.execPath, [...nodeOptions, ENTRY], {
    env: { ...process.env, ...unset, PORT: '0', LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(hasChannel ? ['ipc' as const] : [])],
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(child, 'exit').finally(() => process.off('exit', kill));
  const words = collectText(child);
  const url = await Promise.race([listening(child), ended.then(() => null)]);
  if (url === null) throw new Error(`The server ended at its start with ${child.exitCode ?? child.signalCode}. ${words().trim()}`);
  return {
    url,
    child,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      if (child.exitCode !== 0 && process.platform !== 'win32') {
        throw new Error(`The server ended with ${child.exitCode ?? child.signalCode} instead of 0. ${words().trim()}`);
      }
    },
  };
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    if (!child.stdout) throw new Error('the server was started without its output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      const url = readUrl(line);
      if (url !== null) resolve(url);
    });
  });
}

/** The address in the line that says the server listens, or null for any other line. */
function readUrl(line: string): string | null {
  if (!line.startsWith('{"event":"listening"')) return null;
  const { url } = JSON.parse(line) as { url?: unknown };
  return typeof url === 'string' ? url : null;
}

/** The end of what the process writes to standard error. */
function collectText(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-4000);
  });
  return () => text;
}
