// A folder that electron-builder accepts as Electron's Windows runtime: Node's executable, with what electron-builder edits
// in Electron's. For tests only; it cannot run the program.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { addResource, readExecutable } from './executable.ts';

/** Marks the fuses in Electron's executable; followed by the format version, the number of fuses and the fuses. */
const fuseSentinel = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
/** As Electron 45 ships them, in the order of its build/fuses/fuses.json5. */
const shippedFuses = '101100011';

/** Recreates the folder and returns it. Only architecture.txt differs between architectures. */
export async function makeStandInElectron(folder: string, node: string, arch: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  for (const part of ['resources', 'locales']) await mkdir(join(folder, part), { recursive: true });
  const executable = readExecutable(await readFile(node));
  addResource(executable, 'FUSES', Buffer.concat([
    Buffer.from(fuseSentinel), Buffer.from([1, shippedFuses.length]), Buffer.from(shippedFuses),
  ]));
  await writeFile(join(folder, 'electron.exe'), executable.toBytes());
  await writeFile(join(folder, 'resources', 'architecture.txt'), `${arch}\n`);
  await writeFile(join(folder, 'LICENSE'), 'A stand-in for Electron\'s licence.\n');
  await writeFile(join(folder, 'LICENSES.chromium.html'), '<p>A stand-in for Chromium\'s licences.</p>\n');
  for (const language of ['de', 'en-US', 'fr']) await writeFile(join(folder, 'locales', `${language}.pak`), language);
  return folder;
}
