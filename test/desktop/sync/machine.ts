// A machine that a test runs: its two clocks, its timers, its sleep. Time passes when the test says so, and between two
// timers everything that was begun goes on until it waits for something.

import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';

interface Timer {
  readonly callback: () => void;
  /** In time awake. */
  readonly dueMs: number;
}

export class Machine {
  wallMs = Date.parse('2026-03-01T12:00:00Z');
  /** Stands still while the machine sleeps, as Linux's does. */
  monotonicMs = 0;
  /** The most timers that were pending at once. */
  mostPending = 0;
  readonly #timers = new Set<Timer>();

  readonly setTimer = (callback: () => void, delayMs: number): (() => void) => {
    assert(delayMs >= 0 && Number.isFinite(delayMs), `a timer of ${delayMs} ms`);
    const timer = { callback, dueMs: this.monotonicMs + delayMs };
    this.#timers.add(timer);
    this.mostPending = Math.max(this.mostPending, this.#timers.size);
    return () => void this.#timers.delete(timer);
  };

  get pending(): number {
    return this.#timers.size;
  }

  /** Lets everything go on that waits for nothing but its turn. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) await nextTurn();
  }

  /** Time passes awake; each timer fires when it is due. */
  async pass(ms: number): Promise<void> {
    await this.settle();
    const endMs = this.monotonicMs + ms;
    while (this.#fire(endMs)) await this.settle();
    this.#advance(endMs - this.monotonicMs);
  }

  /** Time passes up to the next timer, which fires. */
  passToNext(): void {
    assert(this.#fire(Infinity), 'no timer is pending');
  }

  /** The machine sleeps. On `windows` the monotonic clock counts the sleep, so timers are overdue afterwards. */
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
