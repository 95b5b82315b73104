// The server's files: who can use them whatever the umask, what is tightened or warned of, and the generated secret through full
// disks and crashes.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';

import { ConfigError, readConfig } from '../../server/config.ts';
import { loadOrCreateSecret } from '../../server/files.ts';
import { createLog, type Log } from '../../server/log.ts';
import { start } from '../../server.ts';
import { createClient } from '../client.ts';
import { openSmallDisk } from '../disk.ts';
import { firstOwner, password, spawnServer, startMs } from './harness.ts';
import { assertRejects } from './store/fixture.ts';

const hasModes = process.platform !== 'win32';
const folder = mkdtempSync(join(tmpdir(), 'invoify-files-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const newFolder = (): string => mkdtempSync(join(folder, 'data-'));
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

function setUmask(t: TestContext, mask: number): void {
  const previous = process.umask(mask);
  t.after(() => void process.umask(previous));
}

/** A server in this process, with the entries that it logs. */
async function run(t: TestContext, env: Readonly<Record<string, string>>): Promise<readonly Record<string, unknown>[]> {
  const entries: Record<string, unknown>[] = [];
  const write = (line: string): void => void entries.push(JSON.parse(line) as Record<string, unknown>);
  const deps = { nowMs: () => startMs, monotonicMs: () => performance.now(), trustsClock: true, write };
  const server = await start(readConfig({ PORT: '0', ...env }), deps);
  t.after(() => server.close());
  return entries;
}

function warningsOf(entries: readonly Record<string, unknown>[]): (readonly unknown[])[] {
  return entries.filter(({ level }) => level === 'warn').map(({ event, file }) => [event, file]);
}

describe("the server's files", { skip: hasModes ? false : 'Windows has no modes' }, () => {
  for (const mask of [0o000, 0o077, 0o777]) {
    test(`can be used by nobody else with a umask of ${mask.toString(8)}`, async (t) => {
      setUmask(t, mask);
      const dataDir = join(folder, `umask-${mask.toString(8)}`);
      const entries = await run(t, { DATA_DIR: dataDir, ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD: password });
      assert.equal(modeOf(dataDir), '700');
      const names = readdirSync(dataDir).sort();
      assert.deepEqual(names, ['invoify.sqlite', 'invoify.sqlite-shm', 'invoify.sqlite-wal', 'jwt-secret']);
      for (const name of names) assert.equal(modeOf(join(dataDir, name)), '600', name);
      assert.equal(entries[0]?.['event'], 'listening');
      assert.deepEqual(warningsOf(entries), []);
    });
  }

  test('that others could use are tightened, with a warning that names each', async (t) => {
    const dataDir = newFolder();
    const names = ['invoify.sqlite', 'invoify-backup.sqlite', 'jwt-secret'];
    for (const name of names) writeFileSync(join(dataDir, name), name === 'jwt-secret' ? 'x'.repeat(40) : '');
    for (const name of names) chmodSync(join(dataDir, name), 0o644);
    chmodSync(dataDir, 0o755);
    const entries = await run(t, { DATA_DIR: dataDir });
    const paths = [dataDir, ...names.map((name) => join(dataDir, name))];
    assert.equal(entries[0]?.['event'], 'listening');
    const sentences = paths.map((path) => path === dataDir ? 'other users could use this folder: its mode is now 0700'
      : 'other users could use this file: its mode is now 0600');
    const warned = new Map(warningsOf(entries).map(([event, file]) => [file, event]));
    assert.deepEqual(paths.map((path) => warned.get(path)), sentences);
    for (const path of paths) assert.equal(statSync(path).mode & 0o077, 0, path);
  });

  test('are the same for two processes that start at once in an empty folder', async () => {
    const env = { PORT: '0', DATA_DIR: join(folder, 'two'), ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD: password };
    const [one, two] = await Promise.all([spawnServer(env), spawnServer(env)]);
    const { token } = await createClient(() => ({ url: one.url })).login(firstOwner, password);
    assert.equal((await createClient(() => ({ url: two.url })).as(token).get('/api/auth/me')).status, 200);
    assert.deepEqual(await Promise.all([one.end(), two.end()]), [0, 0]);
  });

  test('in a folder with files of others leave that folder as it is, and say so', async (t) => {
    const dataDir = newFolder();
    writeFileSync(join(dataDir, 'letter.txt'), '', { mode: 0o644 });
    chmodSync(dataDir, 0o755);
    const entries = await run(t, { DATA_DIR: dataDir });
    assert.deepEqual([dataDir, ...['letter.txt', 'invoify.sqlite'].map((name) => join(dataDir, name))].map(modeOf), ['755', '644', '600']);
    const [[event = '', place] = []] = warningsOf(entries);
    assert.match(String(event), /DATA_DIR is open to other users: give the server a folder of its own/);
    assert.equal(place, dataDir);
  });

  test('with secrets that an administrator named are warned of if every user can use them, and left alone', async (t) => {
    const named = (name: string, mode: number): string => {
      const file = join(folder, name);
      writeFileSync(file, 'x'.repeat(40));
      chmodSync(file, mode);
      return file;
    };
    const [loose, shared] = [named('loose', 0o644), named('shared', 0o640)];
    const entries = await run(t, {
      DATA_DIR: newFolder(), JWT_SECRET_FILE: loose, ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD_FILE: shared,
    });
    const warnings = warningsOf(entries).filter(([, file]) => file === loose || file === shared);
    assert.deepEqual(warnings.map(([, file]) => file), [loose]);
    assert.match(String(warnings[0]?.[0]), /JWT_SECRET_FILE.*chmod o-rwx/);
    assert.deepEqual([modeOf(loose), modeOf(shared)], ['644', '640']);
  });
});

describe('the generated secret', () => {
  const logged: unknown[] = [];
  const log: Log = createLog('debug', (line) => void logged.push(JSON.parse(line)), () => startMs);
  const never = async (): Promise<boolean> => false;

  test('is generated once, alone in its folder, and is long enough', async () => {
    const dataDir = newFolder();
    const secret = await loadOrCreateSecret(dataDir, never, log);
    assert.ok(Buffer.byteLength(secret) >= 32);
    assert.deepEqual(readdirSync(dataDir), ['jwt-secret']);
    assert.equal(await loadOrCreateSecret(dataDir, never, log), secret);
    assert.notEqual(await loadOrCreateSecret(newFolder(), never, log), secret);
  });

  test('is the same for processes that start at once', async () => {
    const dataDir = newFolder();
    const secrets = await Promise.all(Array.from({ length: 5 }, () => loadOrCreateSecret(dataDir, never, log)));
    assert.equal(new Set(secrets).size, 1);
  });

  test('leaves nothing behind on a full disk, and is generated once there is room', async (t) => {
    const disk = openSmallDisk(t, 1);
    if (!disk) return;
    disk.fill();
    const dataDir = join(disk.folder);
    const { message } = await assertRejects(loadOrCreateSecret(dataDir, never, log), 'unavailable');
    assert.match(message, /^DATA_DIR=[^\n]* the disk is full: [^\n.]*\.$/);
    assert.deepEqual(readdirSync(dataDir), ['filler']);
    disk.free();
    assert.ok(Buffer.byteLength(await loadOrCreateSecret(dataDir, never, log)) >= 32);
  });

  for (const leftover of ['', 'cut off']) {
    test(`that was left as '${leftover}' is replaced with a warning only if no token can depend on it`, async () => {
      const dataDir = newFolder();
      const file = join(dataDir, 'jwt-secret');
      writeFileSync(file, leftover);
      await assert.rejects(loadOrCreateSecret(dataDir, async () => true, log), (error) => error instanceof ConfigError
        && error.message.startsWith(file) && /^[^\n]*remove it[^\n]*sign in again\.$/.test(error.message));
      assert.equal(readFileSync(file, 'utf8'), leftover);
      logged.length = 0;
      const secret = await loadOrCreateSecret(dataDir, never, log);
      assert.equal(readFileSync(file, 'utf8').trim(), secret);
      assert.deepEqual(logged.map((entry) => Object(entry) as Record<string, unknown>).map(({ level, file: named }) => [level, named]),
        [['warn', file]]);
    });
  }

  test('that was damaged after somebody signed in stops the start, in one sentence', async () => {
    const dataDir = newFolder();
    const config = readConfig({ PORT: '0', DATA_DIR: dataDir, ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD: password });
    const deps = { nowMs: () => startMs, monotonicMs: () => performance.now(), trustsClock: true, write: () => {} };
    const server = await start(config, deps);
    await createClient(() => ({ url: server.url })).login(firstOwner, password);
    await server.close();
    writeFileSync(join(dataDir, 'jwt-secret'), '');
    await assert.rejects(start(config, deps), { name: 'ConfigError', message: /jwt-secret is damaged: [^\n]*\.$/ });
  });

  test('that is missing although somebody has signed in is generated anew, with a warning of what that means', async () => {
    const dataDir = newFolder();
    logged.length = 0;
    const secret = await loadOrCreateSecret(dataDir, async () => true, log);
    assert.ok(Buffer.byteLength(secret) >= 32);
    const [{ level, event, file } = {}] = logged.map((entry) => Object(entry) as Record<string, unknown>);
    assert.deepEqual([level, file], ['warn', join(dataDir, 'jwt-secret')]);
    assert.match(String(event), /everybody has to sign in again/);
    logged.length = 0;
    assert.equal(await loadOrCreateSecret(dataDir, async () => true, log), secret);
    assert.deepEqual(logged, []);
  });

  test('cannot be generated where a folder has its name, in one sentence', async () => {
    const dataDir = newFolder();
    mkdirSync(join(dataDir, 'jwt-secret'));
    assert.match((await assertRejects(loadOrCreateSecret(dataDir, never, log), 'unavailable')).message, /^DATA_DIR=[^\n]*\.$/);
  });
});
