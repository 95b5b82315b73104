// The seeds of a randomized test: the same every time unless the environment says otherwise. And how much a test repeats what
// costs much: little in every run, all of it under `npm run test:long`.

const { SYNC_SEED, SYNC_SEEDS, TEST_LONG } = process.env;

/** 1 to `count`, or to SYNC_SEEDS if set; only SYNC_SEED if that is set. */
export function seedsToTry(count: number): readonly number[] {
  if (SYNC_SEED) return [Number(SYNC_SEED)];
  return Array.from({ length: Number(SYNC_SEEDS || count) }, (_, index) => index + 1);
}

/** `few`, or `many` if TEST_LONG is set. */
export function amount(few: number, many: number): number {
  return TEST_LONG ? many : few;
}

/** The environment in which a test repeats what it does with a seed. */
export function repeatedBy(seed: number): string {
  return `SYNC_SEED=${seed}${TEST_LONG ? ' TEST_LONG=1' : ''}`;
}
