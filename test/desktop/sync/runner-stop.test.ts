// What stops a run or the maintenance after it: one stop at a time, no run in between, and no step more than was begun.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { isBuilt, readState } from '../../../desktop/cache/cache.ts';
import { SyncRunner } from '../../../desktop/sync/runner.ts';
import { AppError } from '../../../shared/errors.ts';
import { embedded } from '../../server/harness.ts';
import { openBooks, type Books } from '../../sync/books.ts';
import { editDatabase, openDesk, type Desk } from '../../sync/desk.ts';
import { assertExact } from '../../sync/exact.ts';
import { openSite, type Site } from '../../sync/site.ts';
import { createTimers } from '../../sync/timers.ts';

const DAY_MS = 86_400_000;

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

describe('two stops, one after the other', () => {
  /** A synced desk whose sign-out takes until `release`, because the check of its cache does not let go of the file. */
  async function openInCheck(t: TestContext): Promise<{ books: Books; desk: Desk; isStopping: Promise<void>; release: () => void }> {
    const books = await openBooks(site);
    const { promise: isStopping, resolve: enter } = Promise.withResolvers<void>();
    const { promise: isReleased, resolve: release } = Promise.withResolvers<void>();
    let isHeld = false;
    const checkCache = () => ({
      result: new Promise<never>(() => undefined),
      async stop() {
        if (!isHeld) return;
        enter();
        await isReleased;
      },
    });
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, deps: { checkCache } });
    await desk.sync();
    await desk.reopen();
    isHeld = true;
    desk.network.plan(null);
    return { books, desk, isStopping, release };
  }

  test('a sign-in during a sign-out takes its turn, and outlasts it', async (t) => {
    const { books, desk, isStopping, release } = await openInCheck(t);
    const other = await books.owner.hire('viewer');
    const signedOut = desk.host.signOut();
    await isStopping;
    const signedIn = desk.host.setAuthToken(other.token);
    await nextTurn();
    release();
    await Promise.all([signedOut, signedIn]);
    assert(desk.host.isSignedIn);
    const { user } = await desk.until(({ state }) => state === 'up_to_date');
    assert.equal(user?.id, other.userId);
    await assertExact(desk, other.client);
  });

  test('no run starts during a sign-out that had to wait for its turn', async (t) => {
    const { desk, isStopping, release } = await openInCheck(t);
    const cancelled = desk.host.cancelPull();
    const signedOut = desk.host.signOut();
    await Promise.all([cancelled, isStopping]);
    const run = desk.host.pullFromServer();
    release();
    await signedOut;
    assert.equal((await run).outcome, 'cancelled');
    assert.equal(desk.network.pulls().length, 0);
    assert.equal(existsSync(desk.file), false);
  });
});

test('a run that was to follow a cancelled one is not begun, and has its outcome', async () => {
  const timers = createTimers();
  let prepared = 0;
  // Waits for the server until it is cancelled.
  const prepare = (signal: AbortSignal): Promise<never> => new Promise((_resolve, reject) => {
    prepared += 1;
    signal.addEventListener('abort', () => reject(new AppError('cancelled', 'Cancelled.')));
  });
  const send = (): never => assert.fail('nothing is sent');
  const runner = new SyncRunner({
    prepare, send, stream: send, origin: () => site.server.url, cache: () => null,
    onCacheError: () => undefined, onEnd: () => undefined, onChange: () => undefined,
  }, {
    setTimer: timers.setTimer, random: () => 0.5, nowMs: () => 0, monotonicMs: () => 0, newId: randomUUID,
    yieldToEventLoop: () => nextTurn(), log: () => undefined,
  });
  const run = runner.run();
  const next = runner.runAfterCurrent();
  await nextTurn();
  await runner.cancel();
  assert.equal(await next, await run);
  assert.equal(prepared, 1);
});

describe('the daily check of the rows', () => {
  interface Held {
    readonly desk: Desk;
    readonly verifiedMs: () => Promise<number | null>;
    /** Holds the desk's work beside the network, from its next step on. */
    readonly hold: () => void;
    readonly isHeld: Promise<void>;
    readonly release: () => void;
  }

  async function openIdle(t: TestContext): Promise<Held> {
    const books = await openBooks(site);
    const { promise: isHeld, resolve: enter } = Promise.withResolvers<void>();
    const { promise: isReleased, resolve: release } = Promise.withResolvers<void>();
    let mustWait = false;
    const yieldToEventLoop = async (): Promise<void> => {
      await nextTurn();
      if (!mustWait) return;
      enter();
      await isReleased;
    };
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, deps: { yieldToEventLoop } });
    await desk.sync();
    // The check reads the indexes of words step by step.
    const { reader } = desk.host.data;
    while (!isBuilt(reader, readState(reader).generation)) await nextTurn();
    await desk.host.cancelPull();
    return {
      desk, isHeld, release,
      hold: () => { mustWait = true; },
      verifiedMs: async () => (await desk.host.data.health()).lastVerifiedMs,
    };
  }

  /** The same, with the check due and held at its first step. */
  async function openInCheck(t: TestContext): Promise<Held> {
    const held = await openIdle(t);
    const { desk } = held;
    desk.clock.ms += DAY_MS;
    desk.host.onStatus(({ state }) => {
      if (state === 'up_to_date') held.hold();
    });
    await desk.sync();
    await held.isHeld;
    return held;
  }

  test('is given up where it is cancelled', async (t) => {
    const { desk, verifiedMs, release } = await openInCheck(t);
    const before = await verifiedMs();
    const cancelled = desk.host.cancelPull();
    release();
    await cancelled;
    assert.equal(await verifiedMs(), before);
  });

  test('gives way to a pull, and is made up for after it', async (t) => {
    const { desk, verifiedMs, release } = await openInCheck(t);
    const before = await verifiedMs();
    const duringPull: (Promise<number | null>)[] = [];
    desk.network.plan(({ page }) => {
      if (page === 0) duringPull.push(verifiedMs());
      return null;
    });
    const run = desk.host.pullFromServer();
    release();
    assert.equal((await run).outcome, 'completed');
    assert.deepEqual(await Promise.all(duringPull), [before]);
    while (await verifiedMs() === before) await nextTurn();
    assert.equal(await verifiedMs(), desk.clock.ms);
  });

  test('that comes before a pull, as the rows are not proved, is given up where the pull is cancelled', async (t) => {
    const { desk, verifiedMs, hold, isHeld, release } = await openIdle(t);
    await desk.close();
    editDatabase(desk.file, (db) => db.exec('UPDATE state SET last_verified_ms = NULL'));
    await desk.open();
    hold();
    const run = desk.host.pullFromServer();
    await isHeld;
    const cancelled = desk.host.cancelPull();
    release();
    await cancelled;
    assert.equal((await run).outcome, 'cancelled');
    assert.equal(await verifiedMs(), null);
  });
});
