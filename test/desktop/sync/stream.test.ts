// A pull over one streamed answer: wherever it is cut, what has arrived stays and the next one goes on from there; and where
// streams do not get through, pages take their place.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { FeedSource, type FeedHost } from '../../../desktop/sync/feed-source.ts';
import { formatInstant, type Instant } from '../../../shared/clock.ts';
import { writeChangeLines, writeStart } from '../../../shared/feed-stream.ts';
import { alterText, cutAfter, faults, passThrough, type Call, type Fault } from '../../network.ts';
import { embedded } from '../../server/harness.ts';
import { openBooks, type Books } from '../../sync/books.ts';
import { openDesk, type Desk, type DeskOptions } from '../../sync/desk.ts';
import { assertExact } from '../../sync/exact.ts';
import { PAGE, phaseNames, preparePhase, type Phase } from '../../sync/phases.ts';
import { openSite, type Site } from '../../sync/site.ts';

const HOUR_MS = 3_600_000;

let site: Site;
before(async () => { site = await openSite(embedded); });
after(() => site.stop());

/** The ends of the lines of the stream that a desk would be sent. */
async function lineEnds(phase: Phase, t: TestContext): Promise<readonly number[]> {
  const desk = await phase.open(t);
  let text = '';
  desk.network.plan(({ page }) => page === null ? null : ({ forward }) => alterText(forward(), (sent) => text = sent));
  await desk.sync();
  return [...Buffer.from(text)].flatMap((byte, at) => byte === 0x0a ? [at + 1] : []);
}

for (const name of phaseNames) {
  describe(`a ${name} over a stream`, () => {
    let phase: Phase;
    before(async () => { phase = await preparePhase(name, site, 'stream'); });
    after(() => phase.remove());

    test('is one request', async (t) => {
      const desk = await phase.open(t);
      await desk.sync();
      // A rebuild follows the catch-up that finds another scope.
      assert.deepEqual(desk.network.pulls().map(({ limit }) => limit), name === 'rebuild' ? [null, null] : [null]);
      await phase.assertDone(desk);
    });

    test('that lets through one change at a time receives each of them once', async (t) => {
      const desk = await phase.open(t);
      const seen: (string | null)[] = [];
      desk.network.plan(({ page, since }) => page === null ? null : async (exchange) => {
        seen.push(since);
        await phase.assertUndisturbed(desk);
        const text = await (await passThrough(exchange)).clone().text();
        const [start, change] = text.split('\n').map((line) => Buffer.byteLength(line) + 1);
        return cutAfter((start ?? 0) + (change ?? 0) + 9, 'reset')(exchange);
      });
      for (let runs = 0; (await desk.host.pullFromServer()).outcome !== 'completed'; runs += 1) {
        // The end line alone never gets through.
        if (seen.at(-1) === seen.at(-2)) desk.network.plan(null);
        else if (runs % 3 === 0) await desk.reopen();
      }
      assert(new Set(seen).size >= 15, `${seen.length} requests`);
      await phase.assertDone(desk);
    });

    for (const how of ['reset', 'stall', 'end'] as const) {
      test(`that ends by "${how}" around the end of any line goes on from there`, async (t) => {
        const ends = await lineEnds(phase, t);
        const some = [ends[0] ?? 0, ends[PAGE] ?? 0, ends.at(-2) ?? 0];
        for (const at of some.flatMap((end) => [end - 1, end, end + 1])) {
          const desk = await phase.open(t);
          let isCut = false;
          desk.network.plan(({ page, since }) => {
            if (page === null || isCut || (name === 'rebuild' && since !== null)) return null;
            isCut = true;
            return cutAfter(at, how);
          });
          await desk.sync();
          await phase.assertDone(desk);
          const [cut, next] = desk.network.pulls().slice(name === 'rebuild' ? 1 : 0);
          assert.equal(desk.network.pulls().filter(({ limit }) => limit !== null).length, 0, 'no page was asked for');
          const arrived = ends.filter((end) => end <= at).length - 1;
          assert.equal(next?.since === cut?.since, arrived < 1, `cut at ${at}`);
        }
      });
    }

    test('can be cancelled in the middle, and goes on from there', async (t) => {
      const ends = await lineEnds(phase, t);
      const desk = await phase.open(t);
      const half = ends[2 * PAGE + 2] ?? 0;
      desk.network.plan(({ page, since }) =>
        page === null || (name === 'rebuild' && since !== null) ? null : cutAfter(half, 'silence'));
      const run = desk.host.pullFromServer();
      await desk.until(({ progress }) => (progress?.changes ?? 0) >= 2 * PAGE);
      await desk.host.cancelPull();
      assert.equal((await run).outcome, 'cancelled');
      await phase.assertUndisturbed(desk);
      desk.network.plan(null);
      await desk.sync();
      await phase.assertDone(desk);
    });
  });
}

