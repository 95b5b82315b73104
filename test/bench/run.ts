// The benchmarks: `npm run bench`. Everything is measured in one run on one machine, with server and desktop in separate
// processes, next to the run's floor (floor.ts). The column "Of floor" is the share of its floor that a figure reaches;
// higher is better, 1 is the floor itself.
//
//   npm run bench                        the embedded database and, if there is a mongod, MongoDB
//   npm run bench -- --only sync         one group: sync, slow, changed, unchanged, writes, lists, start, memory, window
//   npm run bench -- --store MongoDB     one store
//   npm run bench -- --records 20000     invoices instead of 100,000
//   npm run bench -- --runs 1            instead of the median of three
//   npm run bench -- --full              also 1,000,000 invoices, and many accounts and desktops at once
//   npm run bench -- --peers             also WatermelonDB, RxDB and PouchDB on the same documents (peers.ts)
//   npm run bench -- --markdown          the table as docs/performance.md has it

import { parseArgs } from 'node:util';

import { createTeller, formatCount } from '../../demo/console.ts';
import { findChromium } from '../chromium.ts';
import { openTestMongo } from '../mongod.ts';
import { misses, type Figure, type Target } from './figures.ts';
import { measurePeers } from './peers.ts';
import { measureScale } from './scale.ts';
import { measureStore, storeGroups, type Sheet, type StorePlan } from './store-figures.ts';
import { measureWindow } from './window.ts';

const groups = [...storeGroups, 'window'] as const;
type Group = (typeof groups)[number];

const LARGE = 1_000_000;
const ofLarge: readonly Group[] = ['sync', 'memory', 'lists', 'start'];

interface Plan extends StorePlan {
  readonly wants: (name: Group) => boolean;
  readonly stores: readonly string[];
  readonly isFull: boolean;
  readonly hasPeers: boolean;
  readonly isMarkdown: boolean;
}

/** What the screen of a headless Chromium shows. */
const FRAMES_PER_SECOND = 60;

const teller = createTeller(process.stdout, Date.now);

async function bench(plan: Plan): Promise<void> {
  const { records, runs } = plan;
  const programs = `Node ${process.versions.node}, SQLite ${process.versions.sqlite}`;
  teller.heading(`${formatCount(records)} invoices, ${runs === 1 ? 'one run' : `medians of ${runs} runs`}, ${programs}`);
  const figures: Figure[] = [];
  const notes: string[] = [];
  const sheet: Sheet = {
    add: (what, store, value, unit, ofFloor = null, target = null) => void figures.push({ what, store, value, unit, ofFloor, target }),
    note: (text) => void notes.push(text),
    say: (text) => teller.say(text),
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      tell(figures, [...notes, 'The run was ended before it had measured everything.'], plan.isMarkdown);
      process.exit(1);
    });
  }
  try {
    if (storeGroups.some(plan.wants)) await benchStores(plan, sheet);
    if (plan.wants('window')) await benchWindow(plan, sheet);
    if (plan.isFull) {
      await benchStores(largePlan(plan), sheet);
      await benchScale(plan, sheet);
    }
    if (plan.hasPeers) await measurePeers(plan, sheet);
  } finally {
    // What was measured before a fault is worth reading, too.
    tell(figures, notes, plan.isMarkdown);
  }
}

function largePlan(plan: Plan): Plan {
  return { ...plan, records: LARGE, runs: 1, wants: (name) => plan.wants(name) && ofLarge.includes(name) };
}

async function benchStores(plan: Plan, sheet: Sheet): Promise<void> {
  if (plan.stores.includes('embedded')) {
    teller.say(`Measuring ${formatCount(plan.records)} on the embedded database …`);
    await measureStore(plan, null, sheet);
  }
  if (!plan.stores.includes('MongoDB')) return;
  const { found: mongo, missing } = await openTestMongo();
  if (mongo === null) return sheet.note(`MongoDB was not measured. ${missing}`);
  try {
    teller.say(`Measuring ${formatCount(plan.records)} on MongoDB …`);
    await measureStore(plan, mongo.url, sheet);
  } finally {
    await mongo.release();
  }
}

