// A figure of the benchmark, and small sums over many.

import { readFileSync } from 'node:fs';

/** USER_HZ, which is 100 wherever Node runs. */
const TICKS_PER_SECOND = 100;

export interface Figure {
  readonly what: string;
  readonly store: 'embedded' | 'MongoDB' | '';
  readonly value: number | null;
  readonly unit: string;
  /** To the floor of the same run that belongs to this figure; null where there is none. */
  readonly ofFloor: number | null;
}

/** The middle one of a list that is not empty; of an even number the upper of the two in the middle. */
export function median(values: readonly number[]): number {
  const middle = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  if (middle === undefined) throw new RangeError('there is no median of nothing');
  return middle;
}

/** The value that `share` of a list, which is not empty, does not exceed: the 99th percentile for 0.99. */
export function percentile(values: readonly number[], share: number): number {
  const value = values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)];
  if (value === undefined) throw new RangeError('there is no percentile of nothing');
  return value;
}

/** The most memory that a running process has held, in MB; null where the system does not tell (it is not Linux). */
export function peakMemoryMb(pid: number): number | null {
  if (process.platform !== 'linux') return null;
  // Not getrusage, whose maximum includes that of the process it was forked from.
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return kib === undefined ? null : Number(kib) * 1024 / 1e6;
}

/**
 * The processor time that a running process has used so far, in ms, which other load on the machine hardly changes; null
 * where the system does not tell.
 */
export function processorTimeMs(pid: number): number | null {
  if (process.platform !== 'linux') return null;
  // proc_pid_stat(5): after the name in brackets come state and, as 12th and 13th from there, user and system time.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 1000 / TICKS_PER_SECOND;
}
