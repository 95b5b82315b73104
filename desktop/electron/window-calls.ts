// The window's calls, received: who is calling, who answers, and what was asked.
//
// What always holds: only the top page of our window, at an address of ours, is answered; the shell's requests are parsed
// here and the desk's by the desk; the answer is an outcome, also where it is a refusal.

import { ipcMain, type BrowserWindow, type IpcMainEvent, type IpcMainInvokeEvent } from 'electron';

import { AppError } from '../../shared/errors.ts';
import { requestParsers } from '../../shared/window/ipc-requests.ts';
import {
  isShellChannel, isWindowChannel, toOutcome, type Handlers, type Outcome, type ShellCalls, type WindowCalls,
} from '../../shared/window/ipc.ts';
import type { Facts } from '../files/redact.ts';
import { isOurPage } from './protocol-handler.ts';
import type { DeskProcess } from './worker-process.ts';

export interface WindowCallsDeps {
  readonly window: () => BrowserWindow | null;
  readonly desk: Pick<DeskProcess, 'call'>;
  readonly shell: Handlers<ShellCalls>;
  /** Hears what the desk answered. */
  readonly answered: (channel: keyof WindowCalls, outcome: Outcome<unknown>) => void;
  readonly log: (event: string, facts?: Facts) => void;
}

/** Answers calls from now on. */
export function answerWindow(deps: WindowCallsDeps): void {
  ipcMain.handle('call', async (event, channel: unknown, request: unknown): Promise<Outcome<unknown>> => {
    if (!isFromWindow(event, deps.window())) {
      deps.log('a call came from elsewhere than the window');
      return refuse(new AppError('forbidden', 'Only the window of Invoify may ask for this.'));
    }
    if (!isWindowChannel(channel)) return refuse(new AppError('not_found', 'There is no such call.'));
    if (isShellChannel(channel)) {
      return toOutcome(() => run(deps.shell, channel, request), (error) => deps.log('a call failed unexpectedly', { channel, error }));
    }
    const outcome = await deps.desk.call(channel, request);
    deps.answered(channel, outcome);
    return outcome;
  });
}

/** True for a message from the top page of our window, which is where it belongs. */
export function isFromWindow(event: IpcMainEvent | IpcMainInvokeEvent, window: BrowserWindow | null): boolean {
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
