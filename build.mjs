// Builds the desktop program from desktop/ and ui/: `node build.mjs` bundles to dist/, `node build.mjs dist` then builds the
// installer in release/.
//
// `bundleWindow` bundles the window's files in memory; the preview and the package use the same files. `bundlePreview` adds
// the script that provides `window.electron` in a browser tab, as the preload does under Electron.
//
// Invariants: dist/ is the complete program as packed. It also has the source maps, for reading logs; they are not packed.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { build } from 'esbuild';

import { compactTemplates } from './desktop/installer/compact-templates.ts';

const root = import.meta.dirname;
/** The size limit of the scripts loaded before the first screen; the rest is loaded later in chunks. */
export const maxScriptBytes = 130_000;
/** What this major version of Electron carries. The preview has the same files: its browser must understand as much. */
export const targets = /** @type {const} */ ({ electron: 45, page: 'chrome153', node: 'node24.18' });
const common = /** @type {const} */ ({
  absWorkingDir: root, bundle: true, write: false, metafile: true, legalComments: 'none', logLevel: 'silent',
});

/**
 * The window's files, by path relative to the window's origin. Without `minify` they stay readable, for development.
 * @param {{ minify?: boolean }} [options]
 * @returns {Promise<ReadonlyMap<string, Uint8Array>>}
 */
export async function bundleWindow({ minify = true } = {}) {
  return (await buildWindow({ minify, sourcemap: false })).files;
}

/**
 * The window's files for the preview, with preview-page.js and an index.html that runs it first.
 * @param {{ minify?: boolean }} [options]
 * @returns {Promise<ReadonlyMap<string, Uint8Array>>}
 */
export async function bundlePreview({ minify = true } = {}) {
  const [files, { outputFiles }] = await Promise.all([bundleWindow({ minify }), build({
    ...common,
    entryPoints: ['ui/preview-page.ts'],
    format: 'iife',
    target: targets.page,
    minify,
  })]);
  const page = Buffer.from(files.get('index.html') ?? '').toString('utf8');
  const ownPage = page.replace('<script ', '<script src="preview-page.js"></script>\n    <script ');
  const [script] = outputFiles;
  if (!script || ownPage === page) throw new Error('ui/index.html has no script tag to insert preview-page.js before');
  return new Map([...files, ['preview-page.js', script.contents], ['index.html', Buffer.from(ownPage)]]);
}

/**
 * Replaces `folder` with the complete program: main.js, worker.js, preload.cjs, window/, the package.json that Electron
 * reads, third-party licences, and source maps. Resolves with the size in bytes of the scripts that the window loads before
 * the first screen; rejects if they exceed `maxScriptBytes`.
 * @param {string} folder
 * @returns {Promise<number>}
 */
export async function bundleProgram(folder) {
  const { thirdPartyNotices } = await import('./desktop/installer/notices.ts');
  const [processes, preload, window] = await Promise.all([
    build({
      ...common,
      entryPoints: ['desktop/electron/main.ts', 'desktop/electron/worker.ts'],
      outdir: 'dist',
      platform: 'node',
      target: targets.node,
      format: 'esm',
      external: ['electron'],
      minify: true,
      sourcemap: 'external',
    }),
    // For the browser: a sandboxed preload has no Node, so importing any of it must fail the build.
    build({
      ...common,
      entryPoints: ['desktop/electron/preload.cts'],
      outfile: 'dist/preload.cjs',
      platform: 'browser',
      target: targets.page,
      format: 'cjs',
      external: ['electron'],
      minify: true,
      sourcemap: 'external',
    }),
    buildWindow({ minify: true, sourcemap: 'external' }),
  ]);
  const scriptBytes = window.firstScripts.values().reduce((sum, bytes) => sum + bytes, 0);
  if (scriptBytes > maxScriptBytes) throw new Error(`the window's first scripts have ${scriptBytes} bytes, more than ${maxScriptBytes}`);
  const { version, description, license } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  /** @type {Map<string, string | Uint8Array>} */
  const files = new Map([...window.files].map(([name, contents]) => [`window/${name}`, contents]));
  for (const { path, contents } of [...processes.outputFiles, ...preload.outputFiles]) {
    files.set(path.slice(join(root, 'dist').length + 1), contents);
  }
  files.set('package.json', `${JSON.stringify({
    name: 'invoify', productName: 'Invoify', version, description, author: 'The Invoify authors', license, type: 'module', main: 'main.js',
  }, null, 2)}\n`);
  const bundled = [processes, preload, window].flatMap(({ metafile }) => Object.keys(metafile.inputs));
  files.set('third-party-notices.txt', await thirdPartyNotices(root, bundled));

  await rm(folder, { recursive: true, force: true });
  for (const [name, contents] of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), contents);
  }
  return scriptBytes;
}

/** @param {{ minify: boolean, sourcemap: 'external' | false }} options */
async function buildWindow({ minify, sourcemap }) {
  const { outputFiles, metafile } = await build({
    ...common,
    entryPoints: [{ in: 'ui/app.ts', out: 'window' }],
    chunkNames: 'window-[name]-[hash]',
    splitting: true,
    charset: 'utf8',
    plugins: minify ? [compactTemplates] : [],
    outdir: 'dist/window',
    format: 'esm',
    target: targets.page,
    minify,
    sourcemap,
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]));
  for (const name of ['index.html', 'tokens.css']) files.set(name, await readFile(join(root, 'ui', name)));
  return { files, metafile, firstScripts: firstScripts(metafile) };
}

/**
 * Sizes in bytes, by name, of the scripts loaded before the first screen: window.js and its static imports.
 * @param {import('esbuild').Metafile} metafile
 * @returns {ReadonlyMap<string, number>}
 */
function firstScripts({ outputs }) {
  const sizes = new Map();
  const add = (/** @type {string} */ path) => {
    const output = outputs[path];
    if (!output || sizes.has(basename(path))) return;
    sizes.set(basename(path), output.bytes);
    for (const { path: imported, kind } of output.imports) if (kind === 'import-statement') add(imported);
  };
  add('dist/window/window.js');
  return sizes;
}

if (import.meta.main) {
  const [command, ...rest] = process.argv.slice(2);
  const scriptBytes = await bundleProgram(join(root, 'dist'));
  console.log(`Window script: ${(scriptBytes / 1000).toFixed(1)} KB of at most ${maxScriptBytes / 1000} KB before the first screen.`);
  if (command === 'dist') {
    const { makeInstaller } = await import('./desktop/installer/installer.ts');
    process.exitCode = await makeInstaller(root, rest, process.env);
  }
}
