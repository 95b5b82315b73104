// What the window asks of the shell around it: files that a person chooses, printing, folders and the clipboard.
//
// What always holds: a file is written only where the person chose to in the system's own dialog; no path comes from the
// window; one dialog is open at a time. Null means that the person changed their mind.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { app, clipboard, dialog, shell, type BrowserWindow, type FileFilter } from 'electron';

import { AppError } from '../../shared/errors.ts';
import { fromOutcome, type FileCalls, type Handlers, type SavedFile, type ShellCalls } from '../../shared/window/ipc.ts';
import { replaceFile, type ReplaceDeps } from '../files/replace-file.ts';
import type { DeskProcess } from './worker-process.ts';

export interface ShellDeps extends ReplaceDeps {
  readonly window: () => BrowserWindow | null;
  readonly desk: Pick<DeskProcess, 'call'>;
  readonly dataFolder: string;
  readonly logFolder: string;
  readonly nowMs: () => number;
  /** Whether the token outlives the program. */
  readonly isTokenKept: () => Promise<boolean>;
}

export function createShellCalls(deps: ShellDeps): Handlers<ShellCalls> {
  let isAsking = false;

  /** The path that the person chose, or null. */
  async function ask(name: string, filter: FileFilter): Promise<string | null> {
    if (isAsking) throw new AppError('conflict', 'Another file is being chosen. Close that dialog first.');
    isAsking = true;
    try {
      const { canceled, filePath } = await dialog.showSaveDialog(requireWindow(deps), {
        defaultPath: join(app.getPath('documents'), name),
        filters: [filter],
        properties: ['createDirectory', 'showOverwriteConfirmation'],
      });
      return canceled || filePath === '' ? null : filePath;
    } finally {
      isAsking = false;
    }
  }

  async function writeByDesk<C extends keyof FileCalls>(channel: C, request: FileCalls[C]['request']): Promise<SavedFile> {
    return fromOutcome(await deps.desk.call(channel, request)) as SavedFile;
  }

  return {
    'app.getInfo': async () => ({
      version: app.getVersion(),
      platform: process.platform,
      dataFolder: deps.dataFolder,
      logFolder: deps.logFolder,
      lacks: await deps.isTokenKept() ? [] : ['secure token storage'],
    }),
    async 'app.exportCsv'(csv) {
      const path = await ask(`${csv.selection.collection}-${today(deps)}.csv`, { name: 'CSV', extensions: ['csv'] });
      return path === null ? null : writeByDesk('file.writeCsv', { path, csv });
    },
    async 'app.exportPdf'({ name }) {
      const path = await ask(`${toFileName(name)}.pdf`, { name: 'PDF', extensions: ['pdf'] });
      return path === null ? null : writePdf(path, deps);
    },
    'app.print': () => print(requireWindow(deps)),
    async 'app.backUp'() {
      const path = await ask(`invoify-backup-${today(deps)}.sqlite`, { name: 'SQLite', extensions: ['sqlite'] });
      return path === null ? null : writeByDesk('file.backUp', { path });
    },
    async 'app.openFolder'({ folder }) {
      const path = folder === 'data' ? deps.dataFolder : deps.logFolder;
      const problem = await shell.openPath(path);
      if (problem !== '') throw new AppError('not_found', `The folder ${path} could not be opened: ${problem}`);
      return null;
    },
    async 'app.copyText'({ text }) {
      clipboard.writeText(text);
      return null;
    },
  };
}

async function writePdf(path: string, deps: ShellDeps): Promise<SavedFile> {
  const pdf = await requireWindow(deps).webContents.printToPDF({
    pageSize: 'A4', preferCSSPageSize: true, printBackground: true, generateTaggedPDF: true,
  });
  await replaceFile(path, async (file) => void await file.writeFile(pdf), deps);
  return { path, sizeBytes: (await stat(path)).size };
}

function print({ webContents }: BrowserWindow): Promise<null> {
  const { promise, resolve, reject } = Promise.withResolvers<null>();
  webContents.print({ printBackground: true }, (isDone, reason) => {
    // Closing the system's dialog is no failure.
    if (isDone || /cancel/i.test(reason)) resolve(null);
    else reject(new AppError('unavailable', `The printer did not take it: ${reason || 'no reason was given'}. Try again.`));
  });
  return promise;
}

function requireWindow({ window }: ShellDeps): BrowserWindow {
  const present = window();
  if (!present || present.isDestroyed()) throw new AppError('cancelled', 'The window was closed.');
  return present;
}

function today({ nowMs }: ShellDeps): string {
  return new Date(nowMs()).toISOString().slice(0, 10);
}

/** A proposed name as a file can have it on Windows; the person sees it in the dialog and may change it. */
export function toFileName(name: string): string {
  const safe = name.replace(/[\u0000-\u001f<>:"/\\|?*]+/g, '-').replace(/[. ]+$/, '').trim().slice(0, 120);
  const isReserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(safe);
  return safe === '' || isReserved ? `invoify-${safe}`.replace(/-$/, '') : safe;
}
