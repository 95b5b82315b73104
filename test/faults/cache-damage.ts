// Cache files damaged in every way, while the desktop is off. Each is healed by the desktop's own triggers: within 30 seconds, or,
// where the damage is in bytes that nothing has read, by the daily verification.
//
// Invariants: the page that is damaged follows from the seed, so that a full run damages each page in each way.

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { checkCache, type CacheCheck } from '../../desktop/cache/check.ts';
import { embedded } from '../server/harness.ts';
import { openBooks, type Books } from '../sync/books.ts';
import { Desk } from '../sync/desk.ts';
import { assertExact } from '../sync/exact.ts';
import type { Random } from '../sync/random.ts';
import { openSite, type Site } from '../sync/site.ts';
import type { Scenario, Try } from './lab.ts';
import { recoverAlone } from './unattended.ts';

const PAGE_BYTES = 8192;
const DAY_MS = 86_400_000;
const PLANS = 150;

interface Caches {
  readonly site: Site;
  readonly books: Books;
  /** Folders with a cache each: of a day, of a later day, as a kill left it with its log, and of another account. */
  readonly day: string;
  readonly laterDay: string;
  readonly killed: string;
  readonly foreign: string;
}

type Damage = (file: string, page: number, random: Random, caches: Caches) => void;

/** Changes the bytes of one page of a file, which shrinks where `change` returns fewer. */
function onPage(change: (page: Buffer, random: Random, all: Buffer) => Buffer): Damage {
  return (file, page, random) => {
    const all = readFileSync(file);
    const start = page * PAGE_BYTES;
    writeFileSync(file, Buffer.concat([all.subarray(0, start), change(Buffer.from(all.subarray(start, start + PAGE_BYTES)), random, all),
      all.subarray(start + PAGE_BYTES)]));
  };
}

function flip(bytes: Buffer, random: Random, count: number): Buffer {
  for (; count > 0; count -= 1) {
    const at = random.integer(0, bytes.length - 1);
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.integer(0, 7)), at);
  }
  return bytes;
}

const logFolders = 'folders in the place of its logs';
const randomBytes = (random: Random, size: number): Buffer => Buffer.from(Array.from({ length: size }, () => random.integer(0, 255)));
const copyLog = (from: string, file: string): void => copyFileSync(join(from, 'invoify.sqlite-wal'), `${file}-wal`);

/** Those that differ from page to page. */
const pageWays: readonly (readonly [what: string, damage: Damage])[] = [
  ['cut before a page', (file, page) => writeFileSync(file, readFileSync(file).subarray(0, page * PAGE_BYTES))],
  ['cut within a page', (file, page, random) =>
    writeFileSync(file, readFileSync(file).subarray(0, page * PAGE_BYTES + random.integer(1, PAGE_BYTES - 1)))],
  ['a page of zeros', onPage(({ length }) => Buffer.alloc(length))],
  ['a page of noise', onPage(({ length }, random) => randomBytes(random, length))],
  ['flipped bits in a page', onPage((page, random) => flip(page, random, random.integer(1, 20)))],
  ['another page in a page\'s place', onPage((page, random, all) => {
    const other = random.integer(0, all.length / PAGE_BYTES - 1) * PAGE_BYTES;
    return Buffer.from(all.subarray(other, other + page.length));
  })],
];

const otherWays: readonly (readonly [what: string, damage: Damage])[] = [
  ['the log of another cache', (file, _page, _random, { foreign }) => copyLog(foreign, file)],
  ['an old file with a later log', (file, _page, _random, { killed }) => copyLog(killed, file)],
  ['a later file with an old log', (file, _page, _random, { laterDay, killed }) => {
    copyFileSync(join(laterDay, 'invoify.sqlite'), file);
    copyLog(killed, file);
  }],
  ['a damaged log', (file, _page, random, { killed }) => {
    copyFileSync(join(killed, 'invoify.sqlite'), file);
    const log = readFileSync(join(killed, 'invoify.sqlite-wal'));
    writeFileSync(`${file}-wal`, flip(log, random, random.integer(1, 10)));
  }],
  ['a log cut short', (file, _page, random, { killed }) => {
    copyFileSync(join(killed, 'invoify.sqlite'), file);
    const log = readFileSync(join(killed, 'invoify.sqlite-wal'));
    writeFileSync(`${file}-wal`, log.subarray(0, random.integer(0, log.length)));
  }],
  ['noise as the log\'s index', (file, _page, random, { killed }) => {
    for (const suffix of ['', '-wal']) copyFileSync(join(killed, `invoify.sqlite${suffix}`), file + suffix);
    writeFileSync(`${file}-shm`, randomBytes(random, 32_768));
  }],
  ['a folder in its place', (file) => {
    rmSync(file);
    mkdirSync(join(file, 'inner'), { recursive: true });
  }],
  ['a link to nothing', (file) => {
    rmSync(file);
    symlinkSync(`${file}.elsewhere`, file);
  }],
  ['nothing in its place', (file) => rmSync(file)],
  ['an empty file', (file) => writeFileSync(file, '')],
  ['noise as the file', (file, _page, random) => writeFileSync(file, randomBytes(random, 40_000))],
  ['another program\'s database', (file) => {
    rmSync(file);
    const db = new DatabaseSync(file);
    db.exec('PRAGMA application_id = 12345; CREATE TABLE notes (text TEXT)');
    db.close();
  }],
  [logFolders, (file) => {
    for (const suffix of ['-wal', '-shm']) mkdirSync(file + suffix);
  }],
];

