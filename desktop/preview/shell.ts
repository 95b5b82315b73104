// What surrounds the window in the preview: a browser tab, and so no dialogs, no folders and no PDF of its own.
//
// A file that the window asks for is written to a folder of the preview's and handed to the tab as a download; it is
// gone once the tab has it, and at the latest when the preview ends. Printing and the clipboard are the page's own
// (ui/preview-page.ts).

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { AppError } from '../../shared/errors.ts';
import {
  fromOutcome, type AppInfo, type FileCalls, type Outcome, type SavedFile, type ShellCalls,
} from '../../shared/window/ipc.ts';
import { requestParsers } from '../../shared/window/ipc-requests.ts';
import type { DeskOptions } from '../desk.ts';
import type { PreviewDesk } from './desk.ts';

/** A file that waits to be downloaded once. */
export interface Download {
  readonly path: string;
  readonly name: string;
}

export interface ShellAnswer {
  readonly value: unknown;
  /** What the page is to download, below the preview's origin. */
  readonly download?: string;
}

export interface PreviewShell {
  /** Throws what the call's outcome is to say. */
  answer(channel: keyof ShellCalls, request: unknown): Promise<ShellAnswer>;
  /** The file that waits under this id, which ends its waiting, or null. */
  take(id: string): Download | null;
  /** Removes what is left. */
  close(): void;
}

type Answers = { readonly [C in keyof ShellCalls]: (request: ShellCalls[C]['request']) => Promise<ShellAnswer> };

export function createPreviewShell(options: DeskOptions, desk: PreviewDesk, nowMs: () => number): PreviewShell {
  const downloads = new Map<string, Download>();
  let folder: string | null = null;
  const today = (): string => new Date(nowMs()).toISOString().slice(0, 10);

  async function offer<C extends keyof FileCalls>(
    name: string, channel: C, rest: Omit<FileCalls[C]['request'], 'path'>,
  ): Promise<ShellAnswer> {
    const id = randomUUID();
    folder ??= mkdtempSync(join(tmpdir(), 'invoify-preview-'));
    const path = join(folder, id);
    try {
      const outcome = JSON.parse(await desk.answer(channel, JSON.stringify({ ...rest, path }))) as Outcome<SavedFile>;
      const { sizeBytes } = fromOutcome(outcome);
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
        lacks: ['pdf', 'secure token storage', 'window chrome'],
      } satisfies AppInfo,
    }),
    'app.exportCsv': (csv) => offer(`${csv.selection.collection}-${today()}.csv`, 'file.writeCsv', { csv }),
    'app.backUp': () => offer(`invoify-backup-${today()}.sqlite`, 'file.backUp', {}),
    'app.exportPdf': async () => {
      throw new AppError('forbidden', 'A browser tab cannot save a PDF by itself. Print, and choose to save as PDF there.');
    },
    'app.openFolder': async ({ folder: which }) => {
      const path = which === 'data' ? options.dataFolder : join(options.dataFolder, 'logs');
      throw new AppError('forbidden', `A browser tab cannot open a folder. This one is ${path}.`);
    },
    'app.print': inThePage,
    'app.copyText': inThePage,
  };
  return {
    answer: (channel, request) => run(answers, channel, request),
    take(id) {
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

async function inThePage(): Promise<never> {
  throw new AppError('invalid_request', 'The page does this itself.');
}
