// Turns: who waits is served in turn, and a flood displaces itself.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ClientGone } from '../../server/http.ts';
import { createTurns, type Lane, type Waiter } from '../../server/turns.ts';

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
    ask(name: string, lane: Lane, waiter: Waiter = {}): void {
      run(lane, () => new Promise<void>((resolve) => {
        order.push(name);
        ends.push(resolve);
      }), waiter).catch((error: unknown) => refused.push(error instanceof ClientGone ? `${name} gone` : name));
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
    await finishAll();
    assert.deepEqual(refused, ['a3', 'a2']);
    assert.deepEqual(order, ['running', 'a1', 'b1', 'c1']);
  });

  test('are not kept by those who came first if everybody has one waiting', async () => {
    const { ask, order, refused, finishAll } = turnsOf(1, 3);
    ask('running', ['z', '']);
    for (let index = 0; index < 43; index += 1) ask(String(index), [`client ${index}`, 'x']);
    await finishAll();
    assert.equal(refused.length, 40);
    assert.notDeepEqual(order, ['running', '0', '1', '2']);
  });

  test('are had by those who are known, every other time, however many strangers wait', async () => {
    const { ask, order, refused, finishAll } = turnsOf(1, 50);
    ask('running', ['z', '']);
    for (let index = 0; index < 80; index += 1) ask('stranger', [`stranger ${index}`, 'x']);
    for (const name of ['a1', 'a2']) ask(name, ['a', 'session'], { isKnown: true });
    ask('b1', ['b', 'session'], { isKnown: true });
    for (let index = 0; index < 80; index += 1) ask('stranger', [`another ${index}`, 'x']);
    await finishAll();
    assert.deepEqual(order.slice(0, 7), ['running', 'a1', 'stranger', 'b1', 'stranger', 'a2', 'stranger']);
    assert.equal(order.length, 1 + 3 + 50);
    assert(refused.every((name) => name === 'stranger'));
  });

  test('are waited for by as many of a lane as may', async () => {
    const { ask, order, refused, finishAll } = turnsOf(1, 50);
    ask('running', ['z', '']);
    for (const name of ['a1', 'a2', 'a3', 'a4']) ask(name, ['a', 'session'], { isKnown: true, most: 2 });
    await finishAll();
    assert.deepEqual([order, refused], [['running', 'a1', 'a2'], ['a3', 'a4']]);
  });

  test('are not taken by those who have gone, who give up their places first', async () => {
    const { ask, order, refused, finishAll } = turnsOf(1, 3);
    const gone = new Set<string>();
    const askUntilGone = (name: string): void => ask(name, [name, 'x'], { isGone: () => gone.has(name) });
    ask('running', ['z', '']);
    for (const name of ['a', 'b', 'c']) askUntilGone(name);
    gone.add('b');
    askUntilGone('d');
    gone.add('a');
    await finishAll();
    assert.deepEqual(refused, ['b gone', 'a gone']);
    assert.deepEqual(order, ['running', 'c', 'd']);
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
