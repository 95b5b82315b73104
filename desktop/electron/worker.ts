// The entry of the data process, which owns the cache and the network: runs a desk whose requests go through
// Electron's `net`, so the system's proxy and certificates apply, and whose token is stored by the main process.
//
// Invariants: every call is answered; one that arrives before the desk is open waits for it; if the desk cannot be opened
// the process exits, and the main process starts another. Both ends come from the same build, so messages are not
// validated; requests from the window travel as `unknown` and the desk parses them. Messages survive structured cloning.
//
// Electron lets an unhandled rejection end nothing, so whatever must end the process calls `exit`. The last messages before
// that may never arrive, so why it ends goes into the log file directly.

import { join } from 'node:path';

import { net } from 'electron';

import { keepHeapSmall } from '../../shared/heap.ts';
import { fromOutcome, toOutcome, type DeskCalls, type FileCalls, type Outcome } from '../../shared/window/ipc.ts';
import type { Status } from '../../shared/window/views.ts';
import { answerCall, openDesk, type Desk, type DeskOptions, type SystemEvent } from '../desk.ts';
import { openLog, type Log } from '../files/log.ts';
import { redactFacts, type Facts, type PlainFacts } from '../files/redact.ts';
import type { StoredToken, TokenVault } from '../session/token-vault.ts';
import { systemDeskDeps } from '../system-deps.ts';
import { createFetch } from './fetch.ts';

export type DeskChannel = keyof DeskCalls | keyof FileCalls;

export type ToWorker =
  /** The first message. */
  | { readonly kind: 'open'; readonly options: DeskOptions }
  | { readonly kind: 'call'; readonly id: number; readonly channel: DeskChannel; readonly request: unknown }
  | { readonly kind: 'systemEvent'; readonly event: SystemEvent }
  /** The result of the worker's vault request with this id. */
  | { readonly kind: 'vault'; readonly id: number; readonly outcome: Outcome<StoredToken | null> }
  /** The last message: the worker exits once everything is closed. */
  | { readonly kind: 'close' };

export type FromWorker =
  | { readonly kind: 'answer'; readonly id: number; readonly outcome: Outcome<unknown> }
  | { readonly kind: 'status'; readonly status: Status }
  | { readonly kind: 'log'; readonly event: string; readonly facts: PlainFacts }
  | { readonly kind: 'vault'; readonly id: number; readonly request: VaultRequest };

export type VaultRequest =
  | { readonly operation: 'load' }
  | { readonly operation: 'save'; readonly stored: StoredToken }
  | { readonly operation: 'clear' };

keepHeapSmall();
const system = systemDeskDeps();
const port = process.parentPort;
const pendingVaultRequests = new Map<number, (outcome: Outcome<StoredToken | null>) => void>();
let lastVaultRequestId = 0;
let opening: Promise<Desk> | null = null;
/** Writes synchronously, into the file that the main process writes the log to. */
let lastWords: Log = () => undefined;

process.on('uncaughtExceptionMonitor', (error) => lastWords('data process failed', { error }));
process.on('unhandledRejection', (error) => log('unhandled rejection', { error }));

port.on('message', ({ data }: { data: ToWorker }) => {
  switch (data.kind) {
    case 'open':
      lastWords = openLog({ folder: join(data.options.dataFolder, 'logs') }, system.nowMs);
      opening = open(data.options);
      opening.catch((error: unknown) => {
        lastWords('data process cannot open the data', { error });
        process.exit(1);
      });
      break;
    case 'call':
      void answer(data.channel, data.request).then((outcome) => send({ kind: 'answer', id: data.id, outcome }));
      break;
    case 'systemEvent':
      void opening?.then((desk) => desk.handleSystemEvent(data.event));
      break;
    case 'vault':
      pendingVaultRequests.get(data.id)?.(data.outcome);
      pendingVaultRequests.delete(data.id);
      break;
    case 'close':
      void close();
      break;
  }
});

async function open(options: DeskOptions): Promise<Desk> {
  const desk = await openDesk(options, {
    ...system,
    fetch: createFetch(net.request),
    hasNetwork: () => net.isOnline(),
    vault,
    log,
  });
  desk.onStatus((status) => send({ kind: 'status', status }));
  send({ kind: 'status', status: await desk.handlers['sync.getStatus'](undefined) });
  return desk;
}

async function answer(channel: string, request: unknown): Promise<Outcome<unknown>> {
  const logError = (error: unknown): void => log('call failed unexpectedly', { channel, error });
  const desk = await toOutcome(async () => {
    if (!opening) throw new Error('a call arrived before the options');
    return opening;
  }, logError);
  return desk.ok ? answerCall(desk.value, channel, request, logError) : desk;
}

async function close(): Promise<void> {
  try {
    await (await opening)?.close();
  } catch (error) {
    lastWords('data process cannot close the data', { error });
  }
  process.exit(0);
}

/** The main process's vault. */
const vault: TokenVault = {
  load: () => requestVault({ operation: 'load' }),
  save: async (stored) => void await requestVault({ operation: 'save', stored }),
  clear: async () => void await requestVault({ operation: 'clear' }),
};

async function requestVault(request: VaultRequest): Promise<StoredToken | null> {
  const { promise, resolve } = Promise.withResolvers<Outcome<StoredToken | null>>();
  lastVaultRequestId += 1;
  pendingVaultRequests.set(lastVaultRequestId, resolve);
  send({ kind: 'vault', id: lastVaultRequestId, request });
  return fromOutcome(await promise);
}

function send(message: FromWorker): void {
  port.postMessage(message);
}

function log(event: string, facts: Facts = {}): void {
  send({ kind: 'log', event, facts: redactFacts(facts) });
}
