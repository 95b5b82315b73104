// Builds what runs in the desktop out of desktop/ and ui/: `node build.mjs` bundles into dist/, `node build.mjs dist` makes
// the installer in release/ of it.
//
// `bundleWindow` makes the window's files in memory: the preview serves them as they are, and the package gets the same.
// `bundlePreview` adds the script that gives a browser tab the `window.electron` that the preload gives under Electron.
// What always holds: dist/ is the program as it is packed, nothing else being needed to run it; its source maps lie there
// too, for whoever reads a log, and are not packed.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { build } from 'esbuild';

import { compactTemplates } from './desktop/installer/compact-templates.ts';

const root = import.meta.dirname;
/** The script that a window needs before it shows anything has at most so many bytes; what comes later comes in chunks. */
export const maxScriptBytes = 120_000;
/** What Electron 45 carries; the preview asks for no more. */
const target = 'chrome140';
const common = /** @type {const} */ ({
  absWorkingDir: root, bundle: true, write: false, metafile: true, legalComments: 'none', logLevel: 'silent',
});

/**
 * The window's files, by their path below the window's origin. Without `minify` they are readable, for development.
 * @param {{ minify?: boolean }} [options]
 * @returns {Promise<ReadonlyMap<string, Uint8Array>>}
 */
export async function bundleWindow({ minify = true } = {}) {
  return (await buildWindow({ minify, sourcemap: false })).files;
}

/**
 * The window's files for the preview: with the page's own script, and the page that runs it first.
 * @param {{ minify?: boolean }} [options]
 * @returns {Promise<ReadonlyMap<string, Uint8Array>>}
 */
export async function bundlePreview({ minify = true } = {}) {
  const [files, { outputFiles }] = await Promise.all([bundleWindow({ minify }), build({
    ...common,
    entryPoints: ['ui/preview-page.ts'],
    format: 'iife',
    target,
    minify,
  })]);
  const page = Buffer.from(files.get('index.html') ?? '').toString('utf8');
  const ownPage = page.replace('<script ', '<script src="preview-page.js"></script>\n    <script ');
  const [script] = outputFiles;
  if (!script || ownPage === page) throw new Error('the page has no script that the preview could stand before');
  return new Map([...files, ['preview-page.js', script.contents], ['index.html', Buffer.from(ownPage)]]);
}

/**
 * Writes the whole program to `folder`, in place of what was there: main.js, worker.js, preload.cjs, window/, the
 * package.json that Electron reads, the licences of what is in it, and source maps. Resolves with the size in bytes of the script that
 * the window loads before it shows anything; throws where that is too large.
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
      target: 'node24',
      format: 'esm',
      external: ['electron'],
      minify: true,
      sourcemap: 'external',
    }),
    // For a browser: in a sandbox there is nothing of Node, so what imports any of it must not even bundle.
    build({
      ...common,
      entryPoints: ['desktop/electron/preload.cts'],
      outfile: 'dist/preload.cjs',
      platform: 'browser',
      target,
      format: 'cjs',
      external: ['electron'],
      minify: true,
      sourcemap: 'external',
    }),
    buildWindow({ minify: true, sourcemap: 'external' }),
  ]);
  const scriptBytes = window.firstScripts.values().reduce((sum, bytes) => sum + bytes, 0);
  if (scriptBytes > maxScriptBytes) throw new Error(`the window's first script has ${scriptBytes} bytes, more than ${maxScriptBytes}`);
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
    target,
    minify,
    sourcemap,
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]));
  for (const name of ['index.html', 'tokens.css']) files.set(name, await readFile(join(root, 'ui', name)));
  return { files, metafile, firstScripts: firstScripts(metafile) };
}

/**
 * The sizes in bytes, by name, of the scripts that are loaded before anything is shown: the window's and what it imports.
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