async function benchScale({ stores }: Plan, sheet: Sheet): Promise<void> {
  const many = { accounts: 10_000, syncing: 200, connected: 2000 };
  if (stores.includes('embedded')) {
    teller.say('Measuring many at once on the embedded database …');
    await measureScale({ ...many, mongodbUrl: null, servers: 1 }, (what, value, unit) => sheet.add(what, 'embedded', value, unit));
  }
  const { found: mongo } = stores.includes('MongoDB') ? await openTestMongo() : { found: null };
  if (mongo === null) return;
  try {
    for (const servers of [1, 2]) {
      teller.say(`Measuring many at once on MongoDB, with ${servers} server process${servers === 1 ? '' : 'es'} …`);
      const add = (what: string, value: number | null, unit: string): void =>
        sheet.add(`${servers} × server: ${what}`, 'MongoDB', value, unit);
      await measureScale({ ...many, mongodbUrl: mongo.url, servers }, add);
    }
  } finally {
    await mongo.release();
  }
}

async function benchWindow(plan: Plan, sheet: Sheet): Promise<void> {
  const { missing } = findChromium();
  if (missing !== null) return sheet.note(`The window was not measured. ${missing}`);
  teller.say('Measuring the window …');
  const { scrolls, paintMs, searchMs } = await measureWindow(plan.records);
  for (const { pxPerSecond, framesPerSecond, lateShare, waitingShare } of scrolls) {
    const speed = `${formatCount(pxPerSecond)} px/s`;
    sheet.add(`Window: scrolling, ${speed}`, '', framesPerSecond, 'frames/s', framesPerSecond / FRAMES_PER_SECOND);
    const [late, waiting] = [lateShare, waitingShare].map((part) => `${(part * 100).toFixed(1)} %`);
    sheet.note(`Window, at ${speed}: ${late} of the frames were late, and in ${waiting} a row in view was not there yet.`);
  }
  sheet.add('Window: click to painted list, median', '', paintMs.median, 'ms');
  sheet.add('… largest', '', paintMs.largest, 'ms');
  sheet.add('Window: key to painted search, median', '', searchMs.median, 'ms');
  sheet.add('… largest', '', searchMs.largest, 'ms');
}

function tell(figures: readonly Figure[], notes: readonly string[], isMarkdown: boolean): void {
  const titles = ['What', 'Store', 'Figure', 'Unit', 'Of floor', 'Target'] as const;
  const rows = figures.map((figure) => [
    figure.what, figure.store, figure.value === null ? '–' : formatFigure(figure.value), figure.unit,
    figure.ofFloor === null ? '' : figure.ofFloor.toFixed(2), formatTarget(figure),
  ]);
  teller.say();
  if (isMarkdown) {
    for (const row of [titles, titles.map(() => '---'), ...rows]) process.stdout.write(`| ${row.join(' | ')} |\n`);
    process.stdout.write('\n');
  } else {
    teller.table(titles.map((title) => ({
      title, ...(title === 'What' && { maxColumns: 48 }), ...((title === 'Figure' || title === 'Of floor') && { align: 'end' as const }),
    })), rows);
  }
  teller.say();
  for (const note of notes) teller.say(note);
}

/** The target of a figure, as a bound on the figure or on its ratio, and whether it is missed. */
function formatTarget(figure: Figure): string {
  if (figure.target === null) return '';
  return `${boundOf(figure.target)}${figure.target.of === 'ratio' ? ' of floor' : ''}${misses(figure) ? ', missed' : ''}`;
}

function boundOf({ atLeast, atMost }: Target): string {
  return atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
}

function formatFigure(value: number): string {
  return value >= 100 ? formatCount(value) : value.toFixed(value >= 10 ? 1 : 2);
}

function readPlan(): Plan {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' }, store: { type: 'string' }, records: { type: 'string', default: '100000' },
      runs: { type: 'string', default: '3' }, full: { type: 'boolean', default: false }, peers: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
    },
  });
  const { only, store, records, runs } = values;
  const named = only?.split(',');
  const unknown = named?.find((name) => ![...groups, 'peers'].some((group) => group === name));
  if (unknown !== undefined) throw new Error(`--only takes some of ${groups.join(', ')}, peers, separated by commas, not ${unknown}.`);
  const stores = ['embedded', 'MongoDB'];
  if (store !== undefined && !stores.includes(store)) throw new Error(`--store takes one of ${stores.join(', ')}, not ${store}.`);
  if (!/^\d+$/.test(records) || Number(records) < 100) throw new Error(`--records takes a whole number of at least 100, not ${records}.`);
  if (!/^[1-9]\d*$/.test(runs)) throw new Error(`--runs takes a whole number of at least 1, not ${runs}.`);
  return {
    records: Number(records), runs: Number(runs), isFull: values.full, isMarkdown: values.markdown,
    hasPeers: values.peers || named?.includes('peers') === true,
    stores: store === undefined ? stores : [store],
    wants: (name) => named === undefined || named.includes(name),
  };
}

try {
  await bench(readPlan());
} catch (error) {
  process.stderr.write(`The benchmark failed: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}
