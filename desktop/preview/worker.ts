// The preview's worker thread, which owns the cache and the network, so serving the page never waits for either.
//
// It receives a channel with the request as JSON and replies with the outcome as JSON; it sends statuses and log entries
// unasked, and receives the network state that a page observes. If the desk cannot be opened, the next call tries again.

import { parentPort, workerData } from 'node:worker_threads';

import { AppError } from '../../shared/errors.ts';
import { toOutcome, type Channel, type Outcome } from '../../shared/window/ipc.ts';
import { answerCall, openDesk, type Desk, type DeskOptions } from '../desk.ts';
import { redactFacts, type Facts, type PlainFacts } from '../files/redact.ts';
import { systemDeskDeps } from '../system-deps.ts';

/** As a page observes it. */
export type NetworkState = 'online' | 'offline';
export type ToPreviewWorker =
  | { readonly id: number; readonly channel: Channel; readonly body: string }
  | NetworkState
  | 'close';
export type FromPreviewWorker =
  | { readonly id: number; readonly outcome: string }
  | { readonly status: string }
  | { readonly event: string; readonly facts: PlainFacts };

const port = parentPort;
if (!port) throw new Error('desktop/preview/worker.ts runs as a worker thread');
const send = (message: FromPreviewWorker): void => port.postMessage(message);

let opening: Promise<Desk> | null = null;
let network: NetworkState = 'online';

port.on('message', (message: ToPreviewWorker) => {
  if (message === 'close') void close();
  else if (typeof message === 'string') setNetwork(message);
  else void answer(message.channel, message.body)
    .then((outcome) => send({ id: message.id, outcome: JSON.stringify(outcome) }));
});

function setNetwork(state: NetworkState): void {
  network = state;
  void opening?.then((desk) => desk.handleSystemEvent(state));
}

async function answer(channel: Channel, body: string): Promise<Outcome<unknown>> {
  const ready = await toOutcome(async () => ({ desk: await open(), request: parse(body) }), logError);
  if (!ready.ok) return ready;
  return answerCall(ready.value.desk, channel, ready.value.request, logError);
}

function parse(body: string): unknown {
  if (body === '') return undefined;
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new AppError('invalid_request', 'The call is not valid JSON.', { cause });
  }
}

function open(): Promise<Desk> {
  const system = systemDeskDeps();
  opening ??= openDesk(workerData as DeskOptions, {
    ...system,
    hasNetwork: () => network === 'online' && system.hasNetwork(),
    log,
  }).then((desk) => {
    desk.onStatus((status) => send({ status: JSON.stringify(status) }));
    return desk;
  }, (error: unknown) => {
    opening = null;
    throw error;
  });
  return opening;
}

async function close(): Promise<void> {
  const desk = await opening?.catch(() => null);
  await desk?.close();
  port?.close();
}

function log(event: string, facts: Facts = {}): void {
  send({ event, facts: redactFacts(facts) });
}

function logError(error: unknown): void {
  log('call failed unexpectedly', { error });
}
