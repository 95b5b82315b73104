// Who waits for an account's clock to move, the same for every store.

export class Watchers {
  readonly #byAccount = new Map<string, Set<() => void>>();

  get isEmpty(): boolean {
    return this.#byAccount.size === 0;
  }

  /** Adds one; returns how to remove it, which may be called again. */
  add(accountId: string, onMoved: () => void): () => void {
    // A function of its own for each, as one may be given twice.
    const watcher = (): void => onMoved();
    const watching = this.#byAccount.get(accountId) ?? new Set();
    this.#byAccount.set(accountId, watching.add(watcher));
    return () => {
      watching.delete(watcher);
      if (watching.size === 0 && this.#byAccount.get(accountId) === watching) this.#byAccount.delete(accountId);
    };
  }

  wake(accountId: string): void {
    for (const watcher of [...this.#byAccount.get(accountId) ?? []]) watcher();
  }

  wakeAll(): void {
    for (const accountId of [...this.#byAccount.keys()]) this.wake(accountId);
  }

  clear(): void {
    this.#byAccount.clear();
  }
}
