// Disks that fail under a server or a desktop: full, read-only, broken (EIO), or a file that another program has locked.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';

import { openSmallDisk, type SmallDisk } from '../disk.ts';
import { embedded, prepare } from '../server/harness.ts';
import type { Scenario, Stage, Try } from './lab.ts';
import { openScene } from './scene.ts';

type Side = 'server' | 'desktop';
const sides = ['server', 'desktop'] as const;

/** A scene's server has its database, and its desktops their caches, in these folders. */
async function openSmallDisks(attempt: Try): Promise<Record<Side, SmallDisk>> {
  const skip = (): never => assert.fail('a small disk could not be mounted');
  const open = (): SmallDisk => openSmallDisk({ after: (run) => attempt.after(run as () => unknown), skip }, 12) ?? skip();
  return { server: open(), desktop: open() };
}

async function fillDisk(attempt: Try): Promise<void> {
  const { random } = attempt;
  const disks = await openSmallDisks(attempt);
  const scene = await openScene(attempt, { env: environment(disks.server.folder), folder: disks.desktop.folder });
  await scene.writeWhile(30, async () => {
    for (let rounds = random.integer(1, 3); rounds > 0; rounds -= 1) {
      const side = random.pick(sides);
      await pause(random.integer(100, 1500));
      disks[side].fill();
      attempt.count(`full disks of ${named(side)}`);
      await pause(random.integer(300, 3000));
      disks[side].free();
    }
  });
  await scene.settle();
}

/** A disk that is read-only when a server or a desktop is started on it, as one is after a failure. */
async function makeReadOnly(attempt: Try): Promise<void> {
  const { random } = attempt;
  const disks = await openSmallDisks(attempt);
  const scene = await openScene(attempt, { env: environment(disks.server.folder), folder: disks.desktop.folder });
  const side = random.pick(sides);
  await scene.writeWhile(20, async () => {
    await pause(random.integer(500, 2000));
    if (side === 'server') {
      await scene.servers[0]?.end(random.pick(['SIGKILL', 'SIGTERM'] as const));
      disks.server.setReadOnly(true);
      await assert.rejects(scene.startServer(0), /cannot be written \(EROFS\)/);
      disks.server.setReadOnly(false);
      await scene.startServer(0);
    } else {
      for (const desktop of scene.desktops) await desktop.close();
      disks.desktop.setReadOnly(true);
      for (const index of scene.desktops.keys()) await scene.startDesktop(index);
      await pause(random.integer(500, 3000));
      disks.desktop.setReadOnly(false);
    }
    attempt.count(`read-only disks of ${named(side)}`);
  });
  await scene.settle();
}

/** The system calls by which SQLite reaches its files; each may fail. */
const calls = ['pwrite64', 'fsync,fdatasync', 'ftruncate', 'pread64'] as const;

async function failCalls(attempt: Try): Promise<void> {
  const { random } = attempt;
  const { env, remove } = await prepare(embedded ?? assert.fail());
  attempt.after(remove);
  const scene = await openScene(attempt, { env });
  await scene.writeWhile(25, async () => {
    for (let rounds = random.integer(1, 3); rounds > 0; rounds -= 1) {
      const [side, call] = [random.pick(sides), random.pick(calls)];
      await pause(random.integer(0, 1500));
      const pid = side === 'server' ? scene.servers[0]?.child.pid : scene.desktops[0]?.child.pid;
      const error = side === 'desktop' && call === 'pread64' ? 'ENODEV' : 'EIO';
      await failWhile(pid ?? 0, call, error, random.pick(['', ':when=2+2', ':when=3+5'] as const), () => pause(random.integer(200, 3000)));
      attempt.count(`times ${error} in ${call} of ${named(side)}`);
    }
  });
  await scene.settle();
}

/**
 * A running program's calls fail, all of them or those that `when` names, until `work` is done. On Linux SQLite reports EIO in a read as
 * damage (SQLITE_IOERR_CORRUPTFS in its os_unix.c), for which a desktop downloads its cache again; other errors, and all on Windows,
 * it reports as what they are.
 */
async function failWhile(pid: number, call: string, error: string, when: string, work: () => Promise<unknown>): Promise<void> {
  const options = ['-f', '-qqq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:error=${error}${when}`, '-p', String(pid)];
  const strace = spawn('strace', options, { stdio: ['ignore', 'ignore', 'pipe'] });
  const said = strace.stderr.toArray();
  const closed = once(strace, 'close');
  await work();
  assert.equal(strace.exitCode, null, `strace ended: ${Buffer.concat(await (strace.exitCode === null ? [] : said) as Buffer[])}`);
  strace.kill('SIGINT');
  await closed;
}

/** Another program keeps the database locked for writing. */
async function lockFile(attempt: Try): Promise<void> {
  const { random } = attempt;
  const { env, remove, folder } = await prepare(embedded ?? assert.fail());
  attempt.after(remove);
  const scene = await openScene(attempt, { env });
  await scene.writeWhile(30, async () => {
    for (let rounds = random.integer(1, 3); rounds > 0; rounds -= 1) {
      const side = random.pick(sides);
      await pause(random.integer(500, 1500));
      const db = new DatabaseSync(side === 'server' ? join(folder, 'invoify.sqlite') : scene.files[0] ?? '', { timeout: 10_000 });
      db.exec(random.pick(['BEGIN IMMEDIATE', 'BEGIN EXCLUSIVE'] as const));
      attempt.count(`locks on the file of ${named(side)}`);
      await pause(random.integer(300, 7000));
      db.close();
    }
  });
  await scene.settle();
}

function environment(folder: string): Record<string, string> {
  return { DATA_DIR: folder, LOG_LEVEL: 'warn', TOKEN_TTL: '180d' };
}

function named(side: Side): string {
  return side === 'server' ? 'the server' : 'a desktop';
}

const canMount = process.platform === 'linux' && process.getuid?.() === 0;
const needsMount = canMount ? false : 'A small disk can be mounted only on Linux, as root.';
const needsStrace = spawnSync('strace', ['-V']).status === 0 ? false : 'There is no strace (Debian: apt install strace).';

function scenario(name: string, about: string, tries: number, run: Stage['run'], skip: string | false = false): Scenario {
  return { name, about, tries, skip, timeoutMs: 180_000, open: async () => ({ run, close: async () => undefined }) };
}

export const disks: readonly Scenario[] = [
  scenario('disk-full', 'the disk of the server or of the desktops is full for a while', 20, fillDisk, needsMount),
  scenario('disk-read-only', 'a server or desktops start on a read-only disk', 12, makeReadOnly, needsMount),
  scenario('disk-eio', 'system calls of the server or of the desktops fail with `EIO` (`strace`)', 40, failCalls, needsStrace),
  scenario('file-lock', 'another program locks the file of the server or of a desktop, for up to 7 s', 20, lockFile),
];
