// A slice of the fault laboratory for every run of the tests, each time with seeds that nobody has tried. `npm run test:faults`
// runs all of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { freshSeed, runScenario, seedsFrom } from './lab.ts';
import { scenarios } from './scenarios.ts';

/** How often each is tried here: together less than 40 seconds of CPU. */
const tries: Readonly<Record<string, number>> = {
  'embedded-mix': 8, 'mongodb-mix': 2, 'embedded-clocks': 3, 'desktop-kill': 2, 'cache-damage': 3, 'embedded-reset': 1,
};

for (const scenario of scenarios) {
  const count = tries[scenario.name];
  if (count === undefined) continue;
  test(`everything is right again after ${scenario.about}`, { skip: scenario.skip ?? false }, async (t) => {
    const first = freshSeed();
    t.diagnostic(`--only ${scenario.name} --seed ${first} --count ${count}`);
    const failures: string[] = [];
    await runScenario(scenario, seedsFrom(first, count), (text) => void failures.push(text));
    assert.deepEqual(failures, []);
  });
}
