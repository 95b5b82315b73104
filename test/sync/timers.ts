// Timers that a test holds: short waits pass at once, and a silence passes when the test says so.

/** Waits from here on are for a server that has fallen silent; every shorter one is a pause between two attempts. */
const SILENCE_MS = 30_000;

export interface Timers {
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  /** The pauses that were asked for, in milliseconds. */
  readonly pauses: readonly number[];
  /** While true no pause ends by itself. */
  hold(isHeld: boolean): void;
  /** Lets every silence that is being waited out pass. */
  passSilence(): void;
  /** How many timers have neither fired nor been cancelled. */
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
      // A function of its own for each timer, as one callback may be given twice.
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
