// Everything behind the window, in the process that owns the cache and the network: the host, the settings, and the
// files that a person chooses to write. Electron's worker, the preview and the tests open it and pass calls to it.
//
// Invariants: every channel has a handler, or this does not compile; a request is parsed before its handler sees it; an
// answer is always a value, even if it is an error.

import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { AppError } from '../shared/errors.ts';
import { requestParsers } from '../shared/window/ipc-requests.ts';
import {
  toNull, toOutcome, type DeskCalls, type FileCalls, type Handlers, type Outcome, type SavedFile,
} from '../shared/window/ipc.ts';
import type { Status } from '../shared/window/views.ts';
import { backUp } from './files/backup.ts';
import { requireOutsideDataFolder } from './files/chosen-file.ts';
import { exportEInvoice, readEInvoice } from './files/e-invoice.ts';
import { exportCsv, exportTable } from './files/export.ts';
import { tighten } from './cache/private.ts';
import { writeReport } from './files/report.ts';
import { openSettings, type SettingsFile } from './files/settings.ts';
import { openHost, type Host, type HostDeps } from './host.ts';
import { deviceName } from './session/account.ts';
import { createTriggers, type SystemEvent, type Triggers, type TriggersDeps } from './sync/triggers.ts';

export interface DeskOptions {
  /** Used by Invoify only: holds `database/invoify.sqlite`, `settings.json` and `logs`. Created, for this user only, if missing. */
  readonly dataFolder: string;
  readonly version: string;
}

export interface DeskDeps extends HostDeps, TriggersDeps {
  readonly computerName: string;
}

export type { SystemEvent } from './sync/triggers.ts';

export interface Desk {
  readonly handlers: Handlers<DeskCalls & FileCalls>;
  /** Calls back with every new status; returns a function that stops that. */
  onStatus(listener: (status: Status) => void): () => void;
  handleSystemEvent(event: SystemEvent): void;
  close(): Promise<void>;
}

/** Opens the desk, whatever state its files are in: the status reports a cache that cannot be used. */
export async function openDesk(options: DeskOptions, deps: DeskDeps): Promise<Desk> {
  // A new folder is private from the start. An existing one may be for others, too, unless its name says that it is ours.
  if (basename(options.dataFolder) === 'Invoify') tighten(options.dataFolder, 0o700);
  const settings = openSettings(join(options.dataFolder, 'settings.json'), deps);
  const databaseFile = join(options.dataFolder, 'database', 'invoify.sqlite');
  const device = deviceName(deps.computerName, options.version);
  const host = await openHost({ databaseFile, serverUrl: settings.settings.server }, { ...deps, device });
  void rememberServer(host, settings, deps);
  const triggers = createTriggers(host, deps, settings.settings.syncEveryMinutes);
  return {
    handlers: createHandlers({ host, settings, triggers }, options, deps),
    onStatus: (listener) => host.onStatus(listener),
    handleSystemEvent(event) {
      // Whether there is a network decides between `offline` and `unreachable`.
      if (event === 'online' || event === 'offline') host.notifyStatus();
      triggers.handleSystemEvent(event);
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
    'sync.pullFromServer': () => host.refresh(),
    'sync.getStatus': () => host.getStatus(),
    'sync.getOnlineStatus': () => host.getOnlineStatus(),
    'sync.setAuthToken': ({ token }) => toNull(host.setAuthToken(token)),
    'sync.cancel': () => toNull(host.cancelPull()),
    'auth.signIn': async ({ server, email, password, replaceCache }) => {
      const user = await host.signIn(email, password, server, replaceCache);
      await rememberServer(host, settings, deps);
      return user;
    },
    'auth.signOut': () => toNull(host.signOut()),
    'auth.testConnection': ({ server }) => host.testConnection(server),
    'auth.changePassword': ({ current, next }) => toNull(host.account.changePassword(current, next)),
    'auth.listSessions': ({ all }) => host.account.listSessions(all),
    'auth.endSession': ({ id }) => toNull(host.account.endSession(id)),
    'data.listPage': (query) => host.data.listPage(query),
    'data.getRecord': ({ collection, id }) => host.data.getRecord(collection, id),
    'data.counts': () => host.data.counts(),
    'data.summary': ({ today }) => host.data.summary(today),
    'data.selectionTotals': (selection) => host.data.selectionTotals(selection),
    'data.periodReport': (query) => host.data.periodReport(query, deps.yieldToEventLoop),
    'data.lineSuggestions': (query) => host.data.lineSuggestions(query),
    'data.health': () => host.data.health(),
    'data.report': async () => writeReport({
      version: options.version,
      platform: `${process.platform} ${process.arch}, SQLite ${process.versions.sqlite ?? '?'}`,
      nowMs: deps.nowMs(),
      status: await host.getStatus(),
      health: await host.data.health(),
    }),
    'records.create': ({ collection, fields, key }) => host.records.create(collection, fields, key),
    'records.update': ({ collection, id, updatedAt, patch }) => host.records.update(collection, id, updatedAt, patch),
    'records.remove': ({ collection, id, updatedAt }) => host.records.remove(collection, id, updatedAt),
    'records.removeEntry': ({ collection, id, list, entry, updatedAt }) =>
      host.records.removeEntry(collection, id, list, entry, updatedAt),
    'records.act': ({ collection, id, action, updatedAt, body }) => host.records.act(collection, id, action, updatedAt, body),
    'app.getSettings': async () => settings.settings,
    'app.saveSettings': async (change) => {
      const saved = await settings.save(change);
      if (change.syncEveryMinutes !== undefined) triggers.setInterval(saved.syncEveryMinutes);
      return saved;
    },
    'app.resetLocalData': () => toNull(host.resetLocalData()),
    'file.writeCsv': ({ path, csv }) => writeFile(path, options, () =>
      'rows' in csv ? exportTable(path, csv, deps) : exportCsv(host.data.reader, path, csv, deps)),
    'file.checkEInvoice': async ({ id }) => (await readEInvoice(host.data, id)).number,
    'file.writeEInvoice': ({ path, id }) => writeFile(path, options, () => exportEInvoice(host.data, path, id, deps)),
    'file.backUp': ({ path }) => writeFile(path, options, () => backUp(host.data.reader, path, deps)),
  };
}

/** Parses one call and runs it; never rejects. `log` is called for errors that are not an AppError. */
export async function answerCall(
  desk: Desk, channel: string, request: unknown, log: (error: unknown) => void,
): Promise<Outcome<unknown>> {
  return toOutcome(async () => {
    if (!isDeskChannel(desk, channel)) throw new AppError('not_found', 'There is no such call.');
    // A channel's parser returns what its handler takes, but the types cannot express that both are of one channel.
    const handler = desk.handlers[channel] as (parsed: unknown) => Promise<unknown>;
    return handler(requestParsers[channel](request));
  }, log);
}

function isDeskChannel(desk: Desk, channel: string): channel is keyof Desk['handlers'] {
  return Object.hasOwn(desk.handlers, channel);
}

/** Best effort: a failure must not undo the sign-in. Cache and vault name the server as well; the next start tries again. */
async function rememberServer(host: Host, settings: SettingsFile, deps: DeskDeps): Promise<void> {
  const { server } = await host.getStatus();
  if (server === settings.settings.server) return;
  await settings.save({ server }).catch((error: unknown) => deps.log('server not saved in the settings', { error }));
}

async function writeFile(path: string, options: DeskOptions, write: () => Promise<void>): Promise<SavedFile> {
  requireOutsideDataFolder(path, options.dataFolder);
  await write();
  return { path, sizeBytes: (await stat(path)).size };
}
