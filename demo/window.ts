// The demonstration's last scene: the window of a desktop in a browser tab, signed in and synced before anyone looks.

import { join } from 'node:path';

import { bundlePreview } from '../build.mjs';
import { openLog } from '../desktop/files/log.ts';
import { startPreview, type Preview } from '../desktop/preview/preview.ts';
import { fromOutcome, type DeskCalls, type Outcome } from '../shared/window/ipc.ts';
import manifest from '../package.json' with { type: 'json' };
import { requireDone } from './expect.ts';

export interface Person {
  readonly email: string;
  readonly password: string;
}

/** Starts the preview on a data folder of its own and signs in; resolves when everything is in its copy. */
export async function openWindow(folder: string, serverUrl: string, { email, password }: Person): Promise<Preview> {
  const dataFolder = join(folder, 'window');
  const preview = await startPreview(
    { files: await bundlePreview(), dataFolder, version: manifest.version },
    { log: openLog({ folder: join(dataFolder, 'logs') }, Date.now), nowMs: Date.now },
  );
  try {
    await ask(preview, 'auth.signIn', { server: serverUrl, email, password });
    requireDone(await ask(preview, 'sync.pullFromServer'));
    return preview;
  } catch (error) {
    await preview.close();
    throw error;
  }
}

/** Asks the window's desk as its page would; throws the error in the outcome. */
export async function ask<C extends keyof DeskCalls>(
  { desk }: Preview, channel: C, request?: DeskCalls[C]['request'],
): Promise<DeskCalls[C]['answer']> {
  const outcome = await desk.answer(channel, request === undefined ? '' : JSON.stringify(request));
  return fromOutcome(JSON.parse(outcome) as Outcome<DeskCalls[C]['answer']>);
}
