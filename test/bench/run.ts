// The benchmarks: `npm run bench`. Everything is measured in one run on one machine, with server and desktop in separate
// processes, next to the run's floor: the same rows written directly to SQLite, equally durable. The last column is the
// share of its floor that a figure reaches; higher is better, 1 is the floor itself.
//
//   npm run bench                        the embedded database and, if there is a mongod, MongoDB
//   npm run bench -- --only sync         one of sync, reads, changed, unchanged, writes, memory, window
//   npm run bench -- --records 20000     invoices instead of 100,000
//   npm run bench -- --runs 1            instead of the median of three

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { createTeller, formatCount } from '../../demo/console.ts';
import type { WireChange } from '../../shared/feed.ts';
import { findChromium } from '../chromium.ts';
import { openTestMongo } from '../mongod.ts';
import { foundCompany, readFeed, type CompanyServer } from './company-server.ts';
import type { Figure } from './figures.ts';
import { measureBareTable, measureCacheTables, measurePages, measureSingleWrites, type Floor } from './floor.ts';
import { readMongoCounts, readSqliteCounts } from './reads.ts';
import { measureChanged, measureFirstSync, measureReadsMeanwhile, measureUnchanged, withDesktop } from './sync.ts';
import { measureWindow } from './window.ts';
import { measureWrites } from './writes.ts';

const names = ['sync', 'reads', 'changed', 'unchanged', 'writes', 'memory', 'window'] as const;
type Name = (typeof names)[number];

interface Plan {
  readonly records: number;
  readonly runs: number;
  readonly wants: (name: Name) => boolean;
}

interface Floors {
  readonly bareTable: Floor;
  readonly cacheTables: Floor;
  readonly pages: Floor;
  readonly singleWrites: Floor;
}

/** What the screen of a headless Chromium shows. */
const FRAMES_PER_SECOND = 60;

const teller = createTeller(process.stdout, Date.now);

async function bench(plan: Plan): Promise<void> {
  const cpu = `Node ${process.versions.node}, SQLite ${process.versions.sqlite}`;
  teller.heading(`${formatCount(plan.records)} invoices, ${plan.runs === 1 ? 'one run' : `medians of ${plan.runs} runs`}, ${cpu}`);
  const figures: Figure[] = [];
  const notes: string[] = [];
  if (names.some((name) => name !== 'window' && plan.wants(name))) await benchSync(plan, figures, notes);
  if (plan.wants('window')) await benchWindow(plan, figures, notes);
  teller.say();
  teller.table(
    [
      { title: 'What', maxColumns: 42 }, { title: 'Store' }, { title: 'Figure', align: 'end' }, { title: 'Unit' },
      { title: 'Of floor', align: 'end' },
    ],
    figures.map(({ what, store, value, unit, ofFloor }) => [
      what, store, value === null ? '–' : formatFigure(value), unit, ofFloor === null ? '' : ofFloor.toFixed(2),
    ]),
  );
  teller.say();
  for (const note of notes) teller.say(note);
}

async function benchSync(plan: Plan, figures: Figure[], notes: string[]): Promise<void> {
  const embedded = await foundCompany(null, plan.records);
  const floors = await measureFloors(embedded, plan.runs, figures);
  await benchStore(plan, embedded, floors, null, figures, notes);

  const { found: mongo, missing } = await openTestMongo();
  if (mongo === null) {
    notes.push(`MongoDB was not measured. ${missing}`);
  } else {
    try {
      await benchStore(plan, await foundCompany(mongo.url, plan.records), floors, mongo.url, figures, notes);
    } finally {
      await mongo.release();
    }
  }
}

