// What happens when a part of the program dies: the window's page is loaded again, and everything goes to the log.
//
// What always holds: a page that dies again and again is not loaded for ever; then the person decides. The part that
// holds the data is looked after in worker-process.ts.

import { app, dialog, type BrowserWindow } from 'electron';

import type { Facts } from '../files/redact.ts';

export interface CrashDeps {
  readonly monotonicMs: () => number;
  readonly log: (event: string, facts?: Facts) => void;
}

/** So often in so long the page is loaded again without asking. */
const MAX_RELOADS = 3;
const WITHIN_MS = 60_000;

/** Writes down what dies. */
export function followCrashes({ log }: CrashDeps): void {
  app.on('child-process-gone', (_event, { type, reason, exitCode, serviceName, name }) =>
    log('a process ended', { type, reason, exitCode, service: serviceName ?? name ?? '' }));
  process.on('uncaughtExceptionMonitor', (error, origin) => log('an error was not caught', { origin, error }));
}

/** Loads the window's page again when its process dies or does not load. */
export function recoverWindow(window: BrowserWindow, { monotonicMs, log }: CrashDeps): void {
  let reloads: number[] = [];
  window.webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
    log("the window's page ended", { reason, exitCode });
    if (reason === 'clean-exit' || window.isDestroyed()) return;
    const nowMs = monotonicMs();
    reloads = [...reloads.filter((ms) => nowMs - ms < WITHIN_MS), nowMs];
    if (reloads.length <= MAX_RELOADS) window.webContents.reload();
    else void askWhatNow(window, log).then(() => reloads = []);
  });
  window.on('unresponsive', () => log('the window does not answer'));
  window.on('responsive', () => log('the window answers again'));
  window.webContents.on('preload-error', (_event, _path, error) => log('the window was not prepared', { error }));
  window.webContents.on('did-fail-load', (_event, code, description) => log('the page did not load', { code, description }));
}

async function askWhatNow(window: BrowserWindow, log: CrashDeps['log']): Promise<void> {
  log('the window is not loaded again by itself');
  const { response } = await dialog.showMessageBox(window, {
    type: 'error',
    message: 'The window of Invoify stopped several times.',
    detail: 'Your data is safe. Try again, or close Invoify and start it anew.',
    buttons: ['Try again', 'Close'],
    defaultId: 0,
    cancelId: 1,
    noLink: true,
  });
  if (response === 0 && !window.isDestroyed()) window.webContents.reload();
  else app.quit();
}
