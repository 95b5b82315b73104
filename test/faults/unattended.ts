// A desktop that nobody helps: from the end of the faults on only its own triggers bring its cache up to date, on a simulated
// clock. Until then, and meanwhile, nothing that was readable may become unreadable.

import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { createTriggers } from '../../desktop/sync/triggers.ts';
import type { RebuildReason } from '../../shared/window/views.ts';
import { Machine } from '../desktop/sync/machine.ts';
import { faults } from '../network.ts';
import type { Desk } from '../sync/desk.ts';
import type { Try } from './lab.ts';

/** Everything must be right again after this time on the desktop's own clock. */
const RECOVERY_S = 30;

/**
 * Leaves an open desk to its triggers until it is up to date and `isRight`, at most 30 seconds of its own clock; then nothing may be
 * left to mend. `check` sees the rows at each of its pulls. Returns why the cache was rebuilt, each time.
 */
export async function recoverAlone(
  attempt: Pick<Try, 'recovered'>, desk: Desk, isRight: (rows: ReturnType<Desk['rows']>) => boolean | Promise<boolean>,
  check?: (rows: ReturnType<Desk['rows']>) => void,
): Promise<readonly RebuildReason[]> {
  const machine = new Machine();
  let broken: unknown = null;
  desk.network.plan((call) => {
    try {
      if (call.path === '/api/sync/pull') check?.(desk.rows());
    } catch (error) {
      broken ??= error;
    }
    return call.path === '/api/sync/events' ? faults.silent : null;
  });
  const rebuilds: RebuildReason[] = [];
  const stopCounting = desk.host.onStatus(() => {
    const rebuilt = desk.host.lastOutcome?.rebuilt ?? null;
    if (desk.host.lastOutcome !== last && rebuilt !== null) rebuilds.push(rebuilt);
    last = desk.host.lastOutcome;
  });
  let last = desk.host.lastOutcome;
  const { wallMs } = machine;
  const triggers = createTriggers(desk.host, {
    nowMs: () => machine.wallMs, monotonicMs: () => machine.monotonicMs, setTimer: machine.setTimer, random: () => 0.5,
    log: () => undefined,
  }, 5);
  const settle = async (): Promise<void> => {
    while (machine.pending === 0) {
      assert(desk.host.isSignedIn, 'nothing may have ended the session');
      await nextTurn();
    }
    await desk.idle();
  };
  const isOver = async (): Promise<boolean> => {
    if ((await desk.host.getStatus()).state !== 'up_to_date') return false;
    return isRight(desk.rows());
  };
  try {
    await settle();
    for (let second = 0; second < RECOVERY_S && !await isOver(); second += 1) {
      await machine.pass(1000);
      await settle();
    }
    const { state, error } = await desk.host.getStatus();
    assert.deepEqual([state, error], ['up_to_date', null]);
    assert(await isRight(desk.rows()), 'the rows are not right');
    if (broken !== null) throw broken;
    attempt.recovered(machine.wallMs - wallMs);
  } finally {
    triggers.close();
    stopCounting();
  }
  assert.equal((await desk.sync()).rebuilt, null, 'another rebuild: a loop');
  assert.deepEqual(desk.contradictions, []);
  return rebuilds;
}
