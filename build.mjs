// Builds what runs in the desktop out of desktop/ and ui/.
//
// `bundleWindow` makes the window's files in memory: the preview serves them as they are, and the package gets the same.
// `bundlePreview` adds the script that gives a browser tab the `window.electron` that the preload gives under Electron.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { build } from 'esbuild';

const root = import.meta.dirname;
/** What Electron 45 carries; the preview asks for no more. */
const target = 'chrome140';

/**
 * The window's files, by their path below the window's origin. Without `minify` they are readable, for development.
 * @param {{ minify?: boolean }} [options]
 * @returns {Promise<ReadonlyMap<string, Uint8Array>>}
 */
export async function bundleWindow({ minify = true } = {}) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [{ in: 'ui/app.ts', out: 'window' }],
    outdir: 'dist/window',
    bundle: true,
    format: 'esm',
    target,
    minify,
    write: false,
    legalComments: 'none',
    logLevel: 'silent',
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [path.slice(path.lastIndexOf('window')), contents]));
  for (const name of ['index.html', 'tokens.css']) files.set(name, await readFile(join(root, 'ui', name)));
  return files;
}

/**
 * The window's files for the preview: with the page's own script, and the page that runs it first.
 * @param {{ minify?: boolean }} [options]
 * @returns {Promise<ReadonlyMap<string, Uint8Array>>}
 */
export async function bundlePreview({ minify = true } = {}) {
  const [files, { outputFiles }] = await Promise.all([bundleWindow({ minify }), build({
    absWorkingDir: root,
    entryPoints: ['ui/preview-page.ts'],
    bundle: true,
    format: 'iife',
    target,
    minify,
    write: false,
    legalComments: 'none',
    logLevel: 'silent',
  })]);
  const page = Buffer.from(files.get('index.html') ?? '').toString('utf8');
  const ownPage = page.replace('<script ', '<script src="preview-page.js"></script>\n    <script ');
  const [script] = outputFiles;
  if (!script || ownPage === page) throw new Error('the page has no script that the preview could stand before');
  return new Map([...files, ['preview-page.js', script.contents], ['index.html', Buffer.from(ownPage)]]);
}
