// Turns: who waits is served in turn, and a flood displaces itself.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createTurns, type Lane } from '../../server/turns.ts';

/** Turns of which only the test ends one. `order` lists who has had a turn, `refused` who was refused. */
function turnsOf(maxRunning: number, maxWaiting: number) {
  const run = createTurns({ maxRunning, maxWaiting, refusal: () => new Error('too many') });
  const order: string[] = [];
  const refused: string[] = [];
  const ends: (() => void)[] = [];
  const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
  return {
    order,
    refused,
    ask(name: string, lane: Lane): void {
      run(lane, () => new Promise<void>((resolve) => {
        order.push(name);
        ends.push(resolve);
      })).catch(() => refused.push(name));
    },
    async finishAll(): Promise<void> {
      await settle();
      for (let end = ends.shift(); end; end = ends.shift()) {
        end();
        await settle();
      }
    },
    settle,
  };
}

describe('turns', () => {
  test('go round the clients, and round what each client is after', async () => {
    const { ask, order, finishAll } = turnsOf(1, 100);
    ask('running', ['z', '']);
    for (const name of ['a1', 'a2', 'a3', 'a4']) ask(name, ['a', 'x']);
    ask('a5', ['a', 'y']);
    for (const name of ['b1', 'b2']) ask(name, ['b', 'x']);
    await finishAll();
    assert.deepEqual(order, ['running', 'a1', 'b1', 'a5', 'b2', 'a2', 'a3', 'a4']);
  });

  test('are soon had by whoever comes while a flood waits', async () => {
    const { ask, order, refused, finishAll } = turnsOf(2, 50);
    for (let index = 0; index < 60; index += 1) ask(`flood ${index}`, ['flood', 'x']);
    ask('owner', ['office', 'owner']);
    ask('colleague', ['flood', 'colleague']);
    await finishAll();
    assert(order.indexOf('owner') <= 3 && order.indexOf('colleague') <= 5, order.slice(0, 8).join());
    assert.equal(refused.length, 10);
    assert(refused.every((name) => name.startsWith('flood')));
  });

  test('refuse the newest of whoever has most waiting', async () => {
    const { ask, order, refused, finishAll } = turnsOf(1, 3);
    ask('running', ['z', '']);
    for (const name of ['a1', 'a2', 'a3']) ask(name, ['a', 'x']);
    ask('b1', ['b', 'x']);
    ask('c1', ['c', 'x']);
    ask('d1', ['d', 'x']);
    await finishAll();
    assert.deepEqual(refused, ['a3', 'a2', 'd1']);
    assert.deepEqual(order, ['running', 'a1', 'b1', 'c1']);
  });

  test('are passed on by a task that fails, and leave no trace of who waited', async () => {
    const run = createTurns({ maxRunning: 2, maxWaiting: 1, refusal: () => new Error('too many') });
    for (let round = 0; round < 10; round += 1) {
      const outcomes = await Promise.allSettled([1, 2, 3].map((index) => run(['a', String(index)], async () => {
        throw new Error(`task ${index}`);
      })));
      const reasons = outcomes.map((outcome) => outcome.status === 'rejected' && String(outcome.reason));
      assert.deepEqual(reasons, ['Error: task 1', 'Error: task 2', 'Error: task 3']);
    }
    assert.equal(await run(['a', 'x'], async () => 5), 5);
  });
});
