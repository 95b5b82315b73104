// A folder that electron-builder takes for Electron's runtime on Windows: Node's own executable, with what electron-builder
// edits in Electron's. For tests only; the program in it does not run under it.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { addResource, readExecutable } from './executable.ts';

/** What stands before the fuses in Electron's executable; the version of their form and their number follow. */
const fuseSentinel = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
/** As Electron ships them: each that the product switches stands the other way. */
const shippedFuses = '10110011';

/** Writes the folder anew and returns it. Only a note in it tells one processor's from another's. */
export async function makeStandInElectron(folder: string, node: string, arch: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  for (const part of ['resources', 'locales']) await mkdir(join(folder, part), { recursive: true });
  const executable = readExecutable(await readFile(node));
  addResource(executable, 'FUSES', Buffer.concat([
    Buffer.from(fuseSentinel), Buffer.from([1, shippedFuses.length]), Buffer.from(shippedFuses),
  ]));
  await writeFile(join(folder, 'electron.exe'), executable.toBytes());
  await writeFile(join(folder, 'resources', 'processor.txt'), `${arch}\n`);
  await writeFile(join(folder, 'LICENSE'), 'In place of Electron\'s licence.\n');
  await writeFile(join(folder, 'LICENSES.chromium.html'), '<p>In place of Chromium\'s licences.</p>\n');
  for (const language of ['de', 'en-US', 'fr']) await writeFile(join(folder, 'locales', `${language}.pak`), language);
  return folder;
}
