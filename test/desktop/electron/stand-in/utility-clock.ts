// Time in a process of the stand-in: it goes by as everywhere, and a test can let more of it pass at once.
//
// Both clocks move on, and timers that have become due by that fire in the order of their time. A timer stays the system's
// own, as what Node itself is made of expects to find one.

interface Pending {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Takes the place of the process's clocks and timers; returns how to let time pass. */
export function replaceClock(): (ms: number) => void {
  const [wallMs, monotonicMs, setReal, clearReal] = [Date.now, performance.now.bind(performance), setTimeout, clearTimeout];
  const pending = new Map<NodeJS.Timeout, Pending>();
  let passedMs = 0;

  function fire(timer: NodeJS.Timeout): void {
    const found = pending.get(timer);
    pending.delete(timer);
    clearReal(timer);
    found?.callback();
  }

  Date.now = () => wallMs() + passedMs;
  performance.now = () => monotonicMs() + passedMs;
  Object.assign(globalThis, {
    setTimeout(callback: (...values: unknown[]) => void, delayMs = 0, ...values: unknown[]): NodeJS.Timeout {
      const timer = setReal(() => fire(timer), delayMs);
      pending.set(timer, { dueMs: performance.now() + delayMs, callback: () => callback(...values) });
      return timer;
    },
    clearTimeout(timer: NodeJS.Timeout): void {
      pending.delete(timer);
      clearReal(timer);
    },
  });
  return (ms) => {
    passedMs += ms;
    const nowMs = performance.now();
    const due = [...pending].filter(([, { dueMs }]) => dueMs <= nowMs).sort(([, a], [, b]) => a.dueMs - b.dueMs);
    for (const [timer] of due) fire(timer);
  };
}
