// Of several questions to the same end only the last one's answer counts.

/** Each call makes the calls before it old; what it returns says whether it is still the last. */
export function latestOnly(): () => () => boolean {
  let latest = 0;
  return () => {
    latest += 1;
    const mine = latest;
    return () => mine === latest;
  };
}
