// Repeatable random choices: a seeded generator and what the sample company draws from it.

export interface Random {
  /** A number from 0 (inclusive) to 1 (exclusive). */
  (): number;
}

/** mulberry32 by Tommy Ettinger (public domain, 2017): 32 bits of state, good enough for sample data only. */
export function createRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number from `min` to `max`, both inclusive. */
export function between(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1));
}

export function chance(random: Random, probability: number): boolean {
  return random() < probability;
}

/** Picks from a non-empty list. */
export function pick<T>(random: Random, list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new RangeError('nothing to pick from');
  return list[Math.floor(random() * list.length)] ?? first;
}

/** Picks from a non-empty list by weight. */
export function pickWeighted<T extends { readonly weight: number }>(random: Random, list: readonly T[]): T {
  let left = random() * list.reduce((sum, { weight }) => sum + weight, 0);
  for (const entry of list) {
    left -= entry.weight;
    if (left < 0) return entry;
  }
  return pick(random, list);
}

/** An id like the server's, for a record created on `date` (an ISO date). */
export function drawId(random: Random, date: string): string {
  const createdAt = Date.parse(date) / 1000 + between(random, 0, 86_399);
  const draw = (digits: number): string => between(random, 0, 16 ** digits - 1).toString(16).padStart(digits, '0');
  return createdAt.toString(16).padStart(8, '0') + draw(6) + draw(6) + draw(4);
}
