// Failures that nobody decided, over the real server and real files: whatever failed for a while is right within 30 seconds
// of healing, without Refresh. Nudges never arrive here, and the time between tries is simulated.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { createTriggers } from '../../../desktop/sync/triggers.ts';
import type { ErrorCode } from '../../../shared/errors.ts';
import { openSmallDisk } from '../../disk.ts';
import { alterText, faults, type Fault, type Plan } from '../../network.ts';
import { embedded } from '../../server/harness.ts';
import { plan } from '../../server/samples.ts';
import { openBooks, type Books } from '../../sync/books.ts';
import { openDesk, type Desk } from '../../sync/desk.ts';
import { assertExact } from '../../sync/exact.ts';
import { openSite, type Site } from '../../sync/site.ts';
import { Machine } from './machine.ts';

let site: Site;
let books: Books;
before(async () => {
  site = await openSite(embedded);
  books = await openBooks(site);
  await books.addPlans(5);
});
after(() => site.stop());

interface Unattended {
  readonly desk: Desk;
  /** Lets seconds pass, each with everything that happens in it. */
  pass(seconds: number, isOver?: () => Promise<boolean>): Promise<void>;
}

/** Syncs a desk automatically. The plan decides about every request but the stream of nudges, which never begins. */
async function leaveAlone(t: TestContext, desk: Desk, isFailing: Plan): Promise<Unattended> {
  const machine = new Machine();
  desk.network.plan((call) => (call.path === '/api/sync/events' ? faults.silent : isFailing(call)));
  const triggers = createTriggers(desk.host, {
    nowMs: () => machine.wallMs, monotonicMs: () => machine.monotonicMs, setTimer: machine.setTimer, random: () => 0.999,
    log: () => undefined,
  }, 5);
  t.after(() => triggers.close());
  // The triggers have a timer unless something is going on.
  const settle = async (): Promise<void> => {
    while (machine.pending === 0) {
      assert(desk.host.isSignedIn);
      await nextTurn();
    }
  };
  await settle();
  return {
    desk,
    async pass(seconds, isOver = async () => false) {
      for (let second = 0; second < seconds && !await isOver(); second += 1) {
        await machine.pass(1000);
        await settle();
      }
    },
  };
}

async function assertRightWithin30Seconds({ desk, pass }: Unattended): Promise<void> {
  const { id } = await books.create('plans', plan());
  await pass(30, async () => (await desk.host.getStatus()).state === 'up_to_date' && desk.rows().has(`plans ${id}`));
  assert.deepEqual([(await desk.host.getStatus()).state, (await desk.host.getStatus()).error], ['up_to_date', null]);
  await assertExact(desk, books.owner.client);
}

/** An answer with one byte that is not UTF-8. */
const notUtf8: Fault = async ({ forward }) => {
  const response = await forward();
  const bytes = Buffer.from(await response.arrayBuffer());
  bytes[bytes.indexOf('Hosting')] = 0xff;
  return new Response(bytes, { status: response.status, headers: { 'content-type': 'application/json' } });
};

const pulls = (fault: Fault): Plan => ({ path }) => (path === '/api/sync/pull' ? fault : null);
const failures: readonly (readonly [title: string, isFailing: Plan, seconds: number, code: ErrorCode])[] = [
  ['pages that end too early in good form', pulls(faults.truncated), 10, 'bad_response'],
  ['pages that are other JSON', pulls(({ forward }) => alterText(forward(), () => '{"status":"UP"}')), 10, 'bad_response'],
  ['pages that are a success without a page', pulls(({ forward }) => alterText(forward(), () => '{"success":true}')), 10, 'bad_response'],
  ['pages that are not UTF-8', pulls(notUtf8), 10, 'bad_response'],
  ['HTML about whose token it is', ({ path }) => (path === '/api/auth/me' ? faults.captivePortal : null), 10, 'bad_response'],
  ['500 for 10 seconds', () => faults.internal, 10, 'internal'],
  ['429 for 20 seconds', () => faults.tooManyRequests, 20, 'too_many_requests'],
  ['503 for 20 seconds', () => faults.unavailable, 20, 'unavailable'],
  ['a proxy that fails for 20 seconds', () => faults.badGateway, 20, 'unavailable'],
  ['connections cut in the answer for 20 seconds', pulls(faults.resetInBody), 20, 'offline'],
  ['cursors that have ended, again and again', pulls(faults.cursorEnded), 10, 'resync_required'],
  ['500 for ten minutes', () => faults.internal, 620, 'internal'],
  ['pages that are other JSON for ten minutes', pulls(({ forward }) => alterText(forward(), () => '{"status":"UP"}')), 620, 'bad_response'],
  ['a network that is away for ten minutes', () => faults.refused, 620, 'offline'],
];

for (const when of ['the first sync', 'a later sync'] as const) {
  describe(`nobody needs to help ${when} after`, () => {
    for (const [title, isFailing, seconds, code] of failures) {
      test(title, async (t) => {
        let isSick = true;
        const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
        if (when === 'a later sync') {
          await desk.sync();
          await desk.reopen();
          await books.create('plans', plan());
        }
        const unattended = await leaveAlone(t, desk, (call) => (isSick ? isFailing(call) : null));
        await unattended.pass(seconds);
        assert.equal((await desk.host.getStatus()).error?.code, code);
        isSick = false;
        await assertRightWithin30Seconds(unattended);
      });
    }
  });
}

test('nobody needs to help after HTML instead of one answer', async (t) => {
  let isFirst = true;
  const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
  await assertRightWithin30Seconds(await leaveAlone(t, desk, ({ path }) => {
    const isHit = isFirst && path === '/api/auth/me';
    if (isHit) isFirst = false;
    return isHit ? faults.captivePortal : null;
  }));
  assert.equal(isFirst, false);
});

for (const [title, isFull] of [
  ['a disk that is read-only for 5 seconds at the start', false], ['a disk that is full for a minute', true],
] as const) {
  test(`nobody needs to help after ${title}`, async (t) => {
    const disk = openSmallDisk(t, 8);
    if (!disk) return;
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, folder: disk.folder });
    await desk.sync();
    await desk.close();
    if (!isFull) disk.setReadOnly(true);
    await desk.open();
    if (isFull) disk.fill();
    await books.addPlans(20);
    const unattended = await leaveAlone(t, desk, () => null);
    await unattended.pass(isFull ? 60 : 5);
    assert.notEqual((await desk.host.getStatus()).error, null);
    if (isFull) disk.free();
    else disk.setReadOnly(false);
    await assertRightWithin30Seconds(unattended);
  });
}
