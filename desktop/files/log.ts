// The log on this computer: one JSON object a line in `logs/invoify.log`, with the four files before it kept beside it
// (`invoify.1.log` is the youngest).
//
// What always holds: no file grows past its limit by more than one line, and there are never more than five; no line
// holds a token, an e-mail address or the name of a person's folder; and a log that cannot be written stops nothing:
// the next line that can says how many were lost.

import { appendFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { hasSystemCode } from '../../shared/errors.ts';
import { toPlainFacts, type Facts } from './log-facts.ts';

export interface LogOptions {
  readonly folder: string;
  /** Per file; 1 MB where absent. */
  readonly maxBytes?: number;
}

export type Log = (event: string, facts?: Facts) => void;

const MAX_FILES = 5;
const MAX_BYTES = 1_000_000;

/** Opens the log; its folder is made where it is missing. Written at once, so that a crash loses nothing of it. */
export function openLog({ folder, maxBytes = MAX_BYTES }: LogOptions, nowMs: () => number): Log {
  const path = (age: number): string => join(folder, age === 0 ? 'invoify.log' : `invoify.${age}.log`);
  let sizeBytes: number | null = null;
  let lost = 0;

  function rotate(): void {
    rmSync(path(MAX_FILES - 1), { force: true });
    for (let age = MAX_FILES - 2; age >= 0; age -= 1) {
      if (sizeOf(path(age)) !== null) renameSync(path(age), path(age + 1));
    }
  }

  function append(line: string): void {
    if (sizeBytes === null) mkdirSync(folder, { recursive: true });
    sizeBytes ??= sizeOf(path(0)) ?? 0;
    if (sizeBytes >= maxBytes) {
      rotate();
      sizeBytes = 0;
    }
    appendFileSync(path(0), line, { mode: 0o600 });
    sizeBytes += Buffer.byteLength(line);
  }

  return (event, facts = {}) => {
    const missing = lost === 0 ? {} : { lostLines: lost };
    const line = JSON.stringify({ time: new Date(nowMs()).toISOString(), event, ...toPlainFacts(facts), ...missing });
    try {
      append(`${line}\n`);
      lost = 0;
    } catch {
      // There is nowhere left to tell it but the next line.
      lost += 1;
      sizeBytes = null;
    }
  };
}

function sizeOf(path: string): number | null {
  try {
    return statSync(path).size;
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return null;
    throw error;
  }
}
