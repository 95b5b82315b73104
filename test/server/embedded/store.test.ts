// The embedded store: the store suite on real SQLite files.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openEmbeddedStore } from '../../../server/embedded/store.ts';
import { storeSuite } from '../store/suite.ts';

storeSuite('embedded store', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-store-'));
  return {
    open: (deps) => openEmbeddedStore(join(folder, 'data', 'invoify.db'), deps),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
});
