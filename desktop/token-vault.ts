// Where the token rests between runs. The desktop's half knows only this much of it; what encrypts it is the platform's.

export interface TokenVault {
  /** The kept token, or null. */
  load(): Promise<string | null>;
  save(token: string): Promise<void>;
  clear(): Promise<void>;
}

/** Keeps the token in memory only: closing the program signs out. */
export function createMemoryVault(): TokenVault {
  let held: string | null = null;
  return {
    load: async () => held,
    async save(token) {
      held = token;
    },
    async clear() {
      held = null;
    },
  };
}
