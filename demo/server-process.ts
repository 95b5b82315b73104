// A server in its own process, started as an administrator would: `node server.ts` with environment variables.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ENTRY = join(import.meta.dirname, '..', 'server.ts');

/** All of the server's variables, emptied, so that none is inherited. */
const unset = Object.fromEntries([
  'HOST', 'MONGODB_URL', 'MONGODB_URL_FILE', 'MONGODB_DB', 'DATA_DIR', 'JWT_SECRET', 'JWT_SECRET_FILE', 'TOKEN_TTL', 'TLS_CERT',
  'TLS_KEY', 'TRUST_PROXY', 'ADMIN_EMAIL', 'ADMIN_PASSWORD', 'ADMIN_PASSWORD_FILE', 'TOMBSTONE_DAYS', 'METRICS_TOKEN',
  'METRICS_TOKEN_FILE',
].map((name) => [name, '']));

export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Sends SIGTERM and resolves once it has exited; throws unless it exits with 0 (except on Windows). */
  stop(): Promise<void>;
}

export interface ServerProcessOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Node's own options. */
  readonly nodeOptions?: readonly string[];
  /** Opens an IPC channel. */
  readonly hasChannel?: boolean;
}

/**
 * Starts a server on a free port; resolves when it listens. Throws with its standard error if it exits before. It is killed
 * at the latest when this process ends.
 */
export async function startServerProcess({ env, nodeOptions = [], hasChannel = false }: ServerProcessOptions): Promise<ServerProcess> {
  const child = spawn(process.execPath, [...nodeOptions, ENTRY], {
    env: { ...process.env, ...unset, PORT: '0', LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(hasChannel ? ['ipc' as const] : [])],
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(child, 'exit').finally(() => process.off('exit', kill));
  const stderr = collectText(child);
  const url = await Promise.race([listening(child), ended.then(() => null)]);
  if (url === null) throw new Error(`The server exited during startup with ${child.exitCode ?? child.signalCode}. ${stderr().trim()}`);
  return {
    url,
    child,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      if (child.exitCode !== 0 && process.platform !== 'win32') {
        throw new Error(`The server exited with ${child.exitCode ?? child.signalCode} instead of 0. ${stderr().trim()}`);
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

/** The URL in the log line for listening, or null for any other line. */
function readUrl(line: string): string | null {
  if (!line.startsWith('{"event":"listening"')) return null;
  const { url } = JSON.parse(line) as { url?: unknown };
  return typeof url === 'string' ? url : null;
}

/** Collects the end of the process's standard error. */
function collectText(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-4000);
  });
  return () => text;
}