describe('an answer to a pull', () => {
  let books: Books;
  before(async () => {
    books = await openBooks(site);
    await books.addPlans(12);
  });
  const open = (t: TestContext, options: Partial<DeskOptions> = {}): Promise<Desk> =>
    openDesk(t, { url: site.server.url, token: books.owner.token, ...options });
  const limits = (desk: Desk): readonly (number | null)[] => desk.network.pulls().map(({ limit }) => limit);
  const onStreams = (fault: Fault) => ({ page, limit }: Call): Fault | null => page !== null && limit === null ? fault : null;

  test('that is a page is followed by pages for an hour', async (t) => {
    const desk = await open(t, { hasStreams: false });
    await desk.sync();
    await desk.sync();
    desk.clock.monotonicMs += HOUR_MS - 1;
    await desk.sync();
    desk.clock.monotonicMs += 1;
    await desk.sync();
    assert.deepEqual(limits(desk), [null, 1000, 1000, 1000, null, 1000].map((limit) => limit && limits(desk)[1]));
    assert.equal(desk.logged.filter((line) => line.startsWith('pulling in pages')).length, 2);
    await assertExact(desk, books.owner.client);
  });

  for (const how of ['reset', 'stall', 'end'] as const) {
    test(`that ends twice by "${how}" before anything has arrived is followed by pages`, async (t) => {
      const desk = await open(t);
      desk.network.plan(onStreams(cutAfter(20, how)));
      await desk.sync();
      assert.deepEqual(limits(desk).map((limit) => limit !== null), [false, false, true]);
      await assertExact(desk, books.owner.client);
      desk.network.plan(null);
      await desk.sync();
      assert.notEqual(limits(desk)[0], null);
    });
  }

  test('that was kept somewhere until it was complete is followed by pages in the next run', async (t) => {
    const desk = await open(t, { pieceChanges: 5 });
    desk.network.plan(onStreams(async (exchange) => {
      const response = await passThrough(exchange);
      desk.clock.monotonicMs += 6000;
      return response;
    }));
    await desk.sync();
    await desk.sync();
    assert.deepEqual(limits(desk).map((limit) => limit !== null), [false, true]);
    await assertExact(desk, books.owner.client);
  });

  const bad: Readonly<Record<string, (text: string) => string>> = {
    'has no start': (text) => text.slice(text.indexOf('\n') + 1),
    'has a second start': (text) => text.replace(/^.*\n/, '$&$&'),
    'is out of order': (text) => text.replace(/^(.*\n)(.*\n)(.*\n)/, '$1$3$2'),
    'ends with another count': (text) => text.replace(/"count":(\d+),"scope"/, '"count":1$1,"scope"'),
    'goes on after its end': (text) => `${text}{}\n`,
    'has NUL bytes for lines': (text) => text.replace(/^(.*\n).*/, '$1\0\0\0\0'),
    'has lines in another form': (text) => text.replaceAll('"mongoId"', '"id"'),
    'is laid out as JSON in several lines': (text) => text.replaceAll(',"', ',\n"'),
  };
  for (const [what, alter] of Object.entries(bad)) {
    test(`that ${what} brings nothing, and pages take its place`, async (t) => {
      const desk = await open(t);
      desk.network.plan(onStreams(({ forward }) => alterText(forward(), alter)));
      await desk.sync();
      assert.deepEqual(limits(desk).map((limit) => limit !== null), [false, true]);
      assert.equal(desk.statuses.some(({ isOnline }, index) => !isOnline && desk.statuses[index - 1]?.isOnline), false);
      await assertExact(desk, books.owner.client);
    });
  }

  test('that becomes unreadable ends the run, and the next one goes on from what has arrived', async (t) => {
    const desk = await open(t, { pieceChanges: 5 });
    desk.network.plan(onStreams(({ forward }) => alterText(forward(), (text) => text.replace(/^((?:.*\n){8})/, '$1garbage\n'))));
    const { outcome, error } = await desk.host.pullFromServer();
    assert.deepEqual([outcome, error?.code], ['failed', 'bad_response']);
    const status = await desk.host.getStatus();
    assert.deepEqual([status.isOnline, status.partial], [true, 5]);
    desk.network.plan(null);
    await desk.sync();
    assert.deepEqual(limits(desk), [null]);
    await assertExact(desk, books.owner.client);
  });

  test('that brings a small catch-up brings it as one piece, which is not kept beside the tables first', async (t) => {
    const desk = await open(t);
    await desk.sync();
    await books.addPlans(20);
    desk.statuses.length = 0;
    await desk.sync();
    assert.deepEqual([...new Set(desk.statuses.flatMap(({ progress }) => progress?.changes ?? []))], [0, 20]);
    await assertExact(desk, books.owner.client);
  });

  const pausesAfter = { unavailable: 2000, tooManyRequests: 7000, internal: 250, badGateway: 250 } as const;
  for (const fault of Object.keys(pausesAfter) as (keyof typeof pausesAfter)[]) {
    test(`that is "${fault}" once is asked for again after a pause`, async (t) => {
      const desk = await open(t);
      desk.network.plan(({ page }) => page === 0 ? faults[fault] : null);
      await desk.sync();
      assert.deepEqual([limits(desk), desk.timers.pauses], [[null, null], [pausesAfter[fault]]]);
    });
  }

  test('that is a captive portal\'s page counts as no answer', async (t) => {
    const desk = await open(t);
    desk.network.plan(({ page }) => page === null ? null : async () =>
      new Response('<title>Hotel</title>', { headers: { 'content-type': 'text/html', 'x-request-id': 'another-one' } }));
    assert.equal((await desk.host.pullFromServer()).error?.code, 'bad_response');
  });
});

