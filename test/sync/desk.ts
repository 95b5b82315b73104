// A desktop under test: a real host on a real file, with network, timers and clock under the test's control. Every status
// it reports is recorded and must not contradict itself.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { openHost, type Host, type HostDeps } from '../../desktop/host.ts';
import { createMemoryVault, type TokenVault } from '../../desktop/session/token-vault.ts';
import { collections } from '../../shared/collections.ts';
import type { Status, SyncOutcome } from '../../shared/window/views.ts';
import { createNetwork, type Network } from '../network.ts';
import type { HeldRecord } from '../server/naive-cache.ts';
import { createTimers } from './timers.ts';

export interface DeskOptions {
  readonly url: string;
  /** The server's current origin, if it differs from `url`. */
  readonly currentUrl?: () => string;
  /** Stored in the vault, as if from an earlier session. */
  readonly token?: string;
  /** Changes per page, and no streams; called for every page. */
  readonly pageLimit?: () => number;
  /** Changes per piece of a stream. */
  readonly pieceChanges?: number;
  /** Whether streams reach the server; default: true. */
  readonly hasStreams?: boolean;
  /** A cache file to start from, as if left by an earlier session. */
  readonly cacheFrom?: string;
  /** Uses this desk's data folder, which that desk removes. */
  readonly beside?: Desk;
  /** Sends what the network lets through; default: `fetch`. */
  readonly send?: (url: string, init: RequestInit) => Promise<Response>;
  /** Parent of its data folder; default: the temporary folder. */
  readonly folder?: string;
  readonly deps?: Partial<HostDeps>;
}

/** The initial time of every desk's clock. */
const deskStartMs = Date.parse('2026-03-01T12:00:00Z');

export class Desk {
  readonly folder: string;
  readonly file: string;
  readonly network: Network;
  readonly timers = createTimers();
  readonly vault: { -readonly [K in keyof TokenVault]: TokenVault[K] } = createMemoryVault();
  readonly clock = { ms: deskStartMs, monotonicMs: 0 };
  readonly machine = { hasNetwork: true };
  readonly statuses: Status[] = [];
  readonly contradictions: string[] = [];
  /** The log. A test that expects an entry removes it. */
  readonly logged: string[] = [];
  readonly #options: DeskOptions;
  readonly #deps: HostDeps;
  #host: Host | null = null;
  #yields = 0;

