// The preview's worker thread: what happens to calls when it dies and when the preview closes.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import { startPreviewDesk, type PreviewDesk } from '../../../desktop/preview/desk.ts';
import type { Outcome } from '../../../shared/window/ipc.ts';

const dyingWorker = new URL('./dying-worker.ts', import.meta.url);

function codeOf(outcome: string): string {
  const { ok, ...rest } = JSON.parse(outcome) as Outcome<unknown>;
  return ok ? 'value' : 'error' in rest ? rest.error.code : '?';
}

function openDying(t: TestContext): { desk: PreviewDesk; log: string[] } {
  const log: string[] = [];
  const desk = startPreviewDesk({ dataFolder: '/nowhere', version: '0' }, (event) => void log.push(event), dyingWorker);
  t.after(() => desk.close());
  return { desk, log };
}

test('the network state is sent to the thread, even if it starts later', async (t) => {
  const { desk } = openDying(t);
  const received = (): Promise<string> => new Promise((resolve) => {
    const stop = desk.onStatus((status) => {
      if (!/offline|online/.test(status)) return;
      stop();
      resolve(JSON.parse(status).split(' ')[1] as string);
    });
  });
  desk.reportNetwork('offline');
  let state = received();
  await desk.answer('sync.getStatus', '{}');
  assert.equal(await state, 'offline');
  state = received();
  desk.reportNetwork('offline');
  desk.reportNetwork('online');
  assert.equal(await state, 'online', 'an unchanged state is not sent again');
});

describe('a thread that dies', () => {
  for (const how of ['exit', 'throw']) {
    test(`by ${how} has all its calls answered, and the next call starts another`, async (t) => {
      const { desk, log } = openDying(t);
      const statuses: string[] = [];
      desk.onStatus((status) => void statuses.push(status));
      assert.equal(await desk.answer('sync.getStatus', '{"ok":true}'), '{"ok":true}');
      const pending = [desk.answer('data.counts', 'wait'), desk.answer('data.counts', how), desk.answer('data.counts', 'wait')];
      assert.deepEqual((await Promise.all(pending)).map(codeOf), ['internal', 'internal', 'internal']);
      assert.equal(await desk.answer('sync.getStatus', '{"ok":true}'), '{"ok":true}');
      assert.equal(new Set(statuses).size, 2, 'two threads answered');
      assert.equal(log.length, how === 'throw' ? 1 : 0);
    });
  }
});

describe('closing', () => {
  test('answers pending calls and later ones', async (t) => {
    const { desk } = openDying(t);
    const pending = desk.answer('data.counts', 'wait');
    await desk.close();
    assert.equal(codeOf(await pending), 'cancelled');
    assert.equal(codeOf(await desk.answer('sync.getStatus', '')), 'cancelled');
    await desk.close();
  });

  test('works before any call', async (t) => {
    await openDying(t).desk.close();
  });
});

describe('a data folder that is a file', () => {
  test('is reported, and used once it is a folder', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'invoify-preview-desk-'));
    const dataFolder = join(folder, 'data');
    writeFileSync(dataFolder, 'a file in the way');
    const desk = startPreviewDesk({ dataFolder, version: '0' }, () => {});
    t.after(async () => {
      await desk.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const before = JSON.parse(await desk.answer('data.counts', '')) as Outcome<unknown>;
    assert(!before.ok);
    assert.notEqual(before.error.code, 'internal');
    rmSync(dataFolder);
    assert.equal(codeOf(await desk.answer('app.resetLocalData', '')), 'value');
  });
});