test('a stream is taken no further than the next piece, however much there is, and others have their turn between its chunks', async () => {
  const payload = Buffer.from(`{"text":"${'x'.repeat(1000)}"}`);
  const linesFrom = (first: number): Buffer => writeChangeLines(Array.from({ length: 100 }, (_, index) => ({
    collection: 'plans', id: '0123456789abcdef01234567', at: (first + index) as Instant, payload,
  })));
  let taken = 0;
  let takenAtTurn = 0;
  const host: FeedHost = {
    send: () => assert.fail('no page is asked for'),
    async stream(_request, onChunk) {
      await onChunk(writeStart({ total: 1_000_000, scope: 'me', nonce: 'n' }));
      for (; ; taken += 1) {
        await onChunk(linesFrom(1 + taken * 100));
        assert(taken - takenAtTurn <= 5, `${taken - takenAtTurn} ms were read without a turn for others`);
      }
    },
    origin: () => 'http://127.0.0.1',
    knownInstant: () => null,
    onRetry: () => assert.fail('nothing fails'),
  };
  const source = new FeedSource(host, {
    setTimer: () => () => undefined, random: () => 0, log: () => undefined, newId: () => 'n',
    // Reading a chunk takes a millisecond.
    monotonicMs: () => taken,
    async yieldToEventLoop() {
      await nextTurn();
      takenAtTurn = taken;
    },
  });
  const { signal } = new AbortController();
  let cursor: string | null = null;
  let received = 0;
  for (let piece = 0; piece < 100; piece += 1) {
    const { page, release } = await source.fetch(cursor, signal);
    received += page.changes.length;
    cursor = page.serverTime;
    for (let turn = 0; turn < 3; turn += 1) await nextTurn();
    assert(taken * 100 - received < 100, `${taken * 100} changes were taken when ${received} had been asked for`);
    release();
  }
  assert.equal(cursor, formatInstant(received as Instant));
});