  constructor(options: DeskOptions) {
    const { clock, machine, logged } = this;
    this.#options = options;
    this.folder = options.beside?.folder ?? mkdtempSync(join(options.folder ?? tmpdir(), 'invoify-desk-'));
    this.file = join(this.folder, 'database', 'invoify.sqlite');
    this.network = createNetwork({
      currentUrl: options.currentUrl, hasStreams: options.hasStreams, onStall: (stalled) => this.#passTime(stalled),
      ...(options.send && { send: options.send }),
    });
    this.#deps = {
      fetch: this.network.fetch,
      setTimer: this.timers.setTimer,
      hasNetwork: () => machine.hasNetwork,
      nowMs: () => clock.ms,
      monotonicMs: () => clock.monotonicMs,
      random: () => 0.5,
      newId: randomUUID,
      yieldToEventLoop: () => {
        this.#yields += 1;
        return nextTurn();
      },
      vault: this.vault,
      // The real check would dominate a desk's cost with its thread; the tests of damage use it.
      checkCache: () => ({ result: Promise.resolve('sound'), stop: async () => undefined }),
      log: (event, facts = {}) => void logged.push(`${event}: ${String(facts['error'] ?? '')}`),
      get pageLimit() { return options.pageLimit?.(); },
      pieceChanges: options.pieceChanges,
      ...options.deps,
    };
  }

  get host(): Host {
    assert(this.#host, 'the desk is open');
    return this.#host;
  }

  /** Stores a token in the vault, as if from an earlier session. */
  async storeToken(token: string): Promise<void> {
    await this.vault.save({ token, origin: this.#options.url, receivedMs: this.clock.ms });
  }

  async open(): Promise<void> {
    this.#host = await openHost({ databaseFile: this.file, serverUrl: this.#options.url }, this.#deps);
    this.#host.onStatus((status) => {
      this.statuses.push(status);
      const contradiction = contradictionIn(status);
      if (contradiction !== null) this.contradictions.push(contradiction);
    });
  }

  async close(): Promise<void> {
    const host = this.#host;
    this.#host = null;
    await host?.close();
  }

  async reopen(): Promise<void> {
    await this.close();
    await this.open();
  }

  /** Pulls and asserts that the pull completed. */
  async sync(): Promise<SyncOutcome> {
    const outcome = await this.host.pullFromServer();
    assert.equal(outcome.outcome, 'completed', outcome.error?.message);
    return outcome;
  }

  /** Resolves with the current status or the first one from now on that matches. */
  async until(matches: (status: Status) => boolean): Promise<Status> {
    const present = await this.host.getStatus();
    if (matches(present)) return present;
    return new Promise((resolve) => {
      const stop = this.host.onStatus((status) => {
        if (!matches(status)) return;
        stop();
        resolve(status);
      });
    });
  }

  /** Resolves once the desktop neither syncs nor does maintenance: for five turns it has not yielded to the event loop. */
  async idle(): Promise<void> {
    for (let quietTurns = 0; quietTurns < 5; quietTurns += 1) {
      const before = this.#yields;
      await nextTurn();
      const { state } = await this.host.getStatus();
      if (this.#yields !== before || state === 'syncing' || state === 'first_sync') quietTurns = -1;
    }
  }

  /** All readable records in the cache file, by collection and id. */
  rows(): ReadonlyMap<string, HeldRecord> {
    return readRows(this.file);
  }

  /** Fires timeouts until the desktop has given up the request. */
  #passTime(stalled: AbortSignal | null): void {
    if (stalled?.aborted !== false) return;
    setImmediate(() => {
      this.timers.passSilence();
      this.#passTime(stalled);
    });
  }

  async remove(): Promise<void> {
    await this.close();
    if (!this.#options.beside) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A desk, removed when the test ends. By then no status may have contradicted itself, and no defect may be in the log. */
export async function openDesk(t: Pick<TestContext, 'after'>, options: DeskOptions): Promise<Desk> {
  const desk = new Desk(options);
  t.after(async () => {
    await desk.remove();
    assert.deepEqual(desk.contradictions, []);
    assert.deepEqual(desk.logged.filter((line) => /^(sync|cache maintenance) failed: (?!AppError)/.test(line)), []);
  });
  if (options.token !== undefined) await desk.storeToken(options.token);
  if (options.cacheFrom !== undefined) copyDatabase(options.cacheFrom, desk.file);
  await desk.open();
  return desk;
}

/** Copies a database that is not open. */
export function copyDatabase(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

/** Runs `edit` on a separate connection, as another program would. */
export function editDatabase(file: string, edit: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(file);
  try {
    edit(db);
  } finally {
    db.close();
  }
}

export function readRows(file: string): Map<string, HeldRecord> {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    db.exec('BEGIN');
    const generation = String(db.prepare('SELECT generation FROM state').get()?.['generation']);
    return new Map(collections.flatMap(({ name: collection }) =>
      db.prepare(`SELECT id, updated_at, payload FROM "${collection}_${generation}"`).all().map((row) => {
        const record = { collection, id: String(row['id']), updatedAt: String(row['updated_at']), text: String(row['payload']) };
        return [`${collection} ${record.id}`, record] as const;
      })));
  } finally {
    db.close();
  }
}

/** The status as text if it contradicts itself, otherwise null. */
function contradictionIn(status: Status): string | null {
  const { state, isOnline, error, lastSync, initialized, progress } = status;
  const isPossible: Readonly<Record<Status['state'], boolean>> = {
    never_synced: lastSync === null,
    first_sync: true,
    syncing: initialized,
    up_to_date: isOnline && error === null && lastSync !== null && initialized,
    stale: error === null && lastSync !== null && initialized,
    offline: !isOnline,
    unreachable: !isOnline,
    session_expired: initialized,
    error: error !== null,
    update_required: error?.code === 'upgrade_required' || error?.code === 'server_outdated',
  };
  const isRunning = state === 'first_sync' || state === 'syncing';
  return isPossible[state] && (progress === null || isRunning) ? null : JSON.stringify(status);
}
