// The seeds of a randomized test: the same every time unless the environment says otherwise.

/** 1 to `count`, or to SYNC_SEEDS if set; only SYNC_SEED if that is set. */
export function seedsToTry(count: number): readonly number[] {
  const { SYNC_SEED, SYNC_SEEDS } = process.env;
  if (SYNC_SEED) return [Number(SYNC_SEED)];
  return Array.from({ length: Number(SYNC_SEEDS || count) }, (_, index) => index + 1);
}
