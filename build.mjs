// Builds what runs in the desktop out of desktop/ and ui/: `node build.mjs` bundles into dist/, `node build.mjs dist` makes
// the installer in release/ of it.
//
// `bundleWindow` makes the window's files in memory: the preview serves them as they are, and the package gets the same.
// `bundlePreview` adds the script that gives a browser tab the `window.electron` that the preload gives under Electron.
// What always holds: dist/ is the program as it is packed, nothing else being needed to run it; its source maps lie there
// too, for whoever reads a log, and are not packed.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { build } from 'esbuild';

const root = import.meta.dirname;
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
 * package.json that Electron reads, the licences of what is in it, and source maps.
 * @param {string} folder
 */
export async function bundleProgram(folder) {
  const { thirdPartyNotices } = await import('./build/notices.ts');
  const [processes, preload, window] = await Promise.all([
    build({
      ...common,
      entryPoints: ['desktop/main.ts', 'desktop/worker.ts'],
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
      entryPoints: ['desktop/preload.cts'],
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
}

/** @param {{ minify: boolean, sourcemap: 'external' | false }} options */
async function buildWindow({ minify, sourcemap }) {
  const { outputFiles, metafile } = await build({
    ...common,
    entryPoints: [{ in: 'ui/app.ts', out: 'window' }],
    outdir: 'dist/window',
    format: 'esm',
    target,
    minify,
    sourcemap,
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [path.slice(path.lastIndexOf('window')), contents]));
  for (const name of ['index.html', 'tokens.css']) files.set(name, await readFile(join(root, 'ui', name)));
  return { files, metafile };
}

if (import.meta.main) {
  const [command, ...rest] = process.argv.slice(2);
  await bundleProgram(join(root, 'dist'));
  if (command === 'dist') {
    const { makeInstaller } = await import('./build/installer.ts');
    process.exitCode = await makeInstaller(root, rest, process.env);
  }
}
