// Builds what runs in the desktop out of desktop/ and ui/.
//
// `bundleWindow` makes the window's files in memory: the preview serves them as they are, and the package gets the same.

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
