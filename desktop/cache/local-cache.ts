// The lifecycle of the cache: opening, checking, setting aside when damaged, adopting for a user, and removing. The host
// gets its reader and writer here; cache.ts has the operations on them.
//
// Invariants: at most one cache is open; an unusable file is moved aside, never written to; a file that cannot be
// written is still read; a file marked for removal is never opened again; a cache holds the data of one user of one
// server only.

import { countRecords } from '../../shared/digest.ts';
import { AppError, errorCode } from '../../shared/errors.ts';
import type { SyncHealth } from '../../shared/window/ipc.ts';
import type { SignedInUser } from '../../shared/protocol.ts';
import type { CacheCheck } from './check.ts';
import {
  cacheSizeBytes, closeCache, counts, finishRemoval, listAttempts, moveCacheAside, openCache, openCacheReadOnly, readDigest,
  readState, removeCacheFiles, saveState, type Cache, type CacheReader, type CacheState, type CacheWriter,
} from './cache.ts';
import { inReadTransaction } from './sqlite.ts';

export interface LocalCacheDeps {
  readonly nowMs: () => number;
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
  /** Starts an integrity check that does not block readers. */
  readonly checkCache: (databaseFile: string) => CacheCheck;
}

export interface LocalCacheEvents {
  /** An unusable cache was moved aside; an empty one replaces it. `reason` is a sentence. */
  readonly onSetAside: (reason: string) => void;
  /** The open cache is damaged. `reason` is a sentence. Called once per cache. */
  readonly onDamaged: (reason: string) => void;
}

const damagedReason = 'The data on this computer is damaged.';

/** Without a writer if the file can only be read. */
type OpenCache = Omit<Cache, 'writer'> & { readonly writer: CacheWriter | null };

export class LocalCache {
  readonly #file: string;
  readonly #deps: LocalCacheDeps;
  #cache: OpenCache | null = null;
  readonly #events: LocalCacheEvents;
  #check: CacheCheck | null = null;
  #isDamaged = false;
  #hasOpenFailed = false;

  constructor(file: string, events: LocalCacheEvents, deps: LocalCacheDeps) {
    this.#file = file;
    this.#events = events;
    this.#deps = deps;
  }

  /** Whether there is a cache to read. */
  get isOpen(): boolean {
    return this.#cache !== null;
  }

  /** Null without a cache, or if it is read-only. */
  get writer(): CacheWriter | null {
    return this.#cache?.writer ?? null;
  }

