// Timers under a test's control: short pauses end immediately, and long timeouts fire when the test says so.

/** Timers of this length or longer are timeouts for a silent server; shorter ones are pauses between attempts. */
const SILENCE_MS = 30_000;

export interface Timers {
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  /** The requested pauses, in milliseconds. */
  readonly pauses: readonly number[];
  /** While held, no pause ends. */
  hold(isHeld: boolean): void;
  /** Fires all pending timeouts. */
  passSilence(): void;
  /** The number of timers neither fired nor cancelled. */
  readonly pending: number;
}

export function createTimers(): Timers {
  const waiting = new Map<() => void, number>();
  const pauses: number[] = [];
  let isHeld = false;
  const fire = (callback: () => void): void => {
    if (waiting.delete(callback)) callback();
  };
  const soon = (callback: () => void): void => {
    setImmediate(() => {
      if (!isHeld) fire(callback);
    });
  };
  return {
    pauses,
    get pending() { return waiting.size; },
    setTimer(onTime, delayMs) {
      // A new function per timer, since the same callback may be passed twice.
      const callback = (): void => onTime();
      waiting.set(callback, delayMs);
      if (delayMs < SILENCE_MS) {
        pauses.push(delayMs);
        soon(callback);
      }
      return () => void waiting.delete(callback);
    },
    hold(held) {
      isHeld = held;
      if (!held) for (const [callback, delayMs] of waiting) if (delayMs < SILENCE_MS) soon(callback);
    },
    passSilence() {
      for (const [callback, delayMs] of [...waiting]) if (delayMs >= SILENCE_MS) fire(callback);
    },
  };
}
