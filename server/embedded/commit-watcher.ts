// Reports every move of an account's clock in the embedded database: commits of this process immediately, those of
// another process (the admin command) within a second.

import { Watchers } from '../watchers.ts';

/** How often to poll for commits of other processes while anyone watches. */
const POLL_INTERVAL_MS = 1000;

export class CommitWatcher {
  readonly #watchers = new Watchers();
  readonly #readVersion: () => unknown;
  #polling: NodeJS.Timeout | null = null;
  #isClosed = false;

  /**
   * `readVersion` reads the writing connection's `data_version` (sqlite.org/pragma.html), which changes only with
   * commits of other connections. It does not say which account changed, so every watcher is notified.
   */
  constructor(readVersion: () => unknown) {
    this.#readVersion = readVersion;
  }

  add(accountId: string, onMoved: () => void): () => void {
    if (this.#isClosed) return () => {};
    const remove = this.#watchers.add(accountId, onMoved);
    this.#polling ??= this.#poll();
    return () => {
      remove();
      if (this.#watchers.isEmpty) this.#stopPolling();
    };
  }

  /** Call it after each commit of this process. */
  notify(accountIds: Iterable<string>): void {
    for (const accountId of accountIds) this.#watchers.notify(accountId);
  }

  close(): void {
    this.#isClosed = true;
    this.#watchers.clear();
    this.#stopPolling();
  }

  #poll(): NodeJS.Timeout {
    let lastVersion = this.#read();
    return setInterval(() => {
      const version = this.#read();
      if (version === lastVersion) return;
      lastVersion = version;
      this.#watchers.notifyAll();
    }, POLL_INTERVAL_MS).unref();
  }

  /** Returns null on failure: a failing disk is reported by every call that needs it. */
  #read(): unknown {
    try {
      return this.#readVersion();
    } catch {
      return null;
    }
  }

  #stopPolling(): void {
    if (this.#polling) clearInterval(this.#polling);
    this.#polling = null;
  }
}
