// The entry of the process that owns the database and the network: a desk, whose requests go through Electron's `net`, so
// that the system's proxy and certificates count, and whose token rests with the main process.
//
// What always holds: every call is answered; one that comes before the desk is open waits for it; where the desk cannot be
// opened at all the process ends, and who started it starts another.

import { net } from 'electron';

import { keepHeapSmall } from '../../shared/heap.ts';
import { fromOutcome, type Outcome } from '../../shared/window/ipc.ts';
import { answerCall, openDesk, type Desk, type DeskOptions } from '../desk.ts';
import { redactFacts, type Facts } from '../files/redact.ts';
import { systemDeskDeps } from '../system-deps.ts';
import type { StoredToken, TokenVault } from '../session/token-vault.ts';
import type { FromWorker, ToWorker, VaultQuestion } from './worker-messages.ts';

keepHeapSmall();
const port = process.parentPort;
const questions = new Map<number, (outcome: Outcome<StoredToken | null>) => void>();
let asked = 0;
let opening: Promise<Desk> | null = null;

port.on('message', ({ data }: { data: ToWorker }) => {
  switch (data.kind) {
    case 'open':
      opening = open(data.options);
      break;
    case 'call':
      void answer(data.channel, data.request).then((outcome) => send({ kind: 'answer', id: data.id, outcome }));
      break;
    case 'notice':
      void opening?.then((desk) => desk.handleSystemEvent(data.event));
      break;
    case 'vault':
      questions.get(data.id)?.(data.outcome);
      questions.delete(data.id);
      break;
    case 'close':
      void close();
      break;
  }
});

/** Rejects, and so ends the process, where there can be no desk. */
async function open(options: DeskOptions): Promise<Desk> {
  const desk = await openDesk(options, {
    ...systemDeskDeps(),
    fetch: (input, init) => net.fetch(input instanceof URL ? input.href : input, init),
    hasNetwork: () => net.isOnline(),
    vault,
    log,
  });
  desk.onStatus((status) => send({ kind: 'status', status }));
  send({ kind: 'status', status: await desk.handlers['sync.getStatus'](undefined) });
  return desk;
}

async function answer(channel: string, request: unknown): Promise<Outcome<unknown>> {
  if (!opening) throw new Error('a call came before the options');
  return answerCall(await opening, channel, request, (error) => log('a call failed unexpectedly', { channel, error }));
}

async function close(): Promise<void> {
  await (await opening)?.close();
  process.exit(0);
}

/** The vault of the main process. */
const vault: TokenVault = {
  load: () => ask({ ask: 'load' }),
  save: async (kept) => void await ask({ ask: 'save', kept }),
  clear: async () => void await ask({ ask: 'clear' }),
};

async function ask(question: VaultQuestion): Promise<StoredToken | null> {
  const { promise, resolve } = Promise.withResolvers<Outcome<StoredToken | null>>();
  asked += 1;
  questions.set(asked, resolve);
  send({ kind: 'vault', id: asked, question });
  return fromOutcome(await promise);
}

function send(message: FromWorker): void {
  port.postMessage(message);
}

function log(event: string, facts: Facts = {}): void {
  send({ kind: 'log', event, facts: redactFacts(facts) });
}
