// A simulated machine with two clocks, timers and sleep. Time only passes when the test says so, and between two timers
// all pending work runs until it waits for something.

import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';

interface Timer {
  readonly callback: () => void;
  /** On the clock that stands still during sleep. */
  readonly dueMs: number;
}

export class Machine {
  wallMs = Date.parse('2026-03-01T12:00:00Z');
  /** Stands still during sleep, as on Linux. */
  monotonicMs = 0;
  /** The largest number of timers pending at the same time. */
  maxPending = 0;
  readonly #timers = new Set<Timer>();

  readonly setTimer = (callback: () => void, delayMs: number): (() => void) => {
    assert(delayMs >= 0 && Number.isFinite(delayMs), `a timer of ${delayMs} ms`);
    const timer = { callback, dueMs: this.monotonicMs + delayMs };
    this.#timers.add(timer);
    this.maxPending = Math.max(this.maxPending, this.#timers.size);
    return () => void this.#timers.delete(timer);
  };

  get pending(): number {
    return this.#timers.size;
  }

  /** Runs everything that is waiting only for its turn of the event loop. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) await nextTurn();
  }

  /** Lets time pass awake; timers fire when they are due. */
  async pass(ms: number): Promise<void> {
    await this.settle();
    const endMs = this.monotonicMs + ms;
    while (this.#fire(endMs)) await this.settle();
    this.#advance(endMs - this.monotonicMs);
  }

  /** Advances to the next timer and fires it. */
  passToNext(): void {
    assert(this.#fire(Infinity), 'no timer is pending');
  }

  /** Puts the machine to sleep. On `windows` the monotonic clock includes sleep, so timers are overdue afterwards. */
  sleep(ms: number, system: 'linux' | 'windows'): void {
    this.wallMs += ms;
    if (system === 'windows') this.monotonicMs += ms;
  }

  #fire(endMs: number): boolean {
    const next = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)[0];
    if (!next || next.dueMs > endMs) return false;
    this.#advance(Math.max(0, next.dueMs - this.monotonicMs));
    this.#timers.delete(next);
    next.callback();
    return true;
  }

  #advance(ms: number): void {
    this.monotonicMs += ms;
    this.wallMs += ms;
  }
}
