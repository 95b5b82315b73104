// Everything behind the window, in the process that owns the database and the network: the host, the settings, and the
// files that a person chose to write. Electron's worker, the preview and the tests open it and pass calls on to it.
//
// What always holds: each channel has a handler, or this does not compile; a request is parsed before its handler sees
// it; and an answer is a value, also where it is an error.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { AppError } from '../shared/errors.ts';
import { requestParsers } from '../shared/window/ipc-requests.ts';
import { toOutcome, type DeskCalls, type FileCalls, type Handlers, type Outcome, type SavedFile } from '../shared/window/ipc.ts';
import type { Status } from '../shared/window/views.ts';
import { backUp } from './files/backup.ts';
import { requireForeignFile } from './files/chosen-file.ts';
import { writeCsv } from './files/csv.ts';
import { openHost, type Host, type HostDeps } from './host.ts';
import { writeReport } from './files/report.ts';
import { openSettings, type SettingsFile } from './files/settings.ts';
import { createTriggers, type SystemEvent, type Triggers, type TriggersDeps } from './sync/triggers.ts';

export interface DeskOptions {
  /** Ours alone: `database/invoify.sqlite`, `settings.json` and `logs` are in it. Made where it is missing. */
  readonly dataFolder: string;
  readonly version: string;
}

export interface DeskDeps extends HostDeps, TriggersDeps {}

export type { SystemEvent } from './sync/triggers.ts';

export interface Desk {
  readonly handlers: Handlers<DeskCalls & FileCalls>;
  /** Calls back with each change of the status; returns how to stop that. */
  onStatus(listener: (status: Status) => void): () => void;
  notice(event: SystemEvent): void;
  close(): Promise<void>;
}

/** Opens the desk, whatever state its files are in: what is wrong with them is in the status. */
export async function openDesk(options: DeskOptions, deps: DeskDeps): Promise<Desk> {
  const settings = openSettings(join(options.dataFolder, 'settings.json'), deps);
  const databaseFile = join(options.dataFolder, 'database', 'invoify.sqlite');
  const host = await openHost({ databaseFile, serverUrl: settings.settings.server }, deps);
  const triggers = createTriggers(host, deps, settings.settings.syncEveryMinutes);
  return {
    handlers: createHandlers({ host, settings, triggers }, options, deps),
    onStatus: (listener) => host.onStatus(listener),
    notice(event) {
      // Whether there is a network decides what is said of a server that does not answer.
      if (event === 'online' || event === 'offline') host.tellStatus();
      triggers.notice(event);
    },
    async close() {
      triggers.close();
      await host.close();
    },
  };
}

interface Parts {
  readonly host: Host;
  readonly settings: SettingsFile;
  readonly triggers: Triggers;
}

function createHandlers({ host, settings, triggers }: Parts, options: DeskOptions, deps: DeskDeps): Desk['handlers'] {
  return {
    'sync.pullFromServer': () => host.pullFromServer(),
    'sync.getStatus': () => host.getStatus(),
    'sync.getOnlineStatus': () => host.getOnlineStatus(),
    'sync.setAuthToken': ({ token }) => nothing(host.setAuthToken(token)),
    'sync.cancel': () => nothing(host.cancelPull()),
    'auth.signIn': async ({ server, email, password }) => {
      const user = await host.signIn(email, password, server);
      await rememberServer(host, settings, deps);
      return user;
    },
    'auth.signOut': () => nothing(host.signOut()),
    'auth.testConnection': ({ server }) => host.testConnection(server),
    'data.listPage': (query) => host.listPage(query),
    'data.getRecord': ({ collection, id }) => host.getRecord(collection, id),
    'data.counts': () => host.counts(),
    'data.summary': ({ today }) => host.summary(today),
    'data.selectionTotals': (selection) => host.selectionTotals(selection),
    'data.health': () => host.health(),
    'data.report': async () => writeReport({
      version: options.version,
      platform: `${process.platform} ${process.arch}, SQLite ${process.versions.sqlite ?? '?'}`,
      nowMs: deps.nowMs(),
      status: await host.getStatus(),
      health: await host.health(),
    }),
    'records.create': ({ collection, fields }) => host.records.create(collection, fields),
    'records.update': ({ collection, id, updatedAt, patch }) => host.records.update(collection, id, updatedAt, patch),
    'records.remove': ({ collection, id, updatedAt }) => host.records.remove(collection, id, updatedAt),
    'records.act': ({ collection, id, action, updatedAt, body }) => host.records.act(collection, id, action, updatedAt, body),
    'app.getSettings': async () => settings.settings,
    'app.saveSettings': async (change) => {
      const saved = await settings.save(change);
      if (change.syncEveryMinutes !== undefined) triggers.setInterval(saved.syncEveryMinutes);
      return saved;
    },
    'app.resetLocalData': () => nothing(host.resetLocalData()),
    'file.writeCsv': ({ path, csv }) => writeFile(path, options, () => writeCsv(host.reader, path, csv, deps)),
    'file.backUp': ({ path }) => writeFile(path, options, () => backUp(host.reader, path, deps)),
  };
}

/** Parses one call and runs it; never rejects. `log` hears of errors that are not ours. */
export async function answerCall(
  desk: Desk, channel: string, request: unknown, log: (error: unknown) => void,
): Promise<Outcome<unknown>> {
  return toOutcome(async () => {
    if (!isDeskChannel(desk, channel)) throw new AppError('not_found', 'There is no such call.');
    // The parser of a channel returns what its handler takes; that both are of one channel the types cannot follow.
    const handler = desk.handlers[channel] as (parsed: unknown) => Promise<unknown>;
    return handler(requestParsers[channel](request));
  }, log);
}

function isDeskChannel(desk: Desk, channel: string): channel is keyof Desk['handlers'] {
  return Object.hasOwn(desk.handlers, channel);
}

/** That it could not be kept must not undo the sign-in; the vault knows the server, too. */
async function rememberServer(host: Host, settings: SettingsFile, deps: DeskDeps): Promise<void> {
  const { server } = await host.getStatus();
  if (server === settings.settings.server) return;
  await settings.save({ server }).catch((error: unknown) => deps.log('the server was not kept in the settings', { error }));
}

async function writeFile(path: string, options: DeskOptions, write: () => Promise<void>): Promise<SavedFile> {
  requireForeignFile(path, options.dataFolder);
  await write();
  return { path, sizeBytes: (await stat(path)).size };
}

async function nothing(done: Promise<void>): Promise<null> {
  await done;
  return null;
}
