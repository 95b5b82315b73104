// Bundles the desktop as build.mjs does, into a temporary folder: main.js, worker.js, preload.cjs, and placeholders for the
// window's files in window/.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { build, type BuildOptions } from 'esbuild';

import { targets } from '../../../../build.mjs';

const root = join(import.meta.dirname, '..', '..', '..', '..');

const common: BuildOptions = {
  absWorkingDir: root, bundle: true, platform: 'node', target: targets.node, external: ['electron'], sourcemap: 'inline',
  logLevel: 'silent',
};

/** Placeholders for the window's files; these tests do not need the real ones. */
const windowFiles: Readonly<Record<string, string>> = {
  'index.html': '<!doctype html><title>Invoify</title><script type="module" src="window.js"></script>\n',
  'window.js': 'document.title = "Invoify";\n',
  'tokens.css': ':root { color-scheme: light dark; }\n',
};

export interface Program {
  readonly folder: string;
  readonly main: string;
  remove(): void;
}

export async function bundleProgram(): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-program-'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  mkdirSync(join(folder, 'window'));
  for (const [name, text] of Object.entries(windowFiles)) writeFileSync(join(folder, 'window', name), text);
  // Outside the window's folder, so that a path traversal would find something.
  writeFileSync(join(folder, 'secret.html'), 'not for the window\n');
  await Promise.all([
    build({ ...common, format: 'esm', outdir: folder, entryPoints: ['desktop/electron/main.ts', 'desktop/electron/worker.ts'] }),
    build({
      ...common, format: 'cjs', platform: 'browser', target: targets.page, outfile: join(folder, 'preload.cjs'),
      entryPoints: ['desktop/electron/preload.cts'],
    }),
  ]);
  return { folder, main: join(folder, 'main.js'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}
