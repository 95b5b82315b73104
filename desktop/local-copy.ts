// The copy as a thing that comes and goes: opened, found damaged and set aside, removed. The host asks it for its two
// ends, the one that reads and the one that writes; what is in them is the cache's business.
//
// What always holds: at most one cache is open; a file that cannot be used is moved aside, never written to.

import { AppError, errorCode } from '../shared/errors.ts';
import type { SyncHealth } from '../shared/ipc.ts';
import {
  cacheSizeBytes, closeCache, counts, listAttempts, moveCacheAside, openCache, readDigest, readState, removeCacheFiles,
  type Cache, type CacheReader, type CacheState, type CacheWriter,
} from './cache.ts';
import { inReadTransaction } from './sqlite.ts';

export interface LocalCopyDeps {
  readonly nowMs: () => number;
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
  /** A damaged copy was moved aside and an empty one is in its place. */
  readonly onSetAside: () => void;
}

export class LocalCopy {
  readonly #file: string;
  readonly #deps: LocalCopyDeps;
  #cache: Cache | null = null;
  #isDamaged = false;

  constructor(file: string, deps: LocalCopyDeps) {
    this.#file = file;
    this.#deps = deps;
  }

  /** Null where there is no copy. */
  get writer(): CacheWriter | null {
    return this.#cache?.writer ?? null;
  }

  /** Throws `signed_out` where there is no copy. */
  get reader(): CacheReader {
    if (!this.#cache) throw new AppError('signed_out', 'There is no data on this computer. Sign in to download it.');
    return this.#cache.reader;
  }

  /** Opens the copy unless it is open, damaged or not. Throws `cache_busy`, `disk_full`. */
  open(): CacheWriter {
    this.#cache ??= this.#openAny();
    return this.#cache.writer;
  }

  /** Null where there is no copy, or where it cannot even be read what is in it. */
  state(): CacheState | null {
    try {
      return this.#cache && readState(this.#cache.reader);
    } catch (error) {
      if (errorCode(error) !== 'cache_unusable') throw error;
      this.#isDamaged = true;
      return null;
    }
  }

  /** How the syncs went and what the copy holds; empty where there is none. */
  health(): SyncHealth {
    const sizeBytes = cacheSizeBytes(this.#file);
    if (!this.#cache) return { attempts: [], counts: {}, sizeBytes, lastVerifiedMs: null, digest: {} };
    const { reader } = this.#cache;
    return inReadTransaction(reader.db, 'reading how the syncs went', () => {
      const { generation, lastVerifiedMs } = readState(reader);
      return { attempts: listAttempts(reader), counts: counts(reader), sizeBytes, lastVerifiedMs, digest: readDigest(reader, generation) };
    });
  }

  /** The open copy turned out to be damaged: `replaceDamaged` will put an empty one in its place. */
  markDamaged(): void {
    this.#isDamaged = true;
  }

  /** Sets a copy that was found damaged aside and opens an empty one; says whether it did. */
  replaceDamaged(): boolean {
    if (!this.#isDamaged) return false;
    this.close();
    this.#cache = this.#setAside();
    return true;
  }

  /** Removes the copy's files. Throws `cache_busy` where another program holds them. */
  remove(): void {
    this.close();
    this.#isDamaged = false;
    removeCacheFiles(this.#file);
  }

  close(): void {
    if (this.#cache) closeCache(this.#cache);
    this.#cache = null;
  }

  #openAny(): Cache {
    try {
      return openCache(this.#file);
    } catch (error) {
      if (errorCode(error) !== 'cache_unusable') throw error;
      this.#deps.log('the copy cannot be opened', { error });
      return this.#setAside();
    }
  }

  #setAside(): Cache {
    moveCacheAside(this.#file, this.#deps.nowMs());
    this.#deps.onSetAside();
    const cache = openCache(this.#file);
    this.#isDamaged = false;
    return cache;
  }
}
