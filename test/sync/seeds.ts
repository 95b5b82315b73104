// Which seeds a test of chance tries: the same ones every time unless the environment says otherwise.

/** From 1 up to `count` or SYNC_SEEDS; or the one in SYNC_SEED. */
export function seedsToTry(count: number): readonly number[] {
  const { SYNC_SEED, SYNC_SEEDS } = process.env;
  if (SYNC_SEED) return [Number(SYNC_SEED)];
  return Array.from({ length: Number(SYNC_SEEDS || count) }, (_, index) => index + 1);
}
