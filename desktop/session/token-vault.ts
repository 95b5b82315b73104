// Where the token is stored between starts. Encryption is up to the platform (see desktop/electron/vault.ts).

/** A token, the only server that may receive it, and what is known of its owner and its life. */
export interface StoredToken {
  readonly token: string;
  readonly origin: string;
  /** Whose token it is; absent until the server has said so. */
  readonly userId?: string;
  /** When it was received, by this computer's clock, in ms since 1970; absent if unknown. */
  readonly receivedMs?: number;
  /** How long it lives from its issue; absent if unknown. */
  readonly lifetimeMs?: number;
}

export interface TokenVault {
  /** The token saved last, or null. Throws `sign_in_locked` if there is one that this run of the program cannot read. */
  load(): Promise<StoredToken | null>;
  /** If it throws, the next start finds no token, rather than an older one. */
  save(stored: StoredToken): Promise<void>;
  /** Throws if the next start could still find the token. */
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
