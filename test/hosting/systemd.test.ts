// The systemd unit: how much its sandbox leaves to the server, as systemd itself rates it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const unit = join(import.meta.dirname, '..', '..', 'hosting', 'invoify.service');
const analyze = (...args: readonly string[]) => spawnSync('systemd-analyze', args, { encoding: 'utf8' });
// `--offline` came with systemd 250.
const version = Number(/^systemd (\d+)/.exec(analyze('--version').stdout ?? '')?.[1] ?? 0);

test('systemd rates the exposure of the unit at 2.0 of 10 or less', { skip: version >= 250 ? false : 'needs systemd 250 or later' }, () => {
  const { status, stdout, stderr } = analyze('security', '--offline=true', '--threshold=20', unit);
  assert.equal(status, 0, `${stdout}${stderr}`);
  assert.match(stdout, /Overall exposure level for invoify\.service: [01]\.\d OK/);
});
