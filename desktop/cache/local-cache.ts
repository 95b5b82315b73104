// The copy as a thing that comes and goes: opened, checked, found damaged and set aside, made someone's, removed. The host
// asks it for its two ends, the one that reads and the one that writes; what is in them is the cache's business.
//
// What always holds: at most one cache is open; a file that cannot be used is moved aside, never written to; a file that
// cannot be written is still read; what was to be removed is never opened again; and a copy is written for one user of
// one server only.

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
  /** Starts the check of a copy, where it keeps nobody from reading. */
  readonly checkCache: (databaseFile: string) => CacheCheck;
}

export interface LocalCacheEvents {
  /** A copy that cannot be used was moved aside, and why, as a sentence; an empty one takes its place. */
  readonly setAside: (reason: string) => void;
  /** The open copy was found damaged, and how to say so. Told once per copy. */
  readonly damaged: (reason: string) => void;
}

const damagedReason = 'The copy on this computer is damaged.';

type Opened = Omit<Cache, 'writer'> & { readonly writer: CacheWriter | null };

export class LocalCache {
  readonly #file: string;
  readonly #deps: LocalCacheDeps;
  #cache: Opened | null = null;
  readonly #events: LocalCacheEvents;
  #check: CacheCheck | null = null;
  #isDamaged = false;
  #isMissing = false;

  constructor(file: string, events: LocalCacheEvents, deps: LocalCacheDeps) {
    this.#file = file;
    this.#events = events;
    this.#deps = deps;
  }

  /** There is a copy that can be read. */
  get isOpen(): boolean {
    return this.#cache !== null;
  }

  /** Null where there is no copy, or one that can only be read. */
  get writer(): CacheWriter | null {
    return this.#cache?.writer ?? null;
  }

  /** Throws `signed_out` where there is no copy, `cache_unusable` where it could not be opened. */
  get reader(): CacheReader {
    if (this.#cache) return this.#cache.reader;
    if (this.#isMissing) throw new AppError('cache_unusable', 'The local copy could not be opened. The next sync tries again.');
    throw new AppError('signed_out', 'There is no data on this computer. Sign in to download it.');
  }

  /** The open copy was found damaged. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** Opens the copy for writing unless it is, damaged or not. Throws `cache_busy`, `disk_full`, `cache_unusable`. */
  open(): CacheWriter {
    if (this.#cache?.writer) return this.#cache.writer;
    // One that could only be read must not keep its file from being moved.
    const readable = this.#cache;
    this.close();
    try {
      return this.#take(this.#openAny());
    } catch (error) {
      this.#isMissing = true;
      if (readable) this.openForReading();
      throw error;
    }
  }

  /** Opens a copy that cannot be opened for writing as it is, if that is possible; says so in the log otherwise. */
  openForReading(): void {
    try {
      finishRemoval(this.#file);
      this.#cache ??= { ...openCacheReadOnly(this.#file), writer: null };
    } catch (error) {
      this.#deps.log('the copy cannot be read either', { error });
    }
  }

  /** Null where there is no copy, or where it cannot even be read what is in it. */
  state(): CacheState | null {
    return this.#readIfSound(readState);
  }

  /** How many records are here of a first sync that was never completed; 0 where it was, or nothing can be read. */
  partial(): number {
    return this.#readIfSound((reader) => {
      const { isInitialComplete, generation } = readState(reader);
      return isInitialComplete ? 0 : countRecords(readDigest(reader, generation));
    }) ?? 0;
  }

  /** How the syncs went and what the copy holds; empty where there is none. */
  health(): SyncHealth {
    const sizeBytes = cacheSizeBytes(this.#file);
    if (!this.#cache) return { attempts: [], counts: {}, sizeBytes, lastVerifiedMs: null, digest: {} };
    const { reader } = this.#cache;
    return inReadTransaction(reader.db, 'reading how the syncs went', () => {
      const { generation, lastVerifiedMs } = readState(reader);
      const digest = readDigest(reader, generation);
      return { attempts: listAttempts(reader), counts: counts(reader), sizeBytes, lastVerifiedMs, digest };
    });
  }

  /** The open copy turned out to be damaged: `adopt` will put an empty one in its place. */
  markDamaged(): void {
    if (this.#isDamaged || !this.#cache) return;
    this.#isDamaged = true;
    this.#events.damaged(damagedReason);
  }

  /** Begins to check the open copy; what it finds is told. An empty copy has nothing to check. */
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

  /** Resolves when no check has the file open. To be awaited before what moves or removes it. */
  async stopCheck(): Promise<void> {
    const check = this.#check;
    this.#check = null;
    await check?.stop();
  }

  /** Whether `adopt` would leave the file in its place: it is sound, and this user's or nobody's yet. */
  isFitFor(user: SignedInUser, origin: string): boolean {
    const state = this.state();
    if (this.#isDamaged) return false;
    if (!state || state.userId === null) return true;
    return state.userId === user.id && state.accountId === user.accountId && state.serverOrigin === origin;
  }

  /**
   * Makes the copy this user's: one that belongs to anyone else, or to another server, is removed first, one that is
   * damaged is set aside. Throws like `open`.
   */
  adopt(user: SignedInUser, origin: string): CacheWriter {
    if (!this.#cache) this.open();
    if (!this.isFitFor(user, origin)) {
      if (this.#isDamaged) this.#replaceDamaged();
      else this.remove();
    }
    const writer = this.open();
    saveState(writer, { serverOrigin: origin, accountId: user.accountId, userId: user.id, user });
    return writer;
  }

  /**
   * Removes the copy's files. Throws `cache_busy` where another program holds them, `cache_unusable`; then they are
   * removed before anything else is opened.
   */
  remove(): void {
    this.close();
    this.#isMissing = false;
    removeCacheFiles(this.#file);
  }

  close(): void {
    if (this.#cache) closeCache(this.#cache);
    this.#cache = null;
    this.#isDamaged = false;
  }

  /** Null where there is nothing to read, or where reading shows that it is damaged, which is told. */
  #readIfSound<T>(read: (reader: CacheReader) => T): T | null {
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
    this.#isMissing = true;
    this.#take(this.#setAside(damagedReason));
  }

  #take(cache: Cache): CacheWriter {
    this.#cache = cache;
    this.#isMissing = false;
    return cache.writer;
  }

  #openAny(): Cache {
    finishRemoval(this.#file);
    try {
      return openCache(this.#file);
    } catch (error) {
      if (!(error instanceof AppError) || !['cache_unusable', 'cache_busy'].includes(error.code)) throw error;
      this.#deps.log('the copy cannot be opened', { error });
      // What happened is its first sentence; what to do about it is done here.
      return this.#setAside(`${error.message.split(/[.:] /, 1)[0] ?? ''}.`);
    }
  }

  #setAside(reason: string): Cache {
    if (moveCacheAside(this.#file, this.#deps.nowMs()) !== null) this.#events.setAside(reason);
    return openCache(this.#file);
  }
}
