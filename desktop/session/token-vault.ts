// Where the token is stored between starts. Encryption is up to the platform (see desktop/electron/vault.ts).

/** A token and the only server that may receive it. */
export interface StoredToken {
  readonly token: string;
  readonly origin: string;
}

export interface TokenVault {
  /** The token saved last, or null. */
  load(): Promise<StoredToken | null>;
  save(stored: StoredToken): Promise<void>;
  clear(): Promise<void>;
}

/** Keeps the token in memory only, so closing the program signs out. */
export function createMemoryVault(): TokenVault {
  let held: StoredToken | null = null;
  return {
    load: async () => held,
    async save(stored) {
      held = stored;
    },
    async clear() {
      held = null;
    },
  };
}
