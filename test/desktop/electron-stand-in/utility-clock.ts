// Time in a process of the stand-in: it goes by as everywhere, and a test can let more of it pass at once.
//
// Both clocks move on, and timers that have become due by that fire in the order of their time.

interface Pending {
  readonly dueMs: number;
  readonly callback: () => void;
  readonly real: NodeJS.Timeout;
}

/** Takes the place of the process's clocks and timers; returns how to let time pass. */
export function replaceClock(): (ms: number) => void {
  const [wallMs, monotonicMs, setReal, clearReal] = [Date.now, performance.now.bind(performance), setTimeout, clearTimeout];
  const pending = new Map<number, Pending>();
  let passedMs = 0;
  let lastId = 0;

  function fire(id: number): void {
    const timer = pending.get(id);
    pending.delete(id);
    if (timer) clearReal(timer.real);
    timer?.callback();
  }

  Date.now = () => wallMs() + passedMs;
  performance.now = () => monotonicMs() + passedMs;
  Object.assign(globalThis, {
    setTimeout(callback: () => void, delayMs = 0): number {
      const id = lastId += 1;
      pending.set(id, { dueMs: performance.now() + delayMs, callback, real: setReal(() => fire(id), delayMs) });
      return id;
    },
    clearTimeout(id: number): void {
      const timer = pending.get(id);
      pending.delete(id);
      if (timer) clearReal(timer.real);
    },
  });
  return (ms) => {
    passedMs += ms;
    const nowMs = performance.now();
    const due = [...pending].filter(([, { dueMs }]) => dueMs <= nowMs).sort(([, a], [, b]) => a.dueMs - b.dueMs);
    for (const [id] of due) fire(id);
  };
}
