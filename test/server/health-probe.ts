// The thread of `probeHealth`: asks for health, on a connection that is kept and on a new one in turn, until it gets a message;
// then reports how long the answers took. It fails at anything but an answer.

import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

import { exchange } from '../client.ts';

const PAUSE_MS = 50;

const url = String(workerData);
const agent = new Agent({ keepAlive: true });
let isOver = false;
parentPort?.once('message', () => { isOver = true; });
const timesMs: number[] = [];
while (!isOver) {
  const startedMs = performance.now();
  const address = timesMs.length % 2 === 0 ? { url, agent } : { url };
  const { status, text } = await exchange(address, 'GET', '/api/health', {});
  if (status !== 200) throw new Error(`${status}: ${text}`);
  timesMs.push(performance.now() - startedMs);
  await sleep(PAUSE_MS);
}
agent.destroy();
parentPort?.postMessage(timesMs.sort((a, b) => a - b));
