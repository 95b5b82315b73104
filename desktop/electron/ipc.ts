// Answers the window's calls: checks the sender, then forwards the call to the desk or handles it here (save dialogs,
// printing, folders, e-mail, the clipboard).
//
// Invariants: only the top frame of our window, at an address of our scheme, gets an answer; requests for the shell are
// parsed here, those for the desk by the desk; every answer is an outcome, refusals too. A file is written only where the
// user chose in the system's dialog, never to a path from the window; one dialog is open at a time. Null: the user cancelled.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { app, clipboard, dialog, ipcMain, shell as system, type BrowserWindow, type IpcMainEvent, type IpcMainInvokeEvent } from 'electron';

import { localDay } from '../../shared/days.ts';
import { AppError } from '../../shared/errors.ts';
import { requestParsers } from '../../shared/window/ipc-requests.ts';
import {
  csvName, fromOutcome, isShellChannel, isWindowChannel, toNull, toOutcome, type FileCalls, type Handlers, type Outcome,
  type SavedFile, type ShellCalls, type WindowCalls,
} from '../../shared/window/ipc.ts';
import { mailLink } from '../../shared/window/mail.ts';
import { requirePhoneLink } from '../../shared/window/phone.ts';
import type { SystemEvent } from '../desk.ts';
import { requireOutsideDataFolder } from '../files/chosen-file.ts';
import { oneDialogAtATime } from '../files/dialogs.ts';
import { newPath, toFileName } from '../files/file-name.ts';
import type { Facts } from '../files/redact.ts';
import { replaceFile, type ReplaceDeps } from '../files/replace-file.ts';
import { isOurPage } from './protocol-handler.ts';
import type { DeskProcess } from './worker-process.ts';

export interface CallDeps {
  readonly window: () => BrowserWindow | null;
  readonly desk: Pick<DeskProcess, 'call'>;
  readonly shell: Handlers<ShellCalls>;
  /** Called with each of the desk's answers. */
  readonly onAnswer: (channel: keyof WindowCalls, outcome: Outcome<unknown>) => void;
  readonly log: (event: string, facts?: Facts) => void;
}

/** Starts answering calls. */
export function handleCalls(deps: CallDeps): void {
  ipcMain.handle('call', async (event, channel: unknown, request: unknown): Promise<Outcome<unknown>> => {
    if (!isFromWindow(event, deps.window())) {
      deps.log('call from an unknown sender refused');
      return refuse(new AppError('forbidden', 'Only the window of Invoify may ask for this.'));
    }
    if (!isWindowChannel(channel)) return refuse(new AppError('not_found', 'There is no such call.'));
    if (isShellChannel(channel)) {
      return toOutcome(() => run(deps.shell, channel, request), (error) => deps.log('call failed unexpectedly', { channel, error }));
    }
    const outcome = await deps.desk.call(channel, request);
    deps.onAnswer(channel, outcome);
    return outcome;
  });
}

/**
 * Forwards what the page observes of the network, which Electron's main process has no event for. It only triggers a
 * sync attempt, so a page that is wrong does no harm.
 */
export function forwardNetworkEvents(window: () => BrowserWindow | null, handle: (event: SystemEvent) => void): void {
  ipcMain.on('network', (event, state: unknown) => {
    if (isFromWindow(event, window()) && (state === 'online' || state === 'offline')) handle(state);
  });
}

function isFromWindow(event: IpcMainEvent | IpcMainInvokeEvent, window: BrowserWindow | null): boolean {
  const frame = event.senderFrame;
  if (!window || window.isDestroyed() || event.sender !== window.webContents || !frame) return false;
  return frame.parent === null && frame.frameToken === window.webContents.mainFrame.frameToken && isOurPage(frame.url);
}

async function run<C extends keyof ShellCalls>(shell: Handlers<ShellCalls>, channel: C, request: unknown): Promise<unknown> {
  const handler = shell[channel] as (parsed: ShellCalls[C]['request']) => Promise<unknown>;
  return handler(requestParsers[channel](request));
}

function refuse({ code, message }: AppError): Outcome<never> {
  return { ok: false, error: { code, message } };
}

export interface ShellDeps extends ReplaceDeps {
  readonly window: () => BrowserWindow | null;
  readonly desk: Pick<DeskProcess, 'call'>;
  readonly dataFolder: string;
  readonly logFolder: string;
  readonly nowMs: () => number;
  readonly setUnsaved: (isUnsaved: boolean) => void;
  /** Whether the token outlives the program. */
  readonly isTokenStored: () => Promise<boolean>;
}

