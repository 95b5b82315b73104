// The clock of a stand-in process: it runs normally, and a test can advance it.
//
// Advancing moves both clocks and fires the timers that become due, in order. Timers stay Node's own objects, since Node's
// internals expect them.

interface Pending {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Replaces the process's clocks and timers; returns a function that advances them. */
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
