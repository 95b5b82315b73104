// The lifecycle of the cache: opening, checking, mending or setting aside when damaged, adopting for a user, and removing.
// The host gets its reader and writer here; cache.ts has the operations on them.
//
// Invariants: at most one cache is open. Only a file that is proved damaged or foreign is set aside, and only by `adopt`,
// so once the server has answered; any other file that cannot be opened for writing is opened read-only, until the next
// sync tries again. A file marked for removal is never opened again; a cache holds the data of one user of one server only.
// What is set aside is the same user's: rows that belong to somebody else, or to an unknown user, are removed.

import { countRecords } from '../../shared/digest.ts';
import { AppError, errorCode, type CacheDamage } from '../../shared/errors.ts';
import type { SyncHealth } from '../../shared/window/ipc.ts';
import type { SignedInUser } from '../../shared/protocol.ts';
import type { RebuildReason } from '../../shared/window/views.ts';
import type { CacheCheck } from './check.ts';
import {
  cacheSizeBytes, closeCache, counts, finishRemoval, isForeign, listAttempts, moveCacheAside, openCache, openCacheReadOnly, readDigest,
  readState, removeCacheFiles, removeSets, requireUnused, saveState, startRebuild, type Cache, type CacheReader, type CacheState,
  type CacheWriter, type SetAsideReason,
} from './cache.ts';
import { damageOf, inReadTransaction, sqliteError } from './sqlite.ts';

export interface LocalCacheDeps {
  readonly nowMs: () => number;
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
  /** Starts an integrity check that does not block readers. */
  readonly checkCache: (databaseFile: string) => CacheCheck;
  /** Override for tests. */
  readonly openCache?: typeof openCache;
}

export interface LocalCacheEvents {
  /** An unusable cache of the same user was moved aside; an empty one replaces it. `reason` is a sentence. */
  readonly onSetAside: (reason: string) => void;
  /** The cache is damaged; the next `adopt` mends or replaces it. `reason` is a sentence. Called once per cache. */
  readonly onDamaged: (reason: string) => void;
}

type Owner = Pick<CacheState, 'userId' | 'accountId' | 'serverOrigin'>;

const damagedReason = 'The data on this computer is damaged.';

/** Pauses between the tries to open a file after a failed system call; a locked file has been waited for already. */
const OPEN_RETRY_MS: readonly number[] = [20, 100];
/** How long to wait for a lock of another process: briefly, since the file can then be opened read-only. */
const READ_ONLY_BUSY_TIMEOUT_MS = 250;

/** Without a writer if the file can only be read. */
type OpenCache = Omit<Cache, 'writer'> & { readonly writer: CacheWriter | null };

export class LocalCache {
  readonly #file: string;
  readonly #deps: LocalCacheDeps;
  #cache: OpenCache | null = null;
  readonly #events: LocalCacheEvents;
  #check: CacheCheck | null = null;
  #damage: CacheDamage | null = null;
  #damageReason = damagedReason;
  /** A system call failed on the open file, which may be gone or on a drive that was disconnected. */
  #mustReopen = false;
  /** Contents are mended once per start: if that does not help, it is a defect that another download will not cure. */
  #hasMended = false;
  #hasOpenFailed = false;
  #lastState: CacheState | null = null;
  /** Whose the cache was when that could last be read; null if it never could. */
  #lastOwner: Owner | null = null;

  constructor(file: string, events: LocalCacheEvents, deps: LocalCacheDeps) {
    this.#file = file;
    this.#events = events;
    this.#deps = deps;
  }

  /** Whether there is a cache to read. */
  get isOpen(): boolean {
    return this.#cache !== null;
  }

  /** Whether there is a cache that cannot even be read at the moment, and may be later. */
  get isUnreadable(): boolean {
    return this.#cache === null && this.#hasOpenFailed && this.#damage === null;
  }

  /** Null without a cache, if it is read-only, or if it must be opened again. */
  get writer(): CacheWriter | null {
    return this.#mustReopen ? null : this.#cache?.writer ?? null;
  }

