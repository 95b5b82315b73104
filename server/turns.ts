// Turns at something slow, shared out fairly: by client, and within a client by what it is after.
//
//   lanes:   peer A ─▶ address 1: ▪▪▪▪▪▪▪      next: A1, B1, A2, B1, A1 …
//                      address 2: ▪
//            peer B ─▶ address 1: ▪▪
//
// Those who are known wait in a queue of their own, which has every other turn: no number of strangers keeps them out.
//
// Invariants: at most `maxRunning` tasks run and `maxWaiting` wait in each queue. If more come, those whose client has gone are
// dropped, then the newest of whoever has most waiting, so that a flood displaces itself first. Among equals chance decides, so
// that whoever came first cannot hold the queue.

import { ClientGone } from './http.ts';

/** Who waits, from the general to the specific. */
export type Lane = readonly [client: string, purpose: string];

/** How somebody waits. */
export interface Waiter {
  /** Waits apart from strangers. */
  readonly isKnown?: boolean;
  /** How many may wait in this lane. */
  readonly most?: number;
  /** True once nobody waits for the result any longer. */
  readonly isGone?: () => boolean;
}

interface Waiting {
  readonly start: () => void;
  readonly refuse: (error: Error) => void;
  readonly isGone: () => boolean;
}

export interface TurnsOptions {
  readonly maxRunning: number;
  readonly maxWaiting: number;
  /** The error for those who are refused. */
  readonly refusal: () => Error;
}

export type Turns = <T>(lane: Lane, task: () => Promise<T>, waiter?: Waiter) => Promise<T>;

/** Returns a function that runs a task when it is its lane's turn. It rejects with `refusal` if too many wait, or with `ClientGone`. */
export function createTurns({ maxRunning, maxWaiting, refusal }: TurnsOptions): Turns {
  let queues = [createQueue(maxWaiting, refusal), createQueue(maxWaiting, refusal)] as const;
  const [known, strangers] = queues;
  let running = 0;

  const startNext = (): void => {
    const [first, second] = queues;
    queues = [second, first];
    const next = first.shift() ?? second.shift();
    // The finished task hands its place on, so `running` does not change.
    if (next) next.start();
    else running -= 1;
  };

  return async (lane, task, { isKnown = false, most = maxWaiting, isGone = () => false } = {}) => {
    if (running < maxRunning) running += 1;
    else await new Promise<void>((start, refuse) => (isKnown ? known : strangers).add(lane, { start, refuse, isGone }, most));
    try {
      return await task();
    } finally {
      startNext();
    }
  };
}

interface Queue {
  /** Refuses the entry if its lane has `most` already, and some entry if too many wait. */
  add(lane: Lane, entry: Waiting, most: number): void;
  /** Takes the next entry whose client has not gone. */
  shift(): Waiting | undefined;
}

function createQueue(maxWaiting: number, refusal: () => Error): Queue {
  const clients = new Map<string, Map<string, Waiting[]>>();
  let waiting = 0;

  const put = (client: string, purpose: string, entries: Waiting[]): void => {
    const purposes = clients.get(client) ?? new Map<string, Waiting[]>();
    clients.set(client, purposes);
    if (entries.length > 0) purposes.set(purpose, entries);
    else purposes.delete(purpose);
    if (purposes.size === 0) clients.delete(client);
  };
  const dropGone = (): void => {
    for (const [client, purposes] of [...clients]) {
      for (const [purpose, entries] of [...purposes]) {
        const gone = entries.filter(({ isGone }) => isGone());
        if (gone.length === 0) continue;
        waiting -= gone.length;
        put(client, purpose, entries.filter((entry) => !gone.includes(entry)));
        for (const { refuse } of gone) refuse(clientGone());
      }
    }
  };
  const dropNewest = (): void => {
    const [client, purposes] = largest(clients, (some) => [...some.values()].reduce((sum, { length }) => sum + length, 0));
    const [purpose, entries] = largest(purposes, ({ length }) => length);
    waiting -= 1;
    entries.pop()?.refuse(refusal());
    put(client, purpose, entries);
  };
  /** The first entry. What else waits there has its next turn after everybody else's. */
  const take = (): Waiting | undefined => {
    const [client, purposes] = clients.entries().next().value ?? [];
    const [purpose, entries] = purposes?.entries().next().value ?? [];
    if (client === undefined || !purposes || purpose === undefined || !entries) return undefined;
    waiting -= 1;
    const entry = entries.shift();
    purposes.delete(purpose);
    clients.delete(client);
    if (purposes.size > 0) clients.set(client, purposes);
    put(client, purpose, entries);
    return entry;
  };

  return {
    add([client, purpose], entry, most) {
      const entries = clients.get(client)?.get(purpose) ?? [];
      if (entries.length >= most) return entry.refuse(refusal());
      put(client, purpose, [...entries, entry]);
      waiting += 1;
      if (waiting > maxWaiting) dropGone();
      if (waiting > maxWaiting) dropNewest();
    },
    shift() {
      for (let entry = take(); ; entry = take()) {
        if (!entry?.isGone()) return entry;
        entry.refuse(clientGone());
      }
    },
  };
}

function clientGone(): Error {
  return new ClientGone('the client has gone while it waited for its turn');
}

/** The entry whose value is largest; any one of several. */
function largest<V>(map: ReadonlyMap<string, V>, sizeOf: (value: V) => number): [string, V] {
  const sizes = [...map.values()].map(sizeOf);
  const max = Math.max(...sizes);
  const candidates = [...map].filter((_, index) => sizes[index] === max);
  const found = candidates[Math.floor(Math.random() * candidates.length)];
  if (!found) throw new Error('nothing waits');
  return found;
}
