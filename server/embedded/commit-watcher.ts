// Hears of every move of an account's clock in the embedded database: of this process's commits at once, of another
// process's (the admin command) within a second.

import { Watchers } from '../watchers.ts';

/** How often to look, while anyone watches, whether another process has written to the file. */
const LOOK_EVERY_MS = 1000;

export class CommitWatcher {
  readonly #watchers = new Watchers();
  readonly #version: () => unknown;
  #looking: NodeJS.Timeout | null = null;
  #isClosed = false;

  /**
   * `version` reads the writing connection's `data_version` (sqlite.org/pragma.html), which changes with the commits of
   * others only. Whose account they were about it does not say.
   */
  constructor(version: () => unknown) {
    this.#version = version;
  }

  add(accountId: string, onMoved: () => void): () => void {
    if (this.#isClosed) return () => {};
    const remove = this.#watchers.add(accountId, onMoved);
    this.#looking ??= this.#lookForOthers();
    return () => {
      remove();
      if (this.#watchers.isEmpty) this.#stopLooking();
    };
  }

  wake(accountIds: Iterable<string>): void {
    for (const accountId of accountIds) this.#watchers.notify(accountId);
  }

  close(): void {
    this.#isClosed = true;
    this.#watchers.clear();
    this.#stopLooking();
  }

  #lookForOthers(): NodeJS.Timeout {
    let seen = this.#read();
    return setInterval(() => {
      const found = this.#read();
      if (found === seen) return;
      seen = found;
      this.#watchers.notifyAll();
    }, LOOK_EVERY_MS).unref();
  }

  /** A disk that fails is told by every call that needs it; here it only means that there is nothing to see. */
  #read(): unknown {
    try {
      return this.#version();
    } catch {
      return null;
    }
  }

  #stopLooking(): void {
    if (this.#looking) clearInterval(this.#looking);
    this.#looking = null;
  }
}
