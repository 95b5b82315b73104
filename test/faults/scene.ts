// Real processes around one account: servers on one database, people who write to them, and desktops that sync by themselves.
// Faults come from outside, as signals, locks and failing disks.
//
// Invariants: everything that was started ends with the try; once the faults are over, `settle` holds the whole scene to the oracle
// within 30 seconds of real time.

import { AssertionError } from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { createClient } from '../client.ts';
import { freePort } from '../mongod.ts';
import { spawnServer, type Environment, type ServerProcess } from '../server/harness.ts';
import { newAccount, openStoreOf, secret } from '../sync/site.ts';
import type { Try } from './lab.ts';
import { startLiveDesktop, type LiveDesktop } from './live-desktop.ts';
import { assertSettled, Ledger, Watch, Writer } from './oracle.ts';

const RECOVERY_MS = 30_000;
/** Writes that may wait for an answer at the same time: more would only be a queue. */
const MAX_WAITING = 40;

export interface Scene {
  readonly ledger: Ledger;
  /** The servers that run now; null: this one is down. */
  readonly servers: (ServerProcess | null)[];
  readonly desktops: readonly LiveDesktop[];
  /** The desktops' caches. */
  readonly files: readonly string[];
  /** Starts a server again, where it was, after it has ended. */
  startServer(index: number): Promise<void>;
  /** Starts a desktop again on its cache, after it has ended. */
  startDesktop(index: number): Promise<void>;
  /** Writes so many times a second until `work` has ended; resolves once every write is answered. */
  writeWhile<T>(ratePerSecond: number, work: () => Promise<T>): Promise<T>;
  /** The faults are over: asserts that everything is right within 30 seconds, and stays so. */
  settle(): Promise<void>;
}

export interface SceneOptions {
  readonly env: Environment;
  readonly servers?: number;
  readonly desktops?: number;
  /** The parent of the desktops' folders. */
  readonly folder?: string;
}

/** Opens a scene with a new account; its desktops have not synced yet. */
export async function openScene(attempt: Try, options: SceneOptions): Promise<Scene> {
  const { random } = attempt;
  const { servers: serverCount = 1, desktops: desktopCount = 2, folder = tmpdir() } = options;
  const env = { ...options.env, JWT_SECRET: secret };
  const ports: number[] = [];
  for (let index = 0; index < serverCount; index += 1) ports.push(await freePort());
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  // Through whichever server there is: what one of them answers holds for all.
  const client = createClient(() => ({ url: urls[random.integer(0, urls.length - 1)] ?? '' }));
  const store = await openStoreOf(env, Date.now);
  const owner = await newAccount(store, Date.now, client);
  // Each desktop has a session of its own: it renews its token, and the one before ends soon after.
  const tokens: string[] = [];
  for (let index = 0; index < desktopCount; index += 1) tokens.push((await owner.signIn(owner.userId)).token);
  await store.close();

  const servers: Scene['servers'] = ports.map(() => null);
  const startServer = async (index: number): Promise<void> => {
    servers[index] = await spawnServer({ ...env, PORT: String(ports[index]) });
  };
  await Promise.all(ports.map((_, index) => startServer(index)));
  attempt.after(() => Promise.all(servers.map((server) => server?.end('SIGKILL'))));
  const ledger = await new Ledger().begin(owner.client);
  const writers = [1, 2, 3].map((number) => new Writer({ name: `writer ${number}`, ledger, random, client: () => owner.client }));

  const data = mkdtempSync(join(folder, 'invoify-scene-'));
  attempt.after(() => rmSync(data, { recursive: true, force: true }));
  const files = Array.from({ length: desktopCount }, (_, index) => join(data, String(index), 'invoify.sqlite'));
  const desktops: LiveDesktop[] = [];
  const startDesktop = async (index: number): Promise<void> => {
    const serverUrl = urls[index % urls.length] ?? '';
    desktops[index] = await startLiveDesktop({ databaseFile: files[index] ?? '', serverUrl, token: tokens[index] ?? '' });
  };
  attempt.after(() => Promise.all(desktops.map((desktop) => desktop.child.kill('SIGKILL') && desktop.child.kill('SIGCONT'))));
  for (let index = 0; index < desktopCount; index += 1) await startDesktop(index);

  const broken: unknown[] = [];
  const watches = files.map((file) => new Watch(file, ledger));
  const watching = setInterval(() => {
    files.forEach((file, index) => {
      try {
        if (existsSync(file)) watches[index]?.look();
      } catch (error) {
        // The file may not be complete yet, or locked for a moment; only what is read can be wrong.
        if (error instanceof AssertionError) broken.push(error);
      }
    });
  }, 60);
  attempt.after(() => clearInterval(watching));

  return {
    ledger, servers, desktops, files, startServer, startDesktop,
    async writeWhile(ratePerSecond, work) {
      const waiting = new Set<Promise<void>>();
      const startedMs = performance.now();
      let begun = 0;
      // On a busy machine timers are late: then several writes begin at once.
      const timer = setInterval(() => {
        for (const due = (performance.now() - startedMs) * ratePerSecond / 1000; begun < due; begun += 1) {
          if (waiting.size >= MAX_WAITING) continue;
          const writer = writers[random.integer(0, writers.length - 1)];
          const writing = writer?.write().catch((error: unknown) => void broken.push(error)).finally(() => {
            if (writing) waiting.delete(writing);
            attempt.count('writes');
          });
          if (writing) waiting.add(writing);
        }
      }, 1000 / ratePerSecond);
      try {
        return await work();
      } finally {
        clearInterval(timer);
        attempt.count('s of writing', Math.round((performance.now() - startedMs) / 1000));
        await Promise.all(waiting);
      }
    },
    async settle() {
      const startedMs = performance.now();
      for (;;) {
        try {
          await assertSettled({ ledger, client: owner.client, files });
          break;
        } catch (error) {
          if (performance.now() - startedMs < RECOVERY_MS) continue;
          const states = desktops.map(({ statuses }) => JSON.stringify(statuses.at(-1)));
          throw new Error(`Not right after ${RECOVERY_MS} ms. The desktops say:\n${states.join('\n')}`, { cause: error });
        } finally {
          await pause(200);
        }
      }
      attempt.recovered(performance.now() - startedMs);
      clearInterval(watching);
      if (broken.length > 0) {
        const said = desktops.map(({ statuses }) => [...new Set(statuses.flatMap(({ notice, error }) => notice ?? error ?? []).map(
          ({ code, message }) => `${code}: ${message}`))].join(' | '));
        throw new Error(`The desktops have said:\n${said.join('\n')}`, { cause: broken[0] });
      }
      const again = await openStoreOf(env, Date.now);
      const { accountId } = owner;
      await assertSettled({ ledger, client: owner.client, files, store: { store: again, accountId, nowMs: Date.now } })
        .finally(() => again.close());
    },
  };
}
