// The shell calls in the preview, where the window is a browser tab: no save dialogs, no folders, no PDF.
//
// A file that the window saves is written to a temporary folder and downloaded by the tab; it is deleted after the download,
// or when the preview closes. The page handles printing, the clipboard, e-mail and phone itself (ui/preview-page.ts).

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { localDay } from '../../shared/days.ts';
import { AppError } from '../../shared/errors.ts';
import {
  csvName, fromOutcome, type AppInfo, type FileCalls, type Outcome, type SavedFile, type ShellCalls,
} from '../../shared/window/ipc.ts';
import { requestParsers } from '../../shared/window/ipc-requests.ts';
import type { DeskOptions } from '../desk.ts';
import { toFileName } from '../files/file-name.ts';
import type { PreviewDesk } from './desk.ts';

/** A file ready for its one download. */
export interface Download {
  readonly path: string;
  readonly name: string;
}

export interface ShellAnswer {
  readonly value: unknown;
  /** The path that the page downloads the file from. */
  readonly download?: string;
}

export interface PreviewShell {
  /** Throws an AppError for a call that fails. */
  answer(channel: keyof ShellCalls, request: unknown): Promise<ShellAnswer>;
  /** Returns the file with this id, only once; then and for an unknown id null. */
  takeDownload(id: string): Download | null;
  /** Deletes files that were not downloaded. */
  close(): void;
}

type Answers = { readonly [C in keyof ShellCalls]: (request: ShellCalls[C]['request']) => Promise<ShellAnswer> };

export function createPreviewShell(options: DeskOptions, desk: PreviewDesk, nowMs: () => number): PreviewShell {
  const downloads = new Map<string, Download>();
  let folder: string | null = null;
  const today = (): string => localDay(nowMs());

  async function ask<C extends keyof FileCalls>(channel: C, request: FileCalls[C]['request']): Promise<FileCalls[C]['answer']> {
    return fromOutcome(JSON.parse(await desk.answer(channel, JSON.stringify(request))) as Outcome<FileCalls[C]['answer']>);
  }

  async function offerDownload(name: string, write: (path: string) => Promise<SavedFile>): Promise<ShellAnswer> {
    const id = randomUUID();
    folder ??= mkdtempSync(join(tmpdir(), 'invoify-preview-'));
    const path = join(folder, id);
    try {
      const { sizeBytes } = await write(path);
      downloads.set(id, { path, name });
      return { value: { path: name, sizeBytes } satisfies SavedFile, download: `/download/${id}` };
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }

  const answers: Answers = {
    'app.getInfo': async () => ({
      value: {
        version: options.version,
        platform: process.platform,
        dataFolder: options.dataFolder,
        logFolder: join(options.dataFolder, 'logs'),
        locale: null,
        lacks: ['pdf', 'token_storage', 'window_chrome'],
      } satisfies AppInfo,
    }),
    'app.exportCsv': (csv) => offerDownload(`${csvName(csv)}-${today()}.csv`, (path) => ask('file.writeCsv', { path, csv })),
    async 'app.exportEInvoice'({ id }) {
      const number = await ask('file.checkEInvoice', { id });
      return offerDownload(`${toFileName(number)}.xml`, (path) => ask('file.writeEInvoice', { path, id }));
    },
    'app.backUp': () => offerDownload(`invoify-backup-${today()}.sqlite`, (path) => ask('file.backUp', { path })),
    'app.chooseFolder': async () => {
      throw new AppError('forbidden', 'A browser tab cannot save into a folder.');
    },
    'app.exportPdf': async () => {
      throw new AppError('forbidden', 'A browser tab cannot save a PDF. Print instead, and choose to save as PDF there.');
    },
    'app.openFolder': async ({ folder: which }) => {
      const path = which === 'data' ? options.dataFolder : join(options.dataFolder, 'logs');
      throw new AppError('forbidden', `A browser tab cannot open folders. The folder is ${path}.`);
    },
    'app.print': refusePageCall,
    'app.copyText': refusePageCall,
    'app.openEmail': refusePageCall,
    'app.openPhone': refusePageCall,
    'app.setUnsaved': refusePageCall,
  };
  return {
    answer: (channel, request) => run(answers, channel, request),
    takeDownload(id) {
      const found = downloads.get(id) ?? null;
      downloads.delete(id);
      return found;
    },
    close() {
      if (folder !== null) rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function run<C extends keyof ShellCalls>(answers: Answers, channel: C, request: unknown): Promise<ShellAnswer> {
  return answers[channel](requestParsers[channel](request));
}

async function refusePageCall(): Promise<never> {
  throw new AppError('invalid_request', 'The page handles this call itself.');
}
