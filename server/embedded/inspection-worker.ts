// The thread of `inspectFile`: reports `ok`, or what the quick check found first (sqlite.org/pragma.html#pragma_quick_check).

import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

parentPort?.postMessage(inspect(String(workerData)));

function inspect(file: string): string {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
  try {
    return String(db.prepare('PRAGMA quick_check(1)').get()?.['quick_check']);
  } catch (error) {
    const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : null;
    if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) return String(error);
    throw error;
  } finally {
    db.close();
  }
}
