// The demonstration: `npm run demo`. A company's server and one of its desktops, from the first sign-in to the loss of the
// server, on realistic data and with every claim checked; then a desktop's window in a browser.
//
//   npm run demo                 on the embedded database, or on MongoDB if MONGODB_URL is set
//   npm run demo -- --keep       runs until Ctrl+C even without a terminal, and keeps a MongoDB database
//   npm run demo -- --small      a small company, for a quick look
//
// The last line is the link that opens the window. On a terminal it runs until Ctrl+C. Server and desktop are two processes
// that communicate only over HTTP. Everything is created in a temporary folder (and, on MongoDB, a new database) and removed
// at the end, even after an error or Ctrl+C. Exits with 0 if every claim held, otherwise with 1 and a message.

import { parseArgs } from 'node:util';

import { openHost, type Host } from '../desktop/host.ts';
import { systemHostDeps } from '../desktop/system-deps.ts';
import { formatInstant } from '../shared/clock.ts';
import { localDay } from '../shared/days.ts';
import { emptyDigest, type Digest } from '../shared/digest.ts';
import type { SyncOutcome } from '../shared/window/views.ts';
import type { SampleUser } from './company.ts';
import { signIn, type Colleague } from './colleague.ts';
import { createTeller, formatCount, formatSeconds, formatSize, type Teller } from './console.ts';
import { makeChanges } from './day.ts';
import { expect, requireDone } from './expect.ts';
import { showOfflineReading, showRejectedWrite } from './offline.ts';
import { openVenue, setStage, type Stage, type Venue } from './stage.ts';
import type { ServerProcess } from './server-process.ts';
import { ask, openWindow } from './window.ts';

const fullSize = { customers: 1500, invoices: 20_000 };
const smallSize = { customers: 60, invoices: 600 };

interface Options {
  readonly isSmall: boolean;
  readonly isKept: boolean;
  /** Resolves on Ctrl+C, which from then on no longer ends the process. */
  readonly untilInterrupted: () => Promise<void>;
}

interface Scene {
  readonly teller: Teller;
  readonly venue: Venue;
  readonly stage: Stage;
  readonly today: string;
  readonly owner: SampleUser;
  readonly editor: SampleUser;
}

async function runDemo(teller: Teller, venue: Venue, options: Options): Promise<void> {
  const startedMs = performance.now();
  const today = localDay(Date.now());

  teller.heading('1  A company and its server');
  const stage = await writeCompany(teller, venue, { ...(options.isSmall ? smallSize : fullSize), today });
  const [owner, editor] = stage.company.users;
  if (!owner || !editor) throw new Error('the sample company has no staff');
  const scene: Scene = { teller, venue, stage, today, owner, editor };
  const server = await stage.startServer();
  teller.say(`A server runs in process ${server.child.pid} at ${server.url}.`);

  const deps = systemHostDeps();
  const host = await openHost({ databaseFile: stage.databaseFile, serverUrl: server.url }, {
    ...deps,
    // The server is stopped on purpose, and the rest says that the cache was opened.
    log: (event, facts) => (['no answer from the server', 'cache opened'].includes(event) ? undefined : deps.log(event, facts)),
    // A single desktop need not spread its retries.
    random: () => 0,
  });
  try {
    const auditor = await signIn(server.url, owner.email, stage.password);
    await syncFirst(scene, host, auditor);
    await followChanges(scene, server, host, auditor);
    await goOffline(scene, server, host);
    const tookMs = performance.now() - startedMs;
    await showWindow(scene, server, host, options, tookMs);
  } finally {
    await host.close();
  }
}

async function writeCompany(teller: Teller, venue: Venue, size: { today: string; customers: number; invoices: number }): Promise<Stage> {
  teller.say(`Three years of a sample company go into ${venue.database}.`);
  const startedMs = performance.now();
  const progress = teller.progress('Writing', size.customers + size.invoices + 11);
  const stage = await setStage(venue, size, progress.update);
  progress.end();
  const counts = Object.entries(stage.company.counts).map(([name, count]) => `${formatCount(count)} ${name}`);
  teller.say(`${counts.join(', ')}: written in ${formatSeconds(performance.now() - startedMs)}.`);
  return stage;
}

