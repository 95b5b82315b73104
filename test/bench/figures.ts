// The benchmark's figures and simple statistics.

import { readFileSync } from 'node:fs';

/** USER_HZ, which is 100 on every platform of Node. */
const TICKS_PER_SECOND = 100;

export type StoreName = 'embedded' | 'MongoDB';

/** What a figure, or its ratio to the floor, should be at least or at most. */
export interface Target {
  readonly of: 'value' | 'ratio';
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Figure {
  readonly what: string;
  readonly store: StoreName | '';
  readonly value: number | null;
  readonly unit: string;
  /** Relative to this figure's floor in the same run, higher is better; null if it has none. */
  readonly ofFloor: number | null;
  readonly target: Target | null;
}

/** Whether a figure misses its target; without a target, or not measured, it does not. */
export function misses({ value, ofFloor, target }: Figure): boolean {
  const measured = target?.of === 'ratio' ? ofFloor : value;
  if (!target || measured === null) return false;
  return measured < (target.atLeast ?? -Infinity) || measured > (target.atMost ?? Infinity);
}

/** The median of a non-empty list; of an even number of values the upper one. */
export function median(values: readonly number[]): number {
  const middle = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  if (middle === undefined) throw new RangeError('there is no median of nothing');
  return middle;
}

/** A percentile of a non-empty list: the 99th for 0.99. */
export function percentile(values: readonly number[], share: number): number {
  const value = values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)];
  if (value === undefined) throw new RangeError('there is no percentile of nothing');
  return value;
}

/** The peak memory of a running process, in MB; null except on Linux. */
export function peakMemoryMb(pid: number): number | null {
  if (process.platform !== 'linux') return null;
  // Not getrusage, whose maximum includes that of the parent process before the fork.
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return kib === undefined ? null : Number(kib) * 1024 / 1e6;
}

/**
 * The CPU time used so far by a running process, in ms, which other load on the machine hardly affects; null except on
 * Linux.
 */
export function processorTimeMs(pid: number): number | null {
  if (process.platform !== 'linux') return null;
  // proc_pid_stat(5): after the name in brackets come state and, as 12th and 13th from there, user and system time.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 1000 / TICKS_PER_SECOND;
}
