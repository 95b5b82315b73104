// A desktop's window in a browser tab: in the demonstration's last scene already signed in and synced.

import { join } from 'node:path';

import { bundlePreview } from '../build.mjs';
import { openLog } from '../desktop/files/log.ts';
import { startPreview, type Preview } from '../desktop/preview/preview.ts';
import { fromOutcome, type DeskCalls, type Outcome } from '../shared/window/ipc.ts';
import manifest from '../package.json' with { type: 'json' };
import { requireDone } from './expect.ts';

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** Starts the preview, with its data in this folder. */
export async function startWindow(dataFolder: string): Promise<Preview> {
  return startPreview(
    { files: await bundlePreview(), dataFolder, version: manifest.version },
    { log: openLog({ folder: join(dataFolder, 'logs') }, Date.now), nowMs: Date.now },
  );
}

/** Starts the preview with its own data folder and signs in; resolves once the first sync has completed. */
export async function openWindow(folder: string, serverUrl: string, { email, password }: Credentials): Promise<Preview> {
  const preview = await startWindow(join(folder, 'window'));
  try {
    await ask(preview, 'auth.signIn', { server: serverUrl, email, password });
    requireDone(await ask(preview, 'sync.pullFromServer'));
    return preview;
  } catch (error) {
    await preview.close();
    throw error;
  }
}

/** Calls the window's desk as its page would; throws the error in the outcome. */
export async function ask<C extends keyof DeskCalls>(
  { desk }: Preview, channel: C, request?: DeskCalls[C]['request'],
): Promise<DeskCalls[C]['answer']> {
  const outcome = await desk.answer(channel, request === undefined ? '' : JSON.stringify(request));
  return fromOutcome(JSON.parse(outcome) as Outcome<DeskCalls[C]['answer']>);
}
