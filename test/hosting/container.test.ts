// The container's content: what the Dockerfile copies is all that the server needs, on both databases. No image is built: the
// same files are laid out in a folder, and the image's own commands are run there.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';

import { prepare, stores } from '../server/harness.ts';

const root = join(import.meta.dirname, '..', '..');
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
/** The files and folders that the image is built from. */
const copied = [...dockerfile.matchAll(/^COPY (?!--)(.*) \S+$/gm)].flatMap(([, paths = '']) => paths.split(' '));
const [, serverFile = ''] = /^CMD \["node", "(.*)"\]$/m.exec(dockerfile) ?? [];
const [, healthFile = ''] = /^HEALTHCHECK .* CMD \["node", "(.*)"\]$/m.exec(dockerfile) ?? [];

describe('the container', () => {
  const app = mkdtempSync(join(tmpdir(), 'invoify-container-'));
  before(() => {
    const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
    const { packages } = JSON.parse(lock) as { packages: Record<string, { dev?: boolean }> };
    const installed = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true).map(([path]) => path);
    for (const path of [...copied, ...installed]) cpSync(join(root, path), join(app, path), { recursive: true });
  });
  after(() => rmSync(app, { recursive: true }));

  const healthCheck = (port: string): number | null =>
    spawnSync(process.execPath, [healthFile], { cwd: app, env: { PORT: port } }).status;

  for (const store of stores) {
    test(`serves from the ${store.kind} database, and is healthy`, { skip: store.skip }, async (t) => {
      const installation = await prepare(store);
      t.after(() => installation.remove());
      const child = spawn(process.execPath, [serverFile], { cwd: app, env: installation.env, stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = await once(createInterface({ input: child.stdout }), 'line') as [string];
      const { event, url } = JSON.parse(line) as { event: string; url: string };
      assert.equal(event, 'listening');
      child.stdout.resume();
      assert.equal(healthCheck(new URL(url).port), 0);
      child.kill('SIGTERM');
      assert.deepEqual(await once(child, 'exit'), [0, null]);
    });
  }

  test('is unhealthy if nothing answers', () => assert.equal(healthCheck('1'), 1));

  test('is built from no other file, and without development packages', () => {
    const allowed = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    assert.deepEqual(allowed.toSorted(), ['*', ...copied.map((path) => `!${path}`)].sort());
    assert.match(dockerfile, /^RUN npm ci --omit=dev --ignore-scripts /m);
  });

  test('runs as a user who is not root', () => assert.match(dockerfile, /^USER [1-9]\d*:[1-9]\d*$/m));
});