async function benchWindow(plan: Plan, figures: Figure[], notes: string[]): Promise<void> {
  const { missing } = findChromium();
  if (missing !== null) return void notes.push(`The window was not measured. ${missing}`);
  teller.say('Measuring the window …');
  const { scrolls, paintMs, searchMs } = await measureWindow(plan.records);
  const add = (what: string, value: number, unit: string, ofFloor: number | null = null): void =>
    void figures.push({ what, store: '', value, unit, ofFloor });
  for (const { pxPerSecond, framesPerSecond, lateShare, waitingShare } of scrolls) {
    const speed = `${formatCount(pxPerSecond)} px/s`;
    add(`Window: scrolling, ${speed}`, framesPerSecond, 'frames/s', framesPerSecond / FRAMES_PER_SECOND);
    const [late, waiting] = [lateShare, waitingShare].map((part) => `${(part * 100).toFixed(1)} %`);
    notes.push(`Window, at ${speed}: ${late} of the frames were late, and in ${waiting} a row in view was not there yet.`);
  }
  add('Window: click to painted list, median', paintMs.median, 'ms');
  add('… largest', paintMs.largest, 'ms');
  add('Window: key to painted search, median', searchMs.median, 'ms');
  add('… largest', searchMs.largest, 'ms');
}

async function measureFloors(company: CompanyServer, runs: number, figures: Figure[]): Promise<Floors> {
  teller.say('Measuring the floor …');
  const folder = mkdtempSync(join(tmpdir(), 'invoify-floor-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const changes: readonly WireChange[] = await readFeed(company);
  const floors = {
    bareTable: measureBareTable(folder, changes, runs),
    cacheTables: measureCacheTables(folder, changes, runs),
    pages: await measurePages(folder, changes, runs),
    singleWrites: measureSingleWrites(folder, changes),
  };
  const { bareTable, cacheTables, pages, singleWrites } = floors;
  const add = (what: string, value: number, unit: string, ofFloor: number): void =>
    void figures.push({ what, store: '', value, unit, ofFloor });
  add('Floor: one bare table, 1,000 a commit', bareTable.perSecond, 'records/s', 1);
  add('… processor time', bareTable.cpuMs, 'ms', 1);
  add("Floor: the cache's tables, no network", cacheTables.perSecond, 'records/s', cacheTables.perSecond / bareTable.perSecond);
  add('… processor time', cacheTables.cpuMs, 'ms', bareTable.cpuMs / cacheTables.cpuMs);
  add('Floor: ready pages, process to process', pages.perSecond, 'records/s', pages.perSecond / bareTable.perSecond);
  add('Floor: one bare table, 1 a commit', singleWrites.perSecond, 'writes/s', 1);
  return floors;
}

async function benchStore(
  plan: Plan, company: CompanyServer, floors: Floors, mongodbUrl: string | null, figures: Figure[], notes: string[],
): Promise<void> {
  const { store } = company;
  const add = (what: string, value: number | null, unit: string, ofFloor: number | null = null): void =>
    void figures.push({ what, store, value, unit, ofFloor });
  teller.say(`Measuring ${store} …`);
  try {
    const large = plan.wants('sync') || plan.wants('memory') ? await measureFirstSync(company, plan.runs) : null;
    if (large && plan.wants('sync')) {
      add('First sync, process to process', large.recordsPerSecond, 'records/s', large.recordsPerSecond / floors.bareTable.perSecond);
      add('… processor time, server', large.serverCpuMs, 'ms', share(floors.bareTable.cpuMs, large.serverCpuMs));
      add('… processor time, desktop', large.desktopCpuMs, 'ms', share(floors.bareTable.cpuMs, large.desktopCpuMs));
      add('… then indexes built and rows proved', large.settledMs, 'ms');
      const reaches = (floor: Floor): string => (large.recordsPerSecond / floor.perSecond).toFixed(2);
      notes.push(`${store}: a first sync reaches ${reaches(floors.pages)} of ready pages into a bare table, and `
        + `${reaches(floors.cacheTables)} of what the cache's own tables take without a network.`);
    }
    if (plan.wants('reads')) {
      const { count, medianMs, p99Ms } = await measureReadsMeanwhile(company);
      add('Page of a list during a first sync, median', medianMs, 'ms');
      add('… 99th percentile', p99Ms, 'ms');
      notes.push(`${store}: ${count} pages of the invoices were read during the first sync.`);
    }
    if (plan.wants('changed') || plan.wants('unchanged') || plan.wants('writes')) {
      await withDesktop(company, async (server, desktop) => {
        await desktop.tell('settle');
        if (plan.wants('changed')) {
          const { changes, tookMs } = await measureChanged(company, desktop, plan.runs);
          add(`Pull of ${formatCount(changes)} changed (1 %)`, tookMs, 'ms', changes / tookMs * 1000 / floors.bareTable.perSecond);
        }
        if (plan.wants('unchanged')) {
          const readCounts = () => mongodbUrl === null ? readSqliteCounts(server) : readMongoCounts(mongodbUrl);
          const { pullMs, requestMs, healthMs, reads } = await measureUnchanged(company, server, desktop, readCounts);
          const asked = Object.entries(reads).filter(([what]) => !what.includes('examined'));
          add('Nothing changed: the request alone', requestMs, 'ms', healthMs / requestMs);
          add("Nothing changed: the desktop's pull", pullMs, 'ms', healthMs / pullMs);
          add('Nothing changed: asked of the database', asked.reduce((sum, [, count]) => sum + count, 0), 'per poll');
          for (const [what, count] of Object.entries(reads)) notes.push(`${store}, per poll: ${count.toFixed(2)} × ${what}`);
        }
        if (plan.wants('writes')) {
          for (const writers of [1, 10]) {
            const perSecond = await measureWrites(company, server, writers);
            add(`Writes, ${writers} at a time`, perSecond, 'writes/s', perSecond / floors.singleWrites.perSecond);
          }
        }
      });
    }
    if (large && plan.wants('memory')) await addMemory(plan, mongodbUrl, large, add);
  } finally {
    await company.remove();
  }
}

async function addMemory(
  plan: Plan, mongodbUrl: string | null, large: { serverPeakMb: number | null; desktopPeakMb: number | null },
  add: (what: string, value: number | null, unit: string, ofFloor?: number | null) => void,
): Promise<void> {
  const records = Math.round(plan.records / 10);
  const company = await foundCompany(mongodbUrl, records);
  try {
    const small = await measureFirstSync(company, plan.runs);
    for (const [side, key] of [['server', 'serverPeakMb'], ['desktop', 'desktopPeakMb']] as const) {
      add(`Peak memory, ${side}, ${formatCount(records)}`, small[key], 'MB', 1);
      add(`Peak memory, ${side}, ${formatCount(plan.records)}`, large[key], 'MB', share(small[key], large[key]));
    }
  } finally {
    await company.remove();
  }
}

function share(part: number | null, whole: number | null): number | null {
  return part === null || whole === null ? null : part / whole;
}

function formatFigure(value: number): string {
  return value >= 100 ? formatCount(value) : value.toFixed(value >= 10 ? 1 : 2);
}

function readPlan(): Plan {
  const { values } = parseArgs({ options: { only: { type: 'string' }, records: { type: 'string' }, runs: { type: 'string' } } });
  const { only, records = '100000', runs = '3' } = values;
  if (only !== undefined && !names.some((name) => name === only)) throw new Error(`--only takes one of ${names.join(', ')}, not ${only}.`);
  if (!/^\d+$/.test(records) || Number(records) < 100) throw new Error(`--records takes a whole number of at least 100, not ${records}.`);
  if (!/^[1-9]\d*$/.test(runs)) throw new Error(`--runs takes a whole number of at least 1, not ${runs}.`);
  return { records: Number(records), runs: Number(runs), wants: (name) => only === undefined || only === name };
}

try {
  await bench(readPlan());
} catch (error) {
  process.stderr.write(`The benchmark failed: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}
