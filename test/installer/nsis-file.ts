// Reads an NSIS installer without running it. Format of NSIS 3, non-solid, with zlib or no compression: an executable, a
// header of 28 bytes, then blocks with a 32-bit length prefix, whose highest bit marks compression.

import { inflateRawSync } from 'node:zlib';

/** Follows the executable, after four bytes of flags. */
const signature = Buffer.concat([Buffer.from([0xef, 0xbe, 0xad, 0xde]), Buffer.from('NullsoftInst')]);

export interface NsisFile {
  /** The executable. */
  readonly program: Buffer;
  /** The compiled script, then the files in the script's order. */
  readonly blocks: readonly Buffer[];
}

/** Throws if the file is not an NSIS installer or is truncated. */
export function readNsisFile(file: Buffer): NsisFile {
  const start = file.indexOf(signature) - 4;
  if (start < 0) throw new Error('not an NSIS installer');
  const end = start + file.readUInt32LE(start + 24);
  if (end > file.length) throw new Error('the installer is truncated');
  const blocks = [];
  // A checksum of four bytes follows the last block.
  for (let at = start + 28; at + 8 <= end;) {
    const length = file.readUInt32LE(at);
    const size = length % 2 ** 31;
    const stored = file.subarray(at + 4, at + 4 + size);
    if (size === 0 || stored.length < size) throw new Error(`invalid block at ${at}`);
    blocks.push(length === size ? stored : inflateRawSync(stored));
    at += 4 + size;
  }
  return { program: file.subarray(0, start), blocks };
}

/** The uninstaller that an unfinished installer would write: its own executable, then the one block that is an installer. */
export function uninstallerIn(file: Buffer): Buffer {
  const { program, blocks } = readNsisFile(file);
  const inner = blocks.filter((block) => block.indexOf(signature) === 4);
  const [block] = inner;
  if (inner.length !== 1 || !block) throw new Error(`the installer contains ${inner.length} uninstallers`);
  return Buffer.concat([program, block]);
}
