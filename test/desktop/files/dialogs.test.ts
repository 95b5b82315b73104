// The system's dialogs for files: one at a time, and the next one whatever became of the one before.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { oneDialogAtATime } from '../../../desktop/files/dialogs.ts';
import { assertRejects } from '../../server/store/fixture.ts';

test('a dialog is refused while another one is open, and not once that is closed or has failed', async () => {
  const openDialog = oneDialogAtATime(() => 'the window');
  const first = Promise.withResolvers<string>();
  const opened = openDialog((window) => {
    assert.equal(window, 'the window');
    return first.promise;
  });
  await assertRejects(openDialog(async () => 'x'), 'conflict');
  first.resolve('chosen');
  assert.equal(await opened, 'chosen');
  await assert.rejects(openDialog(() => Promise.reject(new Error('no dialog'))), /no dialog/);
  assert.equal(await openDialog(async () => 'next'), 'next');
});