export function createShellCalls(deps: ShellDeps): Handlers<ShellCalls> {
  const openDialog = oneDialogAtATime(() => requireWindow(deps));
  /** What the user chose last. */
  let folder: string | null = null;

  /** Has a file written where the user chooses; null if they cancel. The extension is the format's name in lower case. */
  async function save(name: string, format: string, write: (path: string) => Promise<SavedFile>): Promise<SavedFile | null> {
    const extension = format.toLowerCase();
    const file = `${toFileName(name)}.${extension}`;
    const chosen = await openDialog((window) => dialog.showSaveDialog(window, {
      // The name alone where Documents cannot be found: redirected to a server that is away.
      defaultPath: tryOr(() => join(app.getPath('documents'), file), file),
      filters: [{ name: format, extensions: [extension] }],
      properties: ['createDirectory', 'showOverwriteConfirmation'],
    }));
    return chosen.canceled || chosen.filePath === '' ? null : write(chosen.filePath);
  }

  async function callDesk<C extends keyof FileCalls>(channel: C, request: FileCalls[C]['request']): Promise<FileCalls[C]['answer']> {
    return fromOutcome(await deps.desk.call(channel, request)) as FileCalls[C]['answer'];
  }

  return {
    'app.getInfo': async () => ({
      version: app.getVersion(),
      platform: process.platform,
      dataFolder: deps.dataFolder,
      logFolder: deps.logFolder,
      // The region's format without what else the system may append, such as a sort order; null for none, such as POSIX' "c".
      locale: tryOr<string | null>(() => new Intl.Locale(app.getSystemLocale()).baseName, null),
      lacks: await deps.isTokenStored() ? [] : ['token_storage'],
    }),
    'app.exportCsv': (csv) =>
      save(`${csvName(csv)}-${localDay(deps.nowMs())}`, 'CSV', (path) => callDesk('file.writeCsv', { path, csv })),
    async 'app.chooseFolder'() {
      const chosen = await openDialog((window) => dialog.showOpenDialog(window, { properties: ['openDirectory', 'createDirectory'] }));
      return folder = chosen.filePaths[0] ?? null;
    },
    'app.exportPdf': ({ name, isInFolder }) => isInFolder ? writePdf(newPath(folder, name, 'pdf'), deps)
      : save(name, 'PDF', (path) => writePdf(path, deps)),
    async 'app.exportEInvoice'({ id }) {
      const number = await callDesk('file.checkEInvoice', { id });
      return save(number, 'XML', (path) => callDesk('file.writeEInvoice', { path, id }));
    },
    'app.openEmail': (mail) => toNull(system.openExternal(mailLink(mail))),
    'app.openPhone': ({ number }) => toNull(system.openExternal(requirePhoneLink(number))),
    'app.print': () => print(requireWindow(deps)),
    'app.backUp': () => save(`invoify-backup-${localDay(deps.nowMs())}`, 'SQLite', (path) => callDesk('file.backUp', { path })),
    async 'app.openFolder'({ folder }) {
      const path = folder === 'data' ? deps.dataFolder : deps.logFolder;
      const problem = await system.openPath(path);
      if (problem !== '') throw new AppError('not_found', `The folder ${path} could not be opened: ${problem}`);
      return null;
    },
    async 'app.copyText'({ text }) {
      await clipboard.writeText(text);
      return null;
    },
    async 'app.setUnsaved'({ isUnsaved }) {
      deps.setUnsaved(isUnsaved);
      return null;
    },
  };
}

async function writePdf(path: string, deps: ShellDeps): Promise<SavedFile> {
  requireOutsideDataFolder(path, deps.dataFolder);
  const pdf = await requireWindow(deps).webContents.printToPDF({
    pageSize: 'A4', preferCSSPageSize: true, printBackground: true, generateTaggedPDF: true,
  });
  await replaceFile(path, async (file) => void await file.writeFile(pdf), deps);
  return { path, sizeBytes: (await stat(path)).size };
}

function print({ webContents }: BrowserWindow): Promise<null> {
  const { promise, resolve, reject } = Promise.withResolvers<null>();
  webContents.print({ printBackground: true }, (isDone, reason) => {
    // Cancelling the system's dialog is not a failure.
    if (isDone || /cancel/i.test(reason)) resolve(null);
    else reject(new AppError('unavailable', `Printing failed: ${reason || 'no reason was given'}. Try again.`));
  });
  return promise;
}

function requireWindow({ window }: ShellDeps): BrowserWindow {
  const current = window();
  if (!current || current.isDestroyed()) throw new AppError('cancelled', 'The window was closed.');
  return current;
}

function tryOr<T>(get: () => T, otherwise: T): T {
  try {
    return get();
  } catch {
    return otherwise;
  }
}
