// The figures of one store, each next to the floor of the same run. Floors and first syncs take turns, so that a machine that
// becomes slower meanwhile slows both.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { formatCount } from '../../demo/console.ts';
import { measureBareTransactions } from './bare-transaction.ts';
import { foundCompany, type CompanyServer } from './company-server.ts';
import { median, percentile, type StoreName, type Target } from './figures.ts';
import { measureSingleWrites, openFloor, type Floor } from './floor.ts';
import { slowLine } from './link.ts';
import { readMongoCounts, readSqliteCounts } from './reads.ts';
import {
  measureChanged, measureColdStart, measureFirstSync, measureReadsMeanwhile, measureUnchanged, summarize, withDesktop, type FirstSync,
  type Synced,
} from './sync.ts';
import { measureWrites } from './writes.ts';

export const storeGroups = ['sync', 'slow', 'changed', 'unchanged', 'writes', 'lists', 'start', 'memory'] as const;
export type StoreGroup = (typeof storeGroups)[number];

export interface StorePlan {
  readonly records: number;
  readonly runs: number;
  readonly wants: (name: StoreGroup) => boolean;
}

/** Where figures and notes go. */
export interface Sheet {
  add(what: string, store: StoreName | '', value: number | null, unit: string, ofFloor?: number | null, target?: Target | null): void;
  note(text: string): void;
  say(text: string): void;
}

/** How long bare transactions are repeated. */
const BARE_MS = 4000;

const line = 'over 25 ms, 20 Mbit/s';
const atMost = (bound: number): Target => ({ of: 'value', atMost: bound });
const atLeast = (bound: number): Target => ({ of: 'value', atLeast: bound });
const ofFloor = (bound: number): Target => ({ of: 'ratio', atLeast: bound });

