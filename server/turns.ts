// Turns at something slow, shared out fairly: by client, and within a client by what it is after.
//
//   lanes:   peer A ─▶ address 1: ▪▪▪▪▪▪▪      next: A1, B1, A2, B1, A1 …
//                      address 2: ▪
//            peer B ─▶ address 1: ▪▪
//
// Invariants: at most `maxRunning` tasks run and `maxWaiting` wait. If more come, the newest of whoever has most waiting is
// refused, so a flood displaces itself first.

/** Who waits, from the whole to the part. */
export type Lane = readonly [client: string, purpose: string];

interface Waiting {
  readonly start: () => void;
  readonly refuse: () => void;
}

export interface TurnsOptions {
  readonly maxRunning: number;
  readonly maxWaiting: number;
  /** The error for those who are refused. */
  readonly refusal: () => Error;
}

/** Returns a function that runs a task when it is its lane's turn, and rejects with `refusal` if too many wait. */
export function createTurns({ maxRunning, maxWaiting, refusal }: TurnsOptions): <T>(lane: Lane, task: () => Promise<T>) => Promise<T> {
  const clients = new Map<string, Map<string, Waiting[]>>();
  let running = 0;
  let waiting = 0;

  const add = ([client, purpose]: Lane, entry: Waiting): void => {
    const purposes = clients.get(client) ?? new Map<string, Waiting[]>();
    clients.set(client, purposes);
    purposes.set(purpose, [...purposes.get(purpose) ?? [], entry]);
    waiting += 1;
    if (waiting > maxWaiting) dropNewest();
  };
  /** Takes the first or last entry of a client's purpose; what else waits there has its next turn after everybody else's. */
  const take = (client: string, purpose: string, which: 'first' | 'last'): Waiting | undefined => {
    const purposes = clients.get(client);
    const entries = purposes?.get(purpose) ?? [];
    const entry = which === 'first' ? entries.shift() : entries.pop();
    waiting -= 1;
    if (entries.length === 0) purposes?.delete(purpose);
    if (purposes?.size === 0) clients.delete(client);
    if (which === 'first' && purposes && clients.delete(client)) {
      clients.set(client, purposes);
      if (purposes.delete(purpose)) purposes.set(purpose, entries);
    }
    return entry;
  };
  const dropNewest = (): void => {
    const [client, purposes] = largest(clients, (some) => [...some.values()].reduce((sum, { length }) => sum + length, 0));
    const [purpose] = largest(purposes, ({ length }) => length);
    take(client, purpose, 'last')?.refuse();
  };
  const startNext = (): void => {
    const [client, purposes] = clients.entries().next().value ?? [];
    const [purpose] = purposes?.keys() ?? [];
    if (client === undefined || purpose === undefined) running -= 1;
    // The finished task hands its place on, so `running` does not change.
    else take(client, purpose, 'first')?.start();
  };

  return async (lane, task) => {
    if (running < maxRunning) running += 1;
    else await new Promise<void>((resolve, reject) => add(lane, { start: resolve, refuse: () => reject(refusal()) }));
    try {
      return await task();
    } finally {
      startNext();
    }
  };
}

/** The entry whose value is largest; the last one of several. */
function largest<V>(map: ReadonlyMap<string, V>, sizeOf: (value: V) => number): [string, V] {
  const entries = [...map];
  const sizes = entries.map(([, value]) => sizeOf(value));
  const found = entries[sizes.lastIndexOf(Math.max(...sizes))];
  if (!found) throw new Error('nothing waits');
  return found;
}
