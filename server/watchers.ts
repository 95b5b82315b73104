// The callbacks registered with `Store.watch`, by account. Both stores use this.

export class Watchers {
  readonly #byAccount = new Map<string, Set<() => void>>();

  get isEmpty(): boolean {
    return this.#byAccount.size === 0;
  }

  /** Registers a callback; returns an idempotent function that removes it. */
  add(accountId: string, onMoved: () => void): () => void {
    // Wrapped, because the same function may be registered twice.
    const watcher = (): void => onMoved();
    const watchers = this.#byAccount.get(accountId) ?? new Set();
    this.#byAccount.set(accountId, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#byAccount.get(accountId) === watchers) this.#byAccount.delete(accountId);
    };
  }

  notify(accountId: string): void {
    for (const watcher of [...this.#byAccount.get(accountId) ?? []]) watcher();
  }

  notifyAll(): void {
    for (const accountId of [...this.#byAccount.keys()]) this.notify(accountId);
  }

  clear(): void {
    this.#byAccount.clear();
  }
}