/** Measures one store and adds its figures to the sheet. */
export async function measureStore(plan: StorePlan, mongodbUrl: string | null, sheet: Sheet): Promise<void> {
  const company = await foundCompany(mongodbUrl, plan.records);
  const folder = mkdtempSync(join(tmpdir(), 'invoify-floor-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const measure = new StoreMeasurement(plan, company, mongodbUrl, folder, sheet);
  try {
    await measure.run();
  } finally {
    await company.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

class StoreMeasurement {
  readonly #plan: StorePlan;
  readonly #company: CompanyServer;
  readonly #mongodbUrl: string | null;
  readonly #folder: string;
  readonly #sheet: Sheet;

  constructor(plan: StorePlan, company: CompanyServer, mongodbUrl: string | null, folder: string, sheet: Sheet) {
    this.#plan = plan;
    this.#company = company;
    this.#mongodbUrl = mongodbUrl;
    this.#folder = folder;
    this.#sheet = sheet;
  }

  async run(): Promise<void> {
    const { wants } = this.#plan;
    let floor: Floor | null = null;
    let first: FirstSync | null = null;
    if (wants('sync') || wants('memory') || wants('changed')) [floor, first] = await this.#measureFirstSyncs();
    if (floor && first && wants('sync')) this.#addFirstSync(floor, first);
    if (wants('lists')) await this.#measureReads();
    if (wants('changed') || wants('unchanged') || wants('writes') || wants('lists') || wants('start')) {
      await withDesktop(this.#company, null, (synced) => this.#measureSynced(synced, floor));
    }
    if (wants('slow')) await this.#measureSlow();
    if (first && wants('memory')) await this.#measureMemory(first);
  }

  async #measureFirstSyncs(): Promise<[Floor, FirstSync]> {
    const cacheFile = await withDesktop(this.#company, null, async ({ desktop }) => desktop.file);
    const { venue, stage } = this.#company;
    const mongo = this.#mongodbUrl === null ? null
      : { url: this.#mongodbUrl, database: venue.env['MONGODB_DB'] ?? '', accountId: stage.company.accountId };
    const source = await openFloor(this.#folder, cacheFile, mongo);
    rmSync(dirname(cacheFile), { recursive: true, force: true });
    const [floors, syncs]: [Floor[], FirstSync[]] = [[], []];
    try {
      for (let run = 0; run < this.#plan.runs; run += 1) {
        floors.push(await source.measure());
        syncs.push(await measureFirstSync(this.#company));
      }
    } finally {
      await source.close();
    }
    const middle = (key: keyof Floor): number => median(floors.map((floor) => floor[key]));
    const floor = {
      records: middle('records'), rowsMs: middle('rowsMs'), finishedMs: middle('finishedMs'), cpuMs: middle('cpuMs'),
      feederCpuMs: middle('feederCpuMs'), changedMs: middle('changedMs'),
    };
    return [floor, summarize(syncs)];
  }

  #addFirstSync(floor: Floor, first: FirstSync): void {
    const perSecond = (ms: number): number => first.records / ms * 1000;
    this.#add('Floor: raw rows, until the last one', perSecond(floor.rowsMs), 'records/s', 1);
    this.#add('Floor: … until indexed', perSecond(floor.finishedMs), 'records/s', 1);
    this.#add('Floor: … processor time, sender', floor.feederCpuMs, 'ms', 1);
    this.#add('Floor: … processor time, receiver', floor.cpuMs, 'ms', 1);
    this.#add('First sync, until the last row', perSecond(first.rowsMs), 'records/s', floor.rowsMs / first.rowsMs);
    this.#add('… until indexed and proved', perSecond(first.settledMs), 'records/s', floor.finishedMs / first.settledMs, ofFloor(0.85));
    this.#add('… processor time, server', first.serverCpuMs, 'ms', share(floor.feederCpuMs, first.serverCpuMs));
    this.#add('… processor time, desktop', first.desktopCpuMs, 'ms', share(floor.cpuMs, first.desktopCpuMs));
    this.#add("… longest block of the desktop's thread", first.longestBlockMs, 'ms', null, atMost(16));
  }

  async #measureSlow(): Promise<void> {
    await withDesktop(this.#company, slowLine, async ({ cost, desktop, link }) => {
      const bytes = Number(cost.lineBytes);
      const use = bytes / (cost.rowsMs / 1000) / slowLine.bytesPerSecond;
      this.#add(`First sync ${line}`, cost.records / cost.rowsMs * 1000, 'records/s');
      this.#add('… use of the line', use * 100, '%', use, ofFloor(0.9));
      this.#add('… bytes on the line per record', bytes / cost.records, 'bytes');
      const { changes, tookMs } = await measureChanged(this.#company, desktop, 1);
      this.#add(`Pull of ${formatCount(changes)} changed ${line}`, tookMs, 'ms');
      const before = Number(link?.downBytes);
      const unchangedMs = (await desktop.tell('pull')).tookMs;
      this.#add('Nothing changed: the answer with its headers', Number(link?.downBytes) - before, 'bytes', null, atMost(350));
      this.#add(`Nothing changed ${line}`, unchangedMs, 'ms', 2 * slowLine.delayMs / unchangedMs);
      for (const writers of [1, 10]) {
        this.#add(`Writes, ${writers} at a time, ${line}`, await measureWrites(this.#company, link?.url ?? '', writers), 'writes/s');
      }
    });
  }

  async #measureReads(): Promise<void> {
    const readsMs = await measureReadsMeanwhile(this.#company);
    this.#add('Page of a list during a first sync, median', median(readsMs), 'ms');
    this.#add('… 99th percentile', percentile(readsMs, 0.99), 'ms', null, atMost(25));
    this.#sheet.note(`${this.#company.store}: ${readsMs.length} pages of the invoices were read during the first sync.`);
  }

  /** Measures what a desktop does after its first sync. What only concerns the cache is measured with one store. */
  async #measureSynced({ server, desktop }: Synced, floor: Floor | null): Promise<void> {
    const { wants, runs } = this.#plan;
    const isEmbedded = this.#mongodbUrl === null;
    if (wants('lists') && isEmbedded) {
      const { readsMs, searchesMs, summariesMs } = await desktop.tell('read lists');
      this.#add(`Page of any list, ${formatCount(readsMs.length)} queries, median`, median(readsMs), 'ms');
      this.#add('… 99th percentile', percentile(readsMs, 0.99), 'ms', null, atMost(10));
      this.#add('Search, 99th percentile', percentile(searchesMs, 0.99), 'ms');
      this.#add('Summary, 99th percentile', percentile(summariesMs, 0.99), 'ms');
    }
    if (wants('changed')) {
      const { changes, tookMs, longestBlockMs } = await measureChanged(this.#company, desktop, runs);
      this.#add(`Pull of ${formatCount(changes)} changed (1 %)`, tookMs, 'ms', share(floor?.changedMs ?? null, tookMs), atMost(60));
      this.#add("… longest block of the desktop's thread", longestBlockMs, 'ms', null, atMost(16));
    }
    if (wants('unchanged')) await this.#measureUnchanged(server, desktop);
    if (wants('writes')) await this.#measureWrites(server.url);
    if (wants('start') && isEmbedded) {
      await desktop.stop();
      this.#add('Cold start, until the first page', await measureColdStart(this.#company, desktop.file, runs), 'ms', null, atMost(300));
    }
  }

  async #measureUnchanged(server: Synced['server'], desktop: Synced['desktop']): Promise<void> {
    const url = this.#mongodbUrl;
    const readCounts = () => url === null ? readSqliteCounts(server) : readMongoCounts(url);
    const { pullMs, requestMs, healthMs, reads } = await measureUnchanged(this.#company, server, desktop, readCounts);
    const asked = Object.entries(reads).filter(([what]) => !what.includes('examined'));
    this.#add('Nothing changed: the request alone', requestMs, 'ms', healthMs / requestMs, atMost(url === null ? 0.5 : 1.2));
    this.#add("Nothing changed: the desktop's pull", pullMs, 'ms', healthMs / pullMs, atMost(2));
    this.#add('Nothing changed: asked of the database', asked.reduce((sum, [, count]) => sum + count, 0), 'per poll');
    for (const [what, count] of Object.entries(reads)) this.#sheet.note(`${this.#company.store}, per poll: ${count.toFixed(2)} × ${what}`);
  }

  async #measureWrites(url: string): Promise<void> {
    const isEmbedded = this.#mongodbUrl === null;
    const bare = this.#mongodbUrl === null ? measureSingleWrites(this.#folder) : await measureBareTransactions(this.#mongodbUrl, BARE_MS);
    const one = await measureWrites(this.#company, url, 1);
    const ten = await measureWrites(this.#company, url, 10);
    this.#add(isEmbedded ? 'Floor: one bare row a commit' : 'Floor: a bare transaction, 1 at a time', bare, 'writes/s', 1);
    this.#add('Writes, 1 at a time', one, 'writes/s', one / bare, isEmbedded ? null : ofFloor(0.7));
    this.#add('Writes, 10 at a time', ten, 'writes/s', ten / bare);
    this.#add('… of what 1 at a time writes', ten / one, 'times', null, isEmbedded ? null : atLeast(6));
  }

  async #measureMemory(large: FirstSync): Promise<void> {
    const records = Math.round(this.#plan.records / 10);
    const company = await foundCompany(this.#mongodbUrl, records);
    try {
      const small = await measureFirstSync(company);
      for (const [side, key] of [['server', 'serverPeakMb'], ['desktop', 'desktopPeakMb']] as const) {
        this.#add(`Peak memory, ${side}, ${formatCount(records)}`, small[key], 'MB', 1, atMost(150));
        this.#add(`Peak memory, ${side}, ${formatCount(this.#plan.records)}`, large[key], 'MB', share(small[key], large[key]), atMost(150));
      }
    } finally {
      await company.remove();
    }
  }

  #add(what: string, value: number | null, unit: string, ratio: number | null = null, target: Target | null = null): void {
    this.#sheet.add(what, this.#company.store, value, unit, ratio, target);
  }
}

function share(part: number | null, whole: number | null): number | null {
  return part === null || whole === null ? null : part / whole;
}
