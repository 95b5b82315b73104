// The licences of the third-party packages in our bundles. Electron ships its own.

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A text with name, version and full licence of each package among the bundled files (paths relative to `root`, as esbuild
 * lists them). Rejects if a package has no licence text, since its terms of distribution are then unknown.
 */
export async function thirdPartyNotices(root: string, bundledFiles: readonly string[]): Promise<string> {
  const packages = [...new Set(bundledFiles.map(packageOf).filter((name) => name !== null))].sort();
  const notices = await Promise.all(packages.map((name) => notice(join(root, 'node_modules', name), name)));
  return ['Invoify contains the following third-party software.', ...notices].join(`\n\n${'-'.repeat(80)}\n\n`) + '\n';
}

/** `node_modules/@lit/reactive-element/css-tag.js` gives `@lit/reactive-element`; our own files give null. */
function packageOf(path: string): string | null {
  return /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path.replaceAll('\\', '/'))?.[1] ?? null;
}

async function notice(folder: string, name: string): Promise<string> {
  const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e(\.\w+)?$/i.test(entry));
  if (!file) throw new Error(`${name} is bundled, but has no licence text in ${folder}`);
  const text = (await readFile(join(folder, file), 'utf8')).replaceAll('\r\n', '\n').trim();
  return `${name} ${String(version)} (${String(license)})\n\n${text}`;
}
