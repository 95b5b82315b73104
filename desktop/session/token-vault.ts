// Where the token rests between runs. The desktop's half knows only this much of it; what encrypts it is the platform's.

/** A token and the only server that may see it. */
export interface KeptToken {
  readonly token: string;
  readonly origin: string;
}

export interface TokenVault {
  /** What was kept last, or null. */
  load(): Promise<KeptToken | null>;
  save(kept: KeptToken): Promise<void>;
  clear(): Promise<void>;
}

/** Keeps the token in memory only: closing the program signs out. */
export function createMemoryVault(): TokenVault {
  let held: KeptToken | null = null;
  return {
    load: async () => held,
    async save(kept) {
      held = kept;
    },
    async clear() {
      held = null;
    },
  };
}
