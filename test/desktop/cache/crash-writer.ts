// The process killed by the crash tests: it writes pages or rebuilds in a loop and prints a line after each commit.
//
//   node crash-writer.ts <path> pages|half|rebuilds

import { writeSync } from 'node:fs';

import {
  applyChanges, beginChanges, buildNext, commitChanges, dropInactive, openCache, otherGeneration, readState, saveState,
  startRebuild, swapGenerations, type Cache,
} from '../../../desktop/cache/cache.ts';
import { invoice, upsert } from './fixtures.ts';

const PAGE = 400;

const [, , path = '', mode = ''] = process.argv;
const cache = openCache(path);

if (mode === 'rebuilds') {
  for (let version = Number(readState(cache.reader).cursor ?? 0) + 1; ; version += 1) rebuild(cache, version);
} else {
  for (let page = Number(readState(cache.reader).cursor ?? 0) + 1; ; page += 1) writePage(cache, page);
}

function writePage({ writer }: Cache, page: number): void {
  const changes = Array.from({ length: PAGE }, (_, index) => {
    const number = (page - 1) * PAGE + index;
    return upsert('invoices', number, invoice(number, { note: 'x'.repeat(500) }));
  });
  beginChanges(writer);
  applyChanges(writer, 'a', changes.slice(0, PAGE / 2));
  if (mode === 'half' && page === 4) {
    report('half');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }
  applyChanges(writer, 'a', changes.slice(PAGE / 2));
  saveState(writer, { cursor: String(page) });
  commitChanges(writer);
  if (page % 2 === 0) buildNext(writer, 'a');
  report(String(page));
}

function rebuild({ writer }: Cache, version: number): void {
  startRebuild(writer, 'a test');
  const inactive = otherGeneration(readState(writer).generation);
  for (let page = 0; page < 3; page += 1) {
    beginChanges(writer);
    applyChanges(writer, inactive, Array.from({ length: PAGE }, (_, index) =>
      upsert('invoices', page * PAGE + index, invoice(index, { customerName: `Version ${version}` }))));
    saveState(writer, { rebuild: { reason: 'a test', scope: 's', cursor: String(version) } });
    commitChanges(writer);
    report('page');
  }
  while (!buildNext(writer, inactive)) report('step');
  swapGenerations(writer);
  report('swapped');
  dropInactive(writer);
  report('dropped');
}

/** Writes synchronously, so that the line is out before the next statement runs. */
function report(line: string): void {
  writeSync(1, `${line}\n`);
}
