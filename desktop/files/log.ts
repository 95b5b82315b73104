// The local log: one JSON object per line in `logs/invoify.log`, rotated through four older files, of which
// `invoify.1.log` is the newest.
//
// Invariants: no file exceeds its limit by more than one line, and there are at most five; no line contains a token, an
// e-mail address or the name of a user folder; a log that cannot be written never throws, and the next line that can be
// written says how many were lost. A process that is about to die may write its last lines beside the one that keeps the
// log: lines are appended whole, and every writer checks the file's size each time.

import { appendFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { hasSystemCode } from '../../shared/errors.ts';
import { makePrivateFolder, tighten } from '../cache/private.ts';
import { redactFacts, type Facts } from './redact.ts';

export interface LogOptions {
  readonly folder: string;
  /** Per file; 1 MB if absent. */
  readonly maxBytes?: number;
}

export type Log = (event: string, facts?: Facts) => void;

const MAX_FILES = 5;
const MAX_BYTES = 1_000_000;

/** Opens the log, creating its folder if missing. Lines are written synchronously, so a crash loses none. */
export function openLog({ folder, maxBytes = MAX_BYTES }: LogOptions, nowMs: () => number): Log {
  const path = (age: number): string => join(folder, age === 0 ? 'invoify.log' : `invoify.${age}.log`);
  let isPrepared = false;
  let lostLines = 0;

  function prepareFiles(): void {
    makePrivateFolder(folder);
    for (let age = 0; age < MAX_FILES; age += 1) tighten(path(age), 0o600);
    isPrepared = true;
  }

  function rotate(): void {
    rmSync(path(MAX_FILES - 1), { force: true });
    for (let age = MAX_FILES - 2; age >= 0; age -= 1) {
      if (sizeOf(path(age)) !== null) renameSync(path(age), path(age + 1));
    }
  }

  function append(line: string): void {
    if (!isPrepared) prepareFiles();
    if ((sizeOf(path(0)) ?? 0) >= maxBytes) rotate();
    appendFileSync(path(0), line, { mode: 0o600 });
  }

  return (event, facts = {}) => {
    const losses = lostLines === 0 ? {} : { lostLines };
    const line = JSON.stringify({ time: new Date(nowMs()).toISOString(), event, ...redactFacts(facts), ...losses });
    try {
      append(`${line}\n`);
      lostLines = 0;
    } catch {
      // Reported by the next line that can be written.
      lostLines += 1;
      isPrepared = false;
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
