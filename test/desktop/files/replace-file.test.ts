// A file is replaced completely or not at all, and failures have readable messages.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import { replaceFile, type ReplaceDeps } from '../../../desktop/files/replace-file.ts';
import { openSmallDisk } from '../../disk.ts';
import { assertRejects } from '../../server/store/fixture.ts';

const deps: ReplaceDeps = {
  newId: randomUUID,
  setTimer(callback) {
    const timer = setImmediate(callback);
    return () => clearImmediate(timer);
  },
};

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-replace-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const text = (content: string) => async (file: FileHandle): Promise<void> => file.writeFile(content);

describe('replacing a file', () => {
  test('puts the new one on the disk before it gets its name', async (t) => {
    const path = join(folderOf(t), 'file');
    writeFileSync(path, 'old');
    const probe = await open(path);
    const handles = Object.getPrototypeOf(probe) as FileHandle;
    await probe.close();
    const flushed: string[] = [];
    const { sync } = handles;
    t.mock.method(handles, 'sync', async function (this: FileHandle) {
      flushed.push(readFileSync(path, 'utf8'));
      await sync.call(this);
    });
    await replaceFile(path, text('new'), deps);
    assert.deepEqual([flushed, readFileSync(path, 'utf8')], [['old'], 'new']);
  });

  test('puts the new file in place and leaves no others', async (t) => {
    const folder = folderOf(t);
    for (const content of ['first', 'second']) {
      await replaceFile(join(folder, 'file'), text(content), deps);
      assert.equal(readFileSync(join(folder, 'file'), 'utf8'), content);
    }
    assert.deepEqual(readdirSync(folder), ['file']);
  });

  test('that fails half-way leaves the old file', async (t) => {
    const folder = folderOf(t);
    writeFileSync(join(folder, 'file'), 'before');
    const failing = replaceFile(join(folder, 'file'), async (file) => {
      await file.writeFile('half');
      throw new Error('half-way');
    }, deps);
    await assert.rejects(failing, { message: 'half-way' });
    assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'before');
    assert.deepEqual(readdirSync(folder), ['file']);
  });

  test('concurrently leaves one complete file', async (t) => {
    const folder = folderOf(t);
    const contents = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(100_000));
    await Promise.all(contents.map((content) => replaceFile(join(folder, 'file'), text(content), deps)));
    assert(contents.includes(readFileSync(join(folder, 'file'), 'utf8')));
    assert.deepEqual(readdirSync(folder), ['file']);
  });

  test('says why a path cannot be written', async (t) => {
    const folder = folderOf(t);
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'folder', 'inner'), { recursive: true });
    const reasons: readonly (readonly [path: string, reason: RegExp])[] = [
      [join(folder, 'nowhere', 'file'), /there is no folder .*nowhere/],
      [join(folder, 'file', 'file'), /there is no folder/],
      [join(folder, 'folder'), /a folder has this name/],
      [join(folder, 'x'.repeat(300)), /the name cannot be used here/],
    ];
    for (const [path, reason] of reasons) {
      const { message } = await assertRejects(replaceFile(path, text('new'), deps), 'invalid_request');
      assert.match(message, reason);
      assert.match(message, /^Nothing was written to .*Choose another place\.$/s);
    }
    assert.deepEqual(readdirSync(folder).sort(), ['file', 'folder']);
  });

  test('on a full or read-only disk says so and leaves the old file', async (t) => {
    const disk = openSmallDisk(t, 1);
    if (!disk) return;
    const path = join(disk.folder, 'file');
    writeFileSync(path, 'before');
    disk.fill();
    const { message } = await assertRejects(replaceFile(path, text('new'.repeat(10_000)), deps), 'disk_full');
    assert.match(message, /^The disk is full: .*Free some space/);
    disk.free();
    disk.setReadOnly(true);
    assert.match((await assertRejects(replaceFile(path, text('new'), deps), 'invalid_request')).message, /is not allowed to write in/);
    disk.setReadOnly(false);
    assert.deepEqual(readdirSync(disk.folder), ['file']);
    assert.equal(readFileSync(path, 'utf8'), 'before');
  });
});
