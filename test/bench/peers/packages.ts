// The measured packages, loaded from the folder into which peers.ts installs them: they are no dependency of ours, and their
// types are not there when ours are checked. What is used of them is declared by whoever uses it.

import { createRequire } from 'node:module';
import { join } from 'node:path';

export const peersFolder = join(import.meta.dirname, '../../../.peers');

/** All MIT or Apache-2.0. */
export const packages = [
  '@nozbe/watermelondb@0.28.0', 'better-sqlite3@13.2.0', 'rxdb@17.6.0', 'rxjs@7.8.2', 'pouchdb@9.0.0', 'express-pouchdb@4.2.0',
  'express@4.21.2',
] as const;

const require = createRequire(join(peersFolder, 'package.json'));

export function loadPeer(name: string): unknown {
  return require(name);
}

/** A line of the file of documents. */
export interface PeerDocument {
  readonly id: string;
  readonly updatedAt: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** What a peer's client prints. */
export interface PeerReport {
  readonly records: number;
  readonly tookMs: number;
}
