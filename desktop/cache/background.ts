// SQL on a thread and a connection of its own, so that what takes long keeps no reader of this thread waiting: building an index,
// and checkpoints, which copy the log into the database.
//
// Invariants: nothing else writes while something is run that does, since its statements would block this thread until the lock is
// free; a checkpoint takes no such lock.
// What is run commits without waiting for the disk: it can be lost to a power cut, together with everything after it, and can be
// done again. Each commit on the writer's connection makes durable what came before it.

import { Worker } from 'node:worker_threads';

import type { CacheFile, CacheWriter } from './schema.ts';
import { sqliteError } from './sqlite.ts';

export interface Background {
  /** Runs statements in order. Rejects with the result of `sqliteError`; what they had begun is undone. */
  run(statements: readonly string[]): Promise<void>;
  /** Resolves once the connection is closed. */
  close(): Promise<void>;
}

/** The worker's source, inline so that it survives any bundling. It always ends by itself; see check.ts. */
const program = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { DatabaseSync } = require('node:sqlite');
  let db;
  parentPort.on('message', (statements) => {
    if (statements === null) {
      db?.close();
      parentPort.close();
      return;
    }
    try {
      db ??= new DatabaseSync(workerData.path, { timeout: workerData.busyTimeoutMs, enableForeignKeyConstraints: false });
      db.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16384');
      for (const sql of statements) db.exec(sql);
      parentPort.postMessage(null);
    } catch ({ message, errcode }) {
      if (db?.isTransaction) db.exec('ROLLBACK');
      parentPort.postMessage({ message, errcode });
    }
  });
`;

/** Starts the thread. */
export function openBackground({ path, busyTimeoutMs }: CacheFile): Background {
  const limits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 };
  const worker = new Worker(program, { eval: true, workerData: { path, busyTimeoutMs }, resourceLimits: limits });
  const { promise: isEnded, resolve: end } = Promise.withResolvers<void>();
  let settle: (failure: unknown) => void = () => undefined;
  worker.on('message', (failure: unknown) => settle(failure));
  worker.once('error', (error) => settle(error));
  worker.once('exit', () => {
    settle(new Error('the thread ended'));
    end();
  });
  return {
    async run(statements) {
      const failure = await new Promise<unknown>((resolve) => {
        settle = resolve;
        worker.postMessage(statements);
      });
      if (failure !== null) throw sqliteError(Object.assign(new Error('in the background'), failure), 'maintaining the data');
    },
    async close() {
      worker.postMessage(null);
      await isEnded;
    },
  };
}

/** What a checkpoint in the background is worth starting for. */
const CHECKPOINT_BYTES = 4 * 1024 * 1024;
/** What the log may have before writing waits for a checkpoint. */
const MAX_LOG_BYTES = 24 * 1024 * 1024;

/** Checkpoints in the background, if the log has become long enough. */
export async function checkpoint(writer: CacheWriter): Promise<void> {
  const log = new LogKeeper(writer);
  await log.flush();
  await log.close();
}

/** Keeps the log short while a lot is written, by checkpoints in the background. Close it. */
export class LogKeeper {
  readonly #writer: CacheWriter;
  #background: Background | null = null;
  #checkpoint: Promise<void> | null = null;

  constructor(writer: CacheWriter) {
    this.#writer = writer;
  }

  /** Call it after a commit. It resolves at once unless the log has become so long that it must be checkpointed first. */
  async afterCommit(): Promise<void> {
    const { sizeBytes, pendingBytes } = this.#measure();
    if (pendingBytes < CHECKPOINT_BYTES) return;
    this.#start();
    if (sizeBytes >= MAX_LOG_BYTES) await this.flush();
  }

  /** Resolves once everything committed so far is in the database and on the disk, if there is enough of it to be worth it. */
  async flush(): Promise<void> {
    await this.#checkpoint;
    if (this.#measure().pendingBytes < CHECKPOINT_BYTES) return;
    this.#start();
    await this.#checkpoint;
  }

  async close(): Promise<void> {
    await this.#checkpoint;
    await this.#background?.close();
    this.#background = null;
  }

  /** Best effort: the log is whole without a checkpoint, and what is wrong with the disk shows in the next commit. */
  #start(): void {
    this.#background ??= openBackground(this.#writer.file);
    this.#checkpoint ??= this.#background.run(['PRAGMA wal_checkpoint(PASSIVE)'])
      .catch(() => undefined)
      .finally(() => { this.#checkpoint = null; });
  }

  #measure(): { readonly sizeBytes: number; readonly pendingBytes: number } {
    const { db } = this.#writer;
    const row = db.prepare('PRAGMA wal_checkpoint(NOOP)').get();
    const pageBytes = Number(db.prepare('PRAGMA page_size').get()?.['page_size']);
    const [pages, done] = [Number(row?.['log']), Number(row?.['checkpointed'])];
    return { sizeBytes: pages * pageBytes, pendingBytes: (pages - done) * pageBytes };
  }
}