async function syncFirst({ teller, stage, owner }: Scene, host: Host, auditor: Colleague): Promise<void> {
  teller.heading('2  A desktop signs in and syncs for the first time');
  const user = await host.signIn(owner.email, stage.password);
  teller.say(`${user.name} (${user.role}) is signed in; her cache is empty.`);

  const total = Object.values(stage.company.counts).reduce((sum, count) => sum + count, 0);
  const progress = teller.progress('Downloading', total);
  const stop = host.onStatus((status) => status.progress && progress.update(status.progress.changes));
  const outcome = await host.pullFromServer();
  stop();
  if (outcome.outcome === 'completed') progress.update(outcome.changes);
  progress.end();
  requireDone(outcome);
  expect(outcome.changes === total, `The first sync brought ${outcome.changes} records instead of ${total}.`);
  teller.say(`${formatSize(outcome.bytes)} arrived and are on disk. Each side summed up its own records:`);
  teller.say();
  showDigests(teller, await host.data.digest(), await auditor.digest(formatInstant(stage.company.clock)), outcome);
}

/** Prints both sides' records and digests per collection, and the pull's duration; throws if they differ. */
function showDigests(teller: Teller, cache: Digest, server: Digest, { changes, durationMs }: SyncOutcome): void {
  const rows = Object.entries(server).map(([name, theirs]) => {
    const ours = cache[name] ?? emptyDigest;
    return { name, ours: ours.count, theirs: theirs.count, isEqual: ours.count === theirs.count && ours.sum === theirs.sum };
  });
  const isEqual = rows.every((row) => row.isEqual);
  const sum = (of: 'ours' | 'theirs'): string => formatCount(rows.reduce((all, row) => all + row[of], 0));
  const end = 'end' as const;
  teller.table(
    [
      { title: 'Collection' }, { title: 'In the cache', align: end }, { title: 'On the server', align: end },
      { title: 'Digest equal', align: end }, { title: 'Time', align: end }, { title: 'Records/s', align: end },
    ],
    [
      ...rows.map((row) => [row.name, formatCount(row.ours), formatCount(row.theirs), row.isEqual ? 'yes' : 'NO', '', '']),
      ['all', sum('ours'), sum('theirs'), isEqual ? 'yes' : 'NO', formatSeconds(durationMs), formatCount(changes / durationMs * 1000)],
    ],
  );
  expect(isEqual, 'The cache differs from the server.');
}

async function followChanges(
  { teller, stage, today, editor }: Scene, server: ServerProcess, host: Host, auditor: Colleague,
): Promise<void> {
  teller.heading('3  Meanwhile, a colleague makes changes');
  const colleague = await signIn(server.url, editor.email, stage.password);
  const { sentences, touched, lastUpdatedAt } = await makeChanges(colleague, host, today);
  teller.say(`${colleague.name} (${editor.role}) makes changes through the API, like any client:`);
  for (const line of sentences) teller.say(`- ${line}`);
  teller.say();

  const outcome = requireDone(await host.pullFromServer());
  teller.say(`The desktop pulls ${outcome.upserts} changed and ${outcome.deletes} deleted records, ${formatSize(outcome.bytes)}.`);
  expect(outcome.changes === touched.length, `The pull brought ${outcome.changes} changes instead of ${touched.length}.`);
  for (const { collection, id, updatedAt, isDeleted } of touched) {
    const held = await host.data.getRecord(collection, id);
    expect(isDeleted ? held === null : held?.updatedAt === updatedAt, `The cache does not hold what was written to ${collection}/${id}.`);
  }
  teller.say(`They are exactly those ${touched.length}, each as the server acknowledged it.`);
  teller.say();
  showDigests(teller, await host.data.digest(), await auditor.digest(lastUpdatedAt), outcome);

  const again = requireDone(await host.pullFromServer());
  expect(again.changes === 0, `With nothing changed a pull brought ${again.changes} changes.`);
  teller.say();
  teller.say(`Pulled once more: nothing new, ${formatSize(again.bytes)}, ${formatSeconds(again.durationMs)}.`);
}