  /** Throws `signed_out` if there is no cache, `cache_unusable` if it could not be opened. */
  get reader(): CacheReader {
    if (this.#cache) return this.#cache.reader;
    if (this.#hasOpenFailed) throw new AppError('cache_unusable', 'The data on this computer cannot be read. The next sync tries again.');
    throw new AppError('signed_out', 'There is no data on this computer. Sign in to download it.');
  }

  /** Whether the cache is known to be damaged, and not yet mended. */
  get isDamaged(): boolean {
    return this.#damage !== null;
  }

  /**
   * Opens the cache for writing, unless it already is, even if damaged. If it throws, what was readable stays so. Throws
   * `cache_busy`, `disk_full`, `cache_unusable`, and after a file that proved damaged has been reported.
   */
  open(): CacheWriter {
    const { writer } = this;
    if (writer) return writer;
    try {
      finishRemoval(this.#file);
      if (this.#mustReopen) this.#closeConnections();
      const cache = this.#openWithRetries();
      this.#closeConnections();
      this.#cache = cache;
      this.#deps.log('cache opened', { sqlite: process.versions.sqlite ?? '', fullText: cache.writer.layout.hasFullText });
      this.#hasOpenFailed = false;
      return cache.writer;
    } catch (cause) {
      const error = sqliteError(cause, 'opening the data');
      this.#hasOpenFailed = true;
      // What cannot even be opened cannot be mended by a rebuild in it.
      if (damageOf(error)) this.#reportDamage('file', firstSentence(error));
      this.openForReading();
      throw error;
    }
  }

  /** Opens the cache read-only, for when it cannot be opened for writing. A failure is logged, not thrown. */
  openForReading(): void {
    try {
      finishRemoval(this.#file);
      this.#cache ??= { ...openCacheReadOnly(this.#file, { busyTimeoutMs: READ_ONLY_BUSY_TIMEOUT_MS }), writer: null };
    } catch (error) {
      this.#deps.log('cache cannot be opened read-only either', { error });
    }
  }

  /** As last read if it cannot be read at the moment; null if there is no cache or it turns out to be damaged. */
  state(): CacheState | null {
    const state = this.#tryRead(readState);
    if (state || !this.#cache || this.#damage) this.#lastState = state;
    if (state && state.userId !== null) this.#lastOwner = state;
    return this.#lastState;
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

  /**
   * Takes note of an error that came from the open cache: damage is reported, and mended or replaced by the next `adopt`;
   * after a failed system call the file is opened again.
   */
  noteError(error: unknown): void {
    if (!this.#cache) return;
    const damage = damageOf(error);
    if (damage === 'file' || (damage === 'contents' && !this.#hasMended)) this.#reportDamage(damage, damagedReason);
    else if (errorCode(error) === 'cache_unusable') this.#mustReopen = true;
  }

  /** Makes room on a full disk by deleting the damaged caches that were set aside. Returns whether there was anything. */
  makeRoom(): boolean {
    try {
      return removeSets(this.#file, 'damaged');
    } catch (error) {
      this.#deps.log('what was set aside cannot be deleted', { error });
      return false;
    }
  }

  /** Starts checking the open cache, unless it is empty. Damage is reported through `onDamaged`. */
  startCheck(): void {
    const state = this.state();
    if (!this.#cache || this.#damage || (state && state.cursor === null && state.rebuild === null)) return;
    const check = this.#check = this.#deps.checkCache(this.#file);
    void check.result.then((result) => {
      if (this.#check !== check) return;
      this.#check = null;
      if (result === 'damaged') this.#reportDamage('file', damagedReason);
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
    return this.#damage === null && this.#belongsTo(user, origin);
  }

  /**
   * Whether the cache holds what this user's address showed when the same server had another account behind it. It may be
   * the last readable copy, as of a server that came back empty.
   */
  isOfFormerAccount(user: SignedInUser, origin: string): boolean {
    const state = this.state();
    return state?.user != null && state.cursor !== null && state.serverOrigin === origin
      && state.user.email.toLowerCase() === user.email.toLowerCase() && state.accountId !== user.accountId;
  }

  /**
   * Assigns the cache to a user. The cache of another user or server is removed first, or set aside if it is of the same
   * address's former account; a damaged one is rebuilt beside what is readable, or, where not even that is possible, set aside
   * if it is known to be theirs, as it is if they were signed in when it was last written (`wasSignedIn`), and otherwise
   * removed. Call it once the server has answered. Throws `cache_busy`, `disk_full`, `cache_unusable`.
   */
  adopt(user: SignedInUser, origin: string, wasSignedIn: boolean): CacheWriter {
    // Also what can only be read, and what the failed try below opens for reading, must not be another user's.
    this.#removeUnlessOf(user, origin);
    const isTheirs = wasSignedIn || (this.#lastOwner !== null && isOf(this.#lastOwner, user, origin));
    let writer: CacheWriter;
    try {
      writer = this.#openOrReplace(isTheirs);
    } catch (error) {
      this.#removeUnlessOf(user, origin);
      throw error;
    }
    if (this.#removeUnlessOf(user, origin)) writer = this.open();
    else if (this.#damage !== null) writer = this.#mend(writer, this.#damage, isTheirs);
    const state = readState(writer);
    // A crash may have come between setting a file aside and naming the owner of the one in its place.
    if (state.userId === null && !isTheirs) removeSets(this.#file, 'damaged');
    // A sync of the same user takes no lock before it has something to write.
    if (!isSame(state.user, user) || state.serverOrigin !== origin || state.userId !== user.id || state.accountId !== user.accountId) {
      saveState(writer, { serverOrigin: origin, accountId: user.accountId, userId: user.id, user });
    }
    return writer;
  }

  /**
   * Closes the cache and removes its files. Throws `cache_busy` if another program has them open, `cache_unusable`; the
   * removal is then completed before the next open.
   */
  remove(): void {
    this.#forget();
    this.#hasOpenFailed = false;
    removeCacheFiles(this.#file);
  }

  /** Like `remove`, but if another program has the files open, nothing is removed, now or later. */
  reset(): void {
    this.#closeConnections();
    try {
      requireUnused(this.#file);
    } catch (error) {
      this.openForReading();
      throw error;
    }
    this.remove();
  }

  close(): void {
    this.#forget();
  }

  #forget(): void {
    this.#closeConnections();
    this.#damage = null;
    this.#lastState = null;
    this.#lastOwner = null;
  }

  #closeConnections(): void {
    if (this.#cache) closeCache(this.#cache);
    this.#cache = null;
    this.#mustReopen = false;
  }

  #belongsTo(user: SignedInUser, origin: string): boolean {
    const state = this.state();
    return !state || state.userId === null || isOf(state, user, origin);
  }

  /** Returns whether there was a cache of another user or server. */
  #removeUnlessOf(user: SignedInUser, origin: string): boolean {
    if (this.#belongsTo(user, origin)) return false;
    if (this.isOfFormerAccount(user, origin)) this.#moveAside('former');
    else this.remove();
    return true;
  }

  /** Null without a cache, or if it cannot be read, which `noteError` is told. */
  #tryRead<T>(read: (reader: CacheReader) => T): T | null {
    try {
      return this.#cache && read(this.#cache.reader);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#deps.log('cache cannot be read', { error });
      this.noteError(error);
      return null;
    }
  }

  #reportDamage(damage: CacheDamage, reason: string): void {
    const isNew = this.#damage === null;
    if (this.#damage !== 'file') this.#damage = damage;
    this.#damageReason = reason;
    if (isNew) this.#events.onDamaged(reason);
  }

  #openWithRetries(): Cache {
    for (const delayMs of [...OPEN_RETRY_MS, null]) {
      try {
        return (this.#deps.openCache ?? openCache)(this.#file);
      } catch (error) {
        const isFailedCall = error instanceof AppError && error.code === 'cache_unusable' && error.details.cause !== undefined;
        if (delayMs === null || !isFailedCall || damageOf(error)) throw error;
        this.#deps.log('cache cannot be opened yet', { error });
      }
      // Blocks the thread, since nothing else can run before the file is open.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs);
    }
    throw new TypeError('unreachable');
  }

  #openOrReplace(isTheirs: boolean): CacheWriter {
    try {
      return this.open();
    } catch (error) {
      if (!damageOf(error)) throw error;
      return this.#replace(isTheirs);
    }
  }

  #mend(writer: CacheWriter, damage: CacheDamage, isTheirs: boolean): CacheWriter {
    if (damage === 'file') return this.#replace(isTheirs);
    try {
      startRebuild(writer, 'rows_damaged' satisfies RebuildReason);
    } catch (error) {
      if (!damageOf(error)) throw error;
      return this.#replace(isTheirs);
    }
    this.#damage = null;
    this.#hasMended = true;
    return writer;
  }

  #moveAside(why: SetAsideReason): void {
    this.close();
    moveCacheAside(this.#file, this.#deps.nowMs(), why);
  }

  /** Opens an empty cache in place of the damaged file, which is set aside, or removed if it may hold somebody else's rows. */
  #replace(isTheirs: boolean): CacheWriter {
    const reason = this.#damageReason;
    this.#closeConnections();
    this.#hasOpenFailed = true;
    try {
      if (!isTheirs && !isForeign(this.#file)) this.remove();
      else if (moveCacheAside(this.#file, this.#deps.nowMs(), 'damaged') !== null) this.#events.onSetAside(reason);
    } catch (error) {
      this.openForReading();
      throw error;
    }
    this.#damage = null;
    return this.open();
  }
}

/** Only what happened: the rest of the message says what to do, and that is done here. */
function firstSentence(error: unknown): string {
  return error instanceof AppError ? `${error.message.split(/[.:] /, 1)[0] ?? ''}.` : damagedReason;
}

function isOf(owner: Owner, user: SignedInUser, origin: string): boolean {
  return owner.userId === user.id && owner.accountId === user.accountId && owner.serverOrigin === origin;
}

function isSame(left: SignedInUser | null, right: SignedInUser): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