export const cacheDamage: Scenario = {
  name: 'cache-damage',
  about: 'the cache\'s files cut, overwritten, exchanged or replaced, page by page',
  tries: 600,
  async open() {
    const caches = await prepareCaches();
    return {
      run: (attempt) => damageOnce(attempt, caches),
      async close() {
        for (const folder of [caches.day, caches.laterDay, caches.killed, caches.foreign]) rmSync(folder, { recursive: true });
        await caches.site.stop();
      },
    };
  },
};

async function damageOnce(attempt: Try, caches: Caches): Promise<void> {
  const { seed, random } = attempt;
  const { site, books } = caches;
  let check: CacheCheck | null = null;
  const desk = new Desk({ url: site.server.url, deps: { checkCache: (file) => check = checkCache(file) } });
  attempt.after(() => desk.remove());
  await desk.storeToken(books.owner.token);
  mkdirSync(dirname(desk.file), { recursive: true });
  copyFileSync(join(caches.day, 'invoify.sqlite'), desk.file);
  const pages = readFileSync(desk.file).length / PAGE_BYTES;
  // Every seventh seed damages in one of the other ways.
  const [turn, way] = [Math.floor(seed / 7), seed % 7];
  const [what, damage] = pageWays[way] ?? otherWays[turn % otherWays.length] ?? assert.fail();
  damage(desk.file, turn % pages, random, caches);
  attempt.count(what);

  await desk.open();
  /** Whether everything that can be read is as the server has it. */
  const isRight = async (): Promise<boolean> => {
    await check?.result;
    await desk.idle();
    try {
      await assertExact(desk, books.owner.client);
      return await areListsRight(desk, books);
    } catch {
      return false;
    }
  };
  try {
    await recoverAlone(attempt, desk, isRight);
  } catch (error) {
    const { state, error: named } = await desk.host.getStatus();
    if (state === 'error' && named?.code === 'cache_unusable' && what === logFolders) {
      // Nobody's programs make those, so it is enough that the window names it, until they are gone.
      attempt.count('named');
      for (const suffix of ['-wal', '-shm']) rmSync(desk.file + suffix, { recursive: true, force: true });
      await recoverAlone(attempt, desk, isRight);
      return;
    }
    // Nothing has read what is damaged.
    if (state !== 'up_to_date') throw new Error(`${what}: ${state}, ${named?.code}`, { cause: error });
    attempt.count('found by the daily verification');
    desk.clock.ms += 2 * DAY_MS;
    await desk.sync();
    await desk.idle();
    await recoverAlone({ recovered: () => undefined }, desk, isRight).catch((cause: unknown) => {
      throw new Error(`${what}, after a day`, { cause });
    });
  }
}

/** Lists and searches show what the rows hold. */
async function areListsRight(desk: Desk, books: Books): Promise<boolean> {
  for (const collection of ['plans', 'customers', 'invoices', 'users']) {
    const { total } = await desk.host.data.listPage({ collection });
    if (total !== books.model.present(collection).length) return false;
  }
  const plans = books.model.present('plans');
  for (const { id, payload: { name } } of plans.slice(0, 30)) {
    const { rows } = await desk.host.data.listPage({ collection: 'plans', search: String(name) });
    if (!rows.some((row) => row.id === id)) return false;
    if ((await desk.host.data.getRecord('plans', id))?.payload['name'] !== name) return false;
  }
  return true;
}

async function prepareCaches(): Promise<Caches> {
  const site = await openSite(embedded ?? assert.fail());
  const books = await openBooks(site);
  await books.addPlans(PLANS);
  const keep = (desk: Desk): string => {
    const folder = mkdtempSync(join(tmpdir(), 'invoify-damage-'));
    for (const suffix of ['', '-wal']) {
      if (existsSync(desk.file + suffix)) copyFileSync(desk.file + suffix, join(folder, `invoify.sqlite${suffix}`));
    }
    return folder;
  };
  const ofOthers = await openBooks(site);
  await ofOthers.addPlans(PLANS);
  const kept: string[] = [];
  for (const { owner } of [books, ofOthers]) {
    const desk = new Desk({ url: site.server.url });
    await desk.storeToken(owner.token);
    await desk.open();
    await desk.sync();
    await desk.idle();
    if (owner === ofOthers.owner) kept.push(keep(desk));
    await desk.close();
    if (owner !== ofOthers.owner) {
      kept.push(keep(desk));
      for (const { id } of books.model.present('plans').slice(20, 60)) await books.change('plans', id);
      await desk.open();
      await desk.sync();
      await desk.idle();
      kept.push(keep(desk));
      await desk.close();
      kept.push(keep(desk));
    }
    await desk.remove();
  }
  const [day = '', killed = '', laterDay = '', foreign = ''] = kept;
  assert.deepEqual(readdirSync(foreign).sort(), ['invoify.sqlite', 'invoify.sqlite-wal']);
  return { site, books, day, killed, laterDay, foreign };
}
