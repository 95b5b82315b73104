// Looks into an installer that NSIS made, without running it. The form is that of NSIS 3 with zlib or no compression, not
// solid: a Windows program, a header of 28 bytes, then blocks, each after its length, whose highest bit says compressed.

import { inflateRawSync } from 'node:zlib';

/** Ends the program; four bytes of flags stand before it. */
const signature = Buffer.concat([Buffer.from([0xef, 0xbe, 0xad, 0xde]), Buffer.from('NullsoftInst')]);

export interface NsisFile {
  /** The program that runs the installer. */
  readonly program: Buffer;
  /** The script, then the files, in the order of the script. */
  readonly blocks: readonly Buffer[];
}

/** Throws where the file is not an installer, or is cut. */
export function readNsisFile(file: Buffer): NsisFile {
  const start = file.indexOf(signature) - 4;
  if (start < 0) throw new Error('not an installer of NSIS');
  const end = start + file.readUInt32LE(start + 24);
  if (end > file.length) throw new Error('the installer is cut');
  const blocks = [];
  // The checksum of the whole, four bytes, stands after the last block.
  for (let at = start + 28; at + 8 <= end;) {
    const length = file.readUInt32LE(at);
    const size = length % 2 ** 31;
    const stored = file.subarray(at + 4, at + 4 + size);
    if (size === 0 || stored.length < size) throw new Error(`no block at ${at}`);
    blocks.push(length === size ? stored : inflateRawSync(stored));
    at += 4 + size;
  }
  return { program: file.subarray(0, start), blocks };
}

/** The uninstaller that a half-built installer would write: its own program, then the one block that is an installer again. */
export function uninstallerIn(file: Buffer): Buffer {
  const { program, blocks } = readNsisFile(file);
  const inner = blocks.filter((block) => block.indexOf(signature) === 4);
  const [block] = inner;
  if (inner.length !== 1 || !block) throw new Error(`an installer with ${inner.length} uninstallers`);
  return Buffer.concat([program, block]);
}
