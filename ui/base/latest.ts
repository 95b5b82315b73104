// Ignores stale responses: of several overlapping requests, only the last one counts.

/** Call the result at the start of each request; what that returns tells whether the request is still the latest. */
export function latestOnly(): () => () => boolean {
  let latest = 0;
  return () => {
    latest += 1;
    const current = latest;
    return () => current === latest;
  };
}
