// A sync that is interrupted by any fault, at any page of any phase, leaves the readable data unchanged and resumes where
// it stopped.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { faults } from '../../network.ts';
import { phaseNames, preparePhase, type Phase } from '../../sync/phases.ts';
import { openSite, type Site } from '../../sync/site.ts';
import { embedded } from '../../server/harness.ts';
import type { SyncState } from '../../../shared/window/views.ts';

type FaultName = keyof typeof faults;

/** Transient faults, which are retried within the run, and the state that people see if they persist. */
const transient: Readonly<Partial<Record<FaultName, SyncState>>> = {
  refused: 'unreachable', answerLost: 'unreachable', resetInBody: 'unreachable', stalled: 'unreachable', stalledInBody: 'unreachable',
  internal: 'error', unavailable: 'error', tooManyRequests: 'error', badGateway: 'error',
};
/** Faults that are not retried. */
const permanent: Readonly<Partial<Record<FaultName, SyncState>>> = {
  truncated: 'error', empty: 'error', garbage: 'error', captivePortal: 'error', upgradeRequired: 'update_required',
};
/** Injected at every page; the others, which the desktop handles alike, only in the middle. */
const atEveryPage: readonly string[] = ['resetInBody', 'truncated'] satisfies FaultName[];

function faultyPages(fault: string, { pages }: Phase): readonly number[] {
  return atEveryPage.includes(fault) ? Array.from({ length: pages }, (_, page) => page) : [Math.floor(pages / 2)];
}

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

    for (const [fault, state] of Object.entries({ ...transient, ...permanent }) as [FaultName, SyncState][]) {
      test(`can recover from "${fault}" in the next run`, async (t) => {
        for (const faultyPage of faultyPages(fault, phase)) {
          const desk = await phase.open(t);
          const { lastSync } = await desk.host.getStatus();
          desk.network.plan(({ page }) => page !== null && page >= faultyPage ? faults[fault] : null);
          const outcome = await desk.host.pullFromServer();
          assert.equal(outcome.outcome, 'failed');
          assert.equal(desk.network.pulls().length, faultyPage + (fault in transient ? 4 : 1), 'attempts');
          const status = await desk.host.getStatus();
          assert.deepEqual([status.state, status.lastSync?.timestamp], [state, lastSync?.timestamp]);
          await phase.assertUndisturbed(desk);
          const [attempt] = await desk.host.data.attempts();
          assert.deepEqual([attempt?.outcome, attempt?.code], ['failed', outcome.error?.code]);

          if (faultyPage % 2 === 0) await desk.reopen();
          desk.network.plan(null);
          await desk.sync();
          await phase.assertDone(desk);
          assert.equal(desk.network.pulls().length, phase.pages - faultyPage, 'only the missing pages');
        }
      });
    }

    for (const fault of Object.keys(transient) as FaultName[]) {
      test(`can recover from one "${fault}" within the run`, async (t) => {
        for (const faultyPage of faultyPages(fault, phase)) {
          const desk = await phase.open(t);
          desk.network.plan(({ page }) => page === faultyPage ? faults[fault] : null);
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

    test('can be cancelled at any page and resumed later', async (t) => {
      for (let cancelledPage = 0; cancelledPage < phase.pages; cancelledPage += 1) {
        const desk = await phase.open(t);
        desk.network.plan(({ page }) => page === cancelledPage ? faults.silent : null);
        const run = desk.host.pullFromServer();
        while (desk.network.pulls().length <= cancelledPage) await nextTurn();
        await desk.host.cancelPull();
        assert.equal((await run).outcome, 'cancelled');
        await phase.assertUndisturbed(desk);
        desk.network.plan(null);
        await desk.sync();
        assert.equal(desk.network.pulls().length, phase.pages - cancelledPage, 'only the missing pages');
        await phase.assertDone(desk);
      }
    });

    test('over a line that lets one page through at a time receives each page once', async (t) => {
      const desk = await phase.open(t);
      let received = 0;
      for (let isDone = false; !isDone;) {
        desk.network.plan(({ page }) => page === null || page === 0 ? null : faults.upgradeRequired);
        isDone = (await desk.host.pullFromServer()).outcome === 'completed';
        received += 1;
        assert(received <= phase.pages, `${received} runs`);
        if (received % 2 === 0) await desk.reopen();
      }
      assert.equal(received, phase.pages);
      await phase.assertDone(desk);
    });
  });
}
