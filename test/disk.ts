// A disk of a few megabytes (tmpfs) that a test can fill, free and make read-only.

import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, rmdirSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export interface SmallDisk {
  readonly folder: string;
  /** Uses up every free byte. */
  fill(): void;
  /** Frees what `fill` used. */
  free(): void;
  setReadOnly(isReadOnly: boolean): void;
}

/** Null, with the test skipped, if this process may not mount; with CI=true it throws instead. */
export function openSmallDisk(t: Pick<TestContext, 'after' | 'skip'>, sizeMiB: number): SmallDisk | null {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-disk-'));
  const mount = ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', folder];
  if (process.platform !== 'linux' || spawnSync('mount', mount).status !== 0) {
    rmdirSync(folder);
    const sentence = 'A small disk can be mounted only on Linux, as root.';
    if (process.env['CI'] === 'true') throw new Error(`${sentence} With CI=true the tests that need one must not be skipped.`);
    t.skip(sentence);
    return null;
  }
  t.after(() => {
    // Lazily, since a failed test may have left files open.
    execFileSync('umount', ['-l', folder]);
    rmdirSync(folder);
  });
  const filler = join(folder, 'filler');
  return {
    folder,
    fill() {
      const file = openSync(filler, 'a');
      try {
        for (let size = 1024 * 1024; size >= 1; size >>= 1) writeUntilFull(file, Buffer.alloc(size));
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler, { force: true }),
    setReadOnly: (isReadOnly) => void execFileSync('mount', ['-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, folder]),
  };
}

function writeUntilFull(file: number, block: Buffer): void {
  try {
    while (writeSync(file, block) > 0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  }
}
