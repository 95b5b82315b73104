// Servers that are killed, stopped or cut off from their database's primary, while people write and desktops sync.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

import { findMongod, startReplicaSet, testDatabaseName, type ReplicaSet } from '../mongod.ts';
import { embedded, prepare } from '../server/harness.ts';
import type { Scenario, Try } from './lab.ts';
import { openScene } from './scene.ts';

const { found: mongod, missing } = findMongod();
/** Of the server in each try. */
const KILLS = 5;

async function killServer(attempt: Try): Promise<void> {
  const { random } = attempt;
  const { env, remove } = await prepare(embedded ?? assert.fail());
  attempt.after(remove);
  const scene = await openScene(attempt, { env });
  await scene.writeWhile(random.integer(20, 150), async () => {
    for (let kills = 0; kills < KILLS; kills += 1) {
      await pause(random.integer(50, 700));
      await scene.servers[0]?.end('SIGKILL');
      attempt.count('kills');
      await pause(random.pick([0, 0, 300]));
      await scene.startServer(0);
    }
  });
  await scene.settle();
}

export const serverKills: Scenario = {
  name: 'embedded-server-kill',
  about: '`kill -9` of the server during writes, with two desktops',
  tries: 10,
  timeoutMs: 180_000,
  open: async () => ({ run: killServer, close: async () => undefined }),
};

async function stopProcess(attempt: Try): Promise<void> {
  const { random } = attempt;
  const { env, remove } = await prepare(embedded ?? assert.fail());
  attempt.after(remove);
  const scene = await openScene(attempt, { env });
  const [isServer, seconds] = [random.chance(0.5), random.integer(1, 30)];
  await scene.writeWhile(10, async () => {
    await pause(random.integer(0, 1500));
    const { child } = (isServer ? scene.servers[0] : scene.desktops[0]) ?? assert.fail();
    child.kill('SIGSTOP');
    await pause(seconds * 1000);
    child.kill('SIGCONT');
    attempt.count(`stops of ${isServer ? 'the server' : 'a desktop'}`);
    attempt.count('s stopped', seconds);
  });
  await scene.settle();
}

export const stops: Scenario = {
  name: 'process-stop',
  about: '`SIGSTOP` of the server or a desktop for 1 to 30 s',
  tries: 20,
  timeoutMs: 180_000,
  open: async () => ({ run: stopProcess, close: async () => undefined }),
};

/** Three step-downs and a kill of the primary, in random order, under 50 writes/s over two server processes. */
async function loseElections(attempt: Try, set: ReplicaSet): Promise<void> {
  const { random } = attempt;
  const { env, remove } = await prepare(embedded ?? assert.fail());
  attempt.after(remove);
  const scene = await openScene(attempt, { env: { ...env, MONGODB_URL: set.url, MONGODB_DB: testDatabaseName() }, servers: 2 });
  const killAt = random.integer(0, 3);
  await scene.writeWhile(50, async () => {
    for (let event = 0; event < 4; event += 1) {
      await pause(random.integer(200, 2000));
      if (event === killAt) {
        const primary = await set.primary();
        await primary.restart(() => set.primary());
        attempt.count('kills of the primary');
      } else {
        await set.stepDown();
        attempt.count('step-downs');
      }
    }
    await pause(500);
  });
  await scene.settle();
}

export const elections: Scenario = {
  name: 'mongodb-elections',
  about: 'step-downs and kills of the primary in a three-member set, under 50 writes/s over two server processes',
  tries: 10,
  timeoutMs: 240_000,
  skip: missing ?? false,
  async open() {
    const set = await startReplicaSet(mongod ?? assert.fail(), 3);
    return { run: (attempt) => loseElections(attempt, set), close: () => set.stop() };
  },
};