async function goOffline({ teller, today }: Scene, server: ServerProcess, host: Host): Promise<void> {
  teller.heading('4  The server goes down');
  await server.stop();
  const outcome = await host.pullFromServer();
  expect(outcome.outcome === 'failed', 'A pull from a server that was stopped did not fail.');
  const { isOnline, state, lastSync } = await host.getStatus();
  expect(!isOnline && lastSync !== null, 'The desktop claims to be online without a server.');
  teller.say(`It is stopped. A pull fails: “${outcome.error?.message}”`);
  teller.say(`State: ${state}. Last synced ${lastSync.timestamp}. The cache still answers:`);
  await showOfflineReading(teller, host, today);
  await showRejectedWrite(teller, host);
}

async function showWindow(scene: Scene, before: ServerProcess, host: Host, options: Options, tookMs: number): Promise<void> {
  const { teller, stage, owner, venue } = scene;
  teller.heading('5  The server is back, and the window opens');
  const server = await stage.startServer(Number(new URL(before.url).port));
  try {
    const outcome = requireDone(await host.pullFromServer());
    teller.say(`The desktop pulled again (${outcome.changes} changes). The server runs on ${venue.database}.`);
    const preview = await openWindow(venue.folder, server.url, { email: owner.email, password: stage.password });
    try {
      const [ours, theirs] = [await host.data.counts(), await ask(preview, 'data.counts')];
      const held = Object.values(theirs).reduce((sum, count) => sum + count, 0);
      expect(Object.entries(ours).every(([name, count]) => theirs[name] === count), 'The window has other records than the desktop.');
      teller.say(`A second desktop shows its window in a browser tab, signed in as ${owner.name}, with ${formatCount(held)} records.`);
      teller.say('Window chrome, encrypted token storage and PDF files are only in the Windows app.');
      teller.say();
      teller.table([{ title: 'Server' }, { title: 'E-mail' }, { title: 'Password' }], [[server.url, owner.email, stage.password]]);
      teller.say();
      teller.say(`This took ${formatSeconds(tookMs)}, and every claim was checked.`);
      teller.say(options.isKept
        ? 'Ctrl+C ends it. This link opens the window, once:' : 'It ends here; with --keep it keeps running for this link:');
      teller.say(preview.newLink());
      if (options.isKept) await options.untilInterrupted();
    } finally {
      await preview.close();
    }
  } finally {
    await server.stop();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { keep: { type: 'boolean' }, small: { type: 'boolean' } } });
  const isKept = values.keep === true || process.stdout.isTTY;
  const venue = await openVenue(process.env['MONGODB_URL']);
  // The server ends with this process.
  const quit = (exitCode: number): void => void venue.remove(false).finally(() => process.exit(exitCode));
  let interrupt = (): void => quit(130);
  process.on('SIGINT', () => interrupt()).on('SIGTERM', () => interrupt()).on('SIGHUP', () => interrupt());
  process.stdout.on('error', () => quit(1));
  process.once('uncaughtException', (error) => {
    report(error);
    quit(1);
  });
  const untilInterrupted = (): Promise<void> => new Promise((resolve) => {
    interrupt = resolve;
  });
  try {
    await runDemo(createTeller(process.stdout, Date.now), venue, { isSmall: values.small === true, isKept, untilInterrupted });
  } catch (error) {
    // The first error is the one to report.
    await venue.remove(false).catch(() => undefined);
    throw error;
  }
  await venue.remove(values.keep === true);
}

function report(error: unknown): void {
  process.stderr.write(`\nThe demonstration failed. ${error instanceof Error ? error.message : String(error)}\n`);
}

main().then(() => process.exit(0), (error: unknown) => {
  report(error);
  process.exit(1);
});
