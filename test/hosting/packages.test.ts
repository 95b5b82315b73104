// The third-party packages that are shipped, read from the lock file.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..', '..');
const permissive = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0'];

/** The packages that `npm ci --omit=dev` installs. */
function shippedPackages(): { name: string; version: string; license: string }[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; license?: string; dev?: boolean }>;
  };
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, { version, license = 'none' }]) => ({ name: path.replace(/^.*node_modules\//, ''), version, license }));
}

test('every shipped package has a permissive licence', () => {
  const shipped = shippedPackages();
  assert.ok(shipped.length > 10);
  assert.deepEqual(shipped.filter(({ license }) => !permissive.includes(license)), []);
});

test('npm run sbom lists every shipped package with its version and licence', () => {
  const bill = JSON.parse(execFileSync('npm', ['run', '--silent', 'sbom'], {
    cwd: root, encoding: 'utf8', shell: process.platform === 'win32', env: { ...process.env, npm_config_offline: 'true' },
  })) as { bomFormat: string; components: { name: string; version: string; licenses?: { license: { id?: string } }[] }[] };
  assert.equal(bill.bomFormat, 'CycloneDX');
  const listed = bill.components.map(({ name, version, licenses }) => `${name} ${version} ${licenses?.[0]?.license.id}`);
  assert.deepEqual(listed.sort(), shippedPackages().map(({ name, version, license }) => `${name} ${version} ${license}`).sort());
});
