// A sync that is interrupted, at any page of any phase and in any way, leaves what was readable as it was, and goes on
// from where it came to.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { faults } from '../../sync/network.ts';
import { phaseNames, preparePhase, type Phase } from '../../sync/phases.ts';
import { openSite, type Site } from '../../sync/site.ts';
import { stores } from '../../server/harness.ts';
import type { SyncState } from '../../../shared/window/views.ts';

type FaultName = keyof typeof faults;

/** What may pass by itself and is tried again at once, and the state that people see where it does not. */
const passing: Readonly<Partial<Record<FaultName, SyncState>>> = {
  refused: 'unreachable', answerLost: 'unreachable', resetInBody: 'unreachable', stalled: 'unreachable', stalledInBody: 'unreachable',
  internal: 'error', unavailable: 'error', tooManyRequests: 'error', badGateway: 'error',
};
/** What no second try cures. */
const lasting: Readonly<Partial<Record<FaultName, SyncState>>> = {
  truncated: 'error', empty: 'error', garbage: 'error', captivePortal: 'error', upgradeRequired: 'update_required',
};
/** These strike at every page; the others, which the desktop takes in the same way, in the middle. */
const atEveryPage: readonly string[] = ['refused', 'resetInBody', 'truncated'] satisfies FaultName[];

function struckPages(fault: string, { pages }: Phase): readonly number[] {
  return atEveryPage.includes(fault) ? Array.from({ length: pages }, (_, page) => page) : [Math.floor(pages / 2)];
}

const [embedded] = stores;
assert(embedded);

for (const name of phaseNames) {
  describe(`a ${name}`, () => {
    let site: Site;
    let phase: Phase;
    before(async () => {
      site = await openSite(embedded);
      phase = await preparePhase(name, site);
      assert(phase.pages >= 4, `${phase.pages} pages`);
    });
    after(async () => {
      phase.remove();
      await site.stop();
    });

    for (const [fault, state] of Object.entries({ ...passing, ...lasting }) as [FaultName, SyncState][]) {
      test(`can recover from "${fault}" in the next run`, async (t) => {
        for (const bad of struckPages(fault, phase)) {
          const desk = await phase.open(t);
          const { lastSync } = await desk.host.getStatus();
          desk.network.plan(({ page }) => page !== null && page >= bad ? faults[fault] : null);
          const outcome = await desk.host.pullFromServer();
          assert.equal(outcome.outcome, 'failed');
          assert.equal(desk.network.pulls().length, bad + (fault in passing ? 4 : 1), 'tries');
          const status = await desk.host.getStatus();
          assert.deepEqual([status.state, status.lastSync?.timestamp], [state, lastSync?.timestamp]);
          await phase.assertUndisturbed(desk);
          const [attempt] = await desk.host.attempts();
          assert.deepEqual([attempt?.outcome, attempt?.code], ['failed', outcome.error?.code]);

          if (bad % 2 === 0) await desk.reopen();
          desk.network.plan(null);
          await desk.sync();
          await phase.assertDone(desk);
          assert.equal(desk.network.pulls().length, name === 'catch-up' ? phase.pages : phase.pages - bad, 'only what was missing');
        }
      });
    }

    for (const fault of Object.keys(passing) as FaultName[]) {
      test(`can recover from one "${fault}" within the run`, async (t) => {
        for (const bad of struckPages(fault, phase)) {
          const desk = await phase.open(t);
          desk.network.plan(({ page }) => page === bad ? faults[fault] : null);
          await desk.sync();
          assert.equal(desk.network.pulls().length, phase.pages + 1);
          const pause = { unavailable: 2000, tooManyRequests: 7000 }[fault as string] ?? 250;
          assert.deepEqual(desk.timers.pauses, [pause]);
          await phase.assertDone(desk);
        }
      });
    }

    test('can recover from a fault at the sign-in check', async (t) => {
      for (const fault of ['refused', 'stalledInBody', 'badGateway', 'captivePortal'] as const) {
        const desk = await phase.open(t);
        desk.network.plan(({ path }) => path === '/api/auth/me' ? faults[fault] : null);
        assert.equal((await desk.host.pullFromServer()).outcome, 'failed');
        assert.equal(desk.network.pulls().length, 0);
        await phase.assertUndisturbed(desk);
        desk.network.plan(null);
        await desk.sync();
        await phase.assertDone(desk);
      }
    });

    test('can be cancelled at any page, and goes on later', async (t) => {
      for (let bad = 0; bad < phase.pages; bad += 1) {
        const desk = await phase.open(t);
        desk.network.plan(({ page }) => page === bad ? faults.silent : null);
        const run = desk.host.pullFromServer();
        while (desk.network.pulls().length <= bad) await nextTurn();
        await desk.host.cancelPull();
        assert.equal((await run).outcome, 'cancelled');
        await phase.assertUndisturbed(desk);
        desk.network.plan(null);
        await desk.sync();
        await phase.assertDone(desk);
      }
    });
  });
}
