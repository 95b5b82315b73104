// SQL on a thread and a connection of its own, so that slow work keeps no reader on this thread waiting: building an index, and
// checkpoints, which copy the log into the database.
//
// Invariants: nothing else writes while statements that write are run here, since this thread would block until the lock is free; a
// checkpoint takes no such lock.
// The thread checkpoints what it writes; otherwise the next commit on the writer's connection would wait until the disk has it all.
// A thread may run out of memory, or the system may start none. Statements that a thread did not finish are run on this one, which
// keeps readers waiting but stops nothing.
// Commits here do not wait for the disk: a power cut can undo them, together with everything after them, and they can be done again.
// Each commit on the writer's connection that waits for the disk makes durable what came before it.

import { Worker } from 'node:worker_threads';

import type { CacheFile, CacheWriter } from './schema.ts';
import { openWriter, prepared, sqliteError } from './sqlite.ts';
import { textFunctionsSource } from './text.ts';

export interface Background {
  /**
   * Runs statements in order, after those of earlier calls. Rejects with the result of `sqliteError`; what they had begun is
   * undone. Not to be called after `close`.
   */
  run(statements: readonly string[]): Promise<void>;
  /** Resolves once everything has been run and the connection is closed. */
  close(): Promise<void>;
}

/** The worker's source, inline so that it survives any bundling. It always ends by itself; see check.ts. */
const program = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { DatabaseSync } = require('node:sqlite');
  function open() {
    const db = new DatabaseSync(workerData.path, { timeout: workerData.busyTimeoutMs, enableForeignKeyConstraints: false });
    ${textFunctionsSource}
    return db;
  }
  let db;
  parentPort.on('message', (statements) => {
    if (statements === null) {
      db?.close();
      parentPort.close();
      return;
    }
    try {
      db ??= open();
      db.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 1000; PRAGMA cache_size = -4096');
      for (const sql of statements) db.exec(sql);
      parentPort.postMessage(null);
    } catch ({ message, errcode }) {
      if (db?.isTransaction) db.exec('ROLLBACK');
      parentPort.postMessage({ message, errcode });
    }
  });
`;

/** Starts a thread with the first statements, and another one if it has ended. */
export function openBackground(file: CacheFile): Background {
  let thread: Thread | null = null;
  let last: Promise<void> = Promise.resolve();
  let isClosed = false;
  async function runNext(statements: readonly string[]): Promise<void> {
    try {
      thread ??= startThread(file, () => { thread = null; });
    } catch {
      runHere(file, statements);
      return;
    }
    const failure = await thread.run(statements);
    if (failure === 'ended') runHere(file, statements);
    else if (failure !== null) throw sqliteError(Object.assign(new Error('in the background'), failure), operation);
  }
  return {
    async run(statements) {
      if (isClosed) throw new TypeError('The background is closed.');
      const running = last.then(() => runNext(statements));
      last = running.catch(() => undefined);
      await running;
    },
    async close() {
      isClosed = true;
      await last;
      await thread?.close();
    },
  };
}

const operation = 'maintaining the data';

interface Thread {
  /** Call it again only once it has resolved: with null, with SQLite's error, or at the end of the thread, which undoes everything. */
  run(statements: readonly string[]): Promise<object | 'ended' | null>;
  close(): Promise<void>;
}

/** Throws if the system has no thread left. */
function startThread({ path, busyTimeoutMs }: CacheFile, onEnd: () => void): Thread {
  const limits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 };
  const worker = new Worker(program, { eval: true, workerData: { path, busyTimeoutMs }, resourceLimits: limits });
  const { promise: end, resolve } = Promise.withResolvers<'ended'>();
  let settle: (failure: object | null) => void = () => undefined;
  worker.on('message', (failure: object | null) => settle(failure));
  // The exit follows, once the thread's connection is closed.
  worker.on('error', () => undefined);
  worker.once('exit', () => {
    onEnd();
    resolve('ended');
  });
  return {
    run(statements) {
      const answer = new Promise<object | null>((resolveAnswer) => { settle = resolveAnswer; });
      worker.postMessage(statements);
      return Promise.race([answer, end]);
    },
    async close() {
      worker.postMessage(null);
      await end;
    },
  };
}

/** Runs statements on this thread, and on a connection of their own, so that they can leave nothing behind on the writer's. */
function runHere({ path, busyTimeoutMs }: CacheFile, statements: readonly string[]): void {
  try {
    const db = openWriter(path, busyTimeoutMs, () => undefined);
    try {
      for (const sql of statements) db.exec(sql);
    } finally {
      db.close();
    }
  } catch (error) {
    throw sqliteError(error, operation);
  }
}

/** The size of the log at which a checkpoint in the background is worth starting. */
const CHECKPOINT_BYTES = 4 * 1024 * 1024;
/** The size of the log at which writing waits for a checkpoint. */
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
    const row = prepared(db, 'PRAGMA wal_checkpoint(NOOP)').get();
    const pageBytes = Number(prepared(db, 'PRAGMA page_size').get()?.['page_size']);
    const [pages, done] = [Number(row?.['log']), Number(row?.['checkpointed'])];
    return { sizeBytes: pages * pageBytes, pendingBytes: (pages - done) * pageBytes };
  }
}
