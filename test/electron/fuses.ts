// Reads the fuses of an Electron executable: bytes in it that switch features off for good.

import { readFile } from 'node:fs/promises';

/** Marks the fuses in the executable; followed by the format's version, the number of fuses and one character for each. */
const sentinel = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
/** In the order of Electron's schema. */
const names = [
  'runAsNode', 'cookieEncryption', 'nodeOptions', 'inspect', 'asarIntegrity', 'onlyFromAsar', 'v8Snapshot', 'fileProtocol',
  'wasmTrapHandlers',
] as const;

/** What the packaged program has (desktop/installer/installer.ts); the others are as Electron ships them. */
export const shippedFuses = {
  runAsNode: false, cookieEncryption: true, nodeOptions: false, inspect: false, asarIntegrity: true, onlyFromAsar: true,
  v8Snapshot: false, fileProtocol: false,
} as const;

/** Whether each fuse is set, by name. Throws if the file is no executable of Electron. */
export async function readFuses(executable: string): Promise<Readonly<Record<string, boolean>>> {
  const program = await readFile(executable);
  const at = program.indexOf(sentinel) + sentinel.length;
  const [version, count] = program.subarray(at, at + 2);
  if (at < sentinel.length || version !== 1 || count === undefined) throw new Error(`${executable} has no fuses that can be read`);
  const states = [...program.subarray(at + 2, at + 2 + count).toString('latin1')];
  return Object.fromEntries(states.map((state, index) => [names[index] ?? `fuse ${index}`, state === '1']));
}