  /** Throws `signed_out` if there is no cache, `cache_unusable` if it could not be opened. */
  get reader(): CacheReader {
    if (this.#cache) return this.#cache.reader;
    if (this.#hasOpenFailed) throw new AppError('cache_unusable', 'The data on this computer cannot be read. The next sync tries again.');
    throw new AppError('signed_out', 'There is no data on this computer. Sign in to download it.');
  }

  /** Whether the open cache is known to be damaged. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /**
   * Opens the cache for writing, unless it already is, even if damaged. A file that cannot be used is set aside. Throws
   * `cache_busy`, `disk_full`, `cache_unusable`.
   */
  open(): CacheWriter {
    if (this.#cache?.writer) return this.#cache.writer;
    // A read-only connection would keep the file from being moved.
    const readable = this.#cache;
    this.close();
    try {
      return this.#use(this.#openAny());
    } catch (error) {
      this.#hasOpenFailed = true;
      if (readable) this.openForReading();
      throw error;
    }
  }

  /** Opens the cache read-only, for when it cannot be opened for writing. A failure is logged, not thrown. */
  openForReading(): void {
    try {
      finishRemoval(this.#file);
      this.#cache ??= { ...openCacheReadOnly(this.#file), writer: null };
    } catch (error) {
      this.#deps.log('cache cannot be opened read-only either', { error });
    }
  }

  /** Null if there is no cache or it turns out to be damaged. */
  state(): CacheState | null {
    return this.#tryRead(readState);
  }

  /** The number of records of an unfinished first sync; 0 once it has completed, or without a readable cache. */
  partialCount(): number {
    return this.#tryRead((reader) => {
      const { isInitialComplete, generation } = readState(reader);
      return isInitialComplete ? 0 : countRecords(readDigest(reader, generation));
    }) ?? 0;
  }

  /** The recent sync attempts and the contents of the cache; empty without a cache. */
  health(): SyncHealth {
    const sizeBytes = cacheSizeBytes(this.#file);
    if (!this.#cache) return { attempts: [], counts: {}, sizeBytes, lastVerifiedMs: null, digest: {} };
    const { reader } = this.#cache;
    return inReadTransaction(reader.db, 'reading the sync history', () => {
      const { generation, lastVerifiedMs } = readState(reader);
      const digest = readDigest(reader, generation);
      return { attempts: listAttempts(reader), counts: counts(reader), sizeBytes, lastVerifiedMs, digest };
    });
  }

  /** Marks the open cache as damaged: the next `adopt` replaces it with an empty one. */
  markDamaged(): void {
    if (this.#isDamaged || !this.#cache) return;
    this.#isDamaged = true;
    this.#events.onDamaged(damagedReason);
  }

  /** Starts checking the open cache, unless it is empty. Damage is reported through `onDamaged`. */
  startCheck(): void {
    const state = this.state();
    if (!this.#cache || (state && state.cursor === null && state.rebuild === null)) return;
    const check = this.#check = this.#deps.checkCache(this.#file);
    void check.result.then((result) => {
      if (this.#check !== check) return;
      this.#check = null;
      if (result === 'damaged') this.markDamaged();
    });
  }

  /** Resolves once no check has the file open. Await it before moving or removing the file. */
  async stopCheck(): Promise<void> {
    const check = this.#check;
    this.#check = null;
    await check?.stop();
  }

  /** Whether `adopt` would keep the file: it is not known to be damaged and belongs to this user or to nobody yet. */
  isUsableBy(user: SignedInUser, origin: string): boolean {
    const state = this.state();
    if (this.#isDamaged) return false;
    if (!state || state.userId === null) return true;
    return state.userId === user.id && state.accountId === user.accountId && state.serverOrigin === origin;
  }

  /**
   * Assigns the cache to a user. The cache of another user or server is removed first, a damaged one is set aside. Throws
   * like `open`.
   */
  adopt(user: SignedInUser, origin: string): CacheWriter {
    if (!this.#cache) this.open();
    if (!this.isUsableBy(user, origin)) {
      if (this.#isDamaged) this.#replaceDamaged();
      else this.remove();
    }
    const writer = this.open();
    saveState(writer, { serverOrigin: origin, accountId: user.accountId, userId: user.id, user });
    return writer;
  }

  /**
   * Closes the cache and removes its files. Throws `cache_busy` if another program has them open, `cache_unusable`; the
   * removal is then completed before the next open.
   */
  remove(): void {
    this.close();
    this.#hasOpenFailed = false;
    removeCacheFiles(this.#file);
  }

  close(): void {
    if (this.#cache) closeCache(this.#cache);
    this.#cache = null;
    this.#isDamaged = false;
  }

  /** Null without a cache, or if reading shows that it is damaged, which is then reported. */
  #tryRead<T>(read: (reader: CacheReader) => T): T | null {
    try {
      return this.#cache && read(this.#cache.reader);
    } catch (error) {
      if (errorCode(error) !== 'cache_unusable') throw error;
      this.markDamaged();
      return null;
    }
  }

  #replaceDamaged(): void {
    this.close();
    this.#hasOpenFailed = true;
    this.#use(this.#setAside(damagedReason));
  }

  #use(cache: Cache): CacheWriter {
    this.#cache = cache;
    this.#hasOpenFailed = false;
    return cache.writer;
  }

  #openAny(): Cache {
    finishRemoval(this.#file);
    try {
      return openCache(this.#file);
    } catch (error) {
      if (!(error instanceof AppError) || !['cache_unusable', 'cache_busy'].includes(error.code)) throw error;
      this.#deps.log('cache cannot be opened', { error });
      // Only what happened: the rest of the message says what to do, which happens here.
      return this.#setAside(`${error.message.split(/[.:] /, 1)[0] ?? ''}.`);
    }
  }

  #setAside(reason: string): Cache {
    if (moveCacheAside(this.#file, this.#deps.nowMs()) !== null) this.#events.onSetAside(reason);
    return openCache(this.#file);
  }
}
