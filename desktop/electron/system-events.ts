// What the system says, told to whoever decides when to sync: sleep, waking, and the network coming and going.

import { powerMonitor, type IpcMainEvent } from 'electron';

import type { SystemEvent } from '../desk.ts';

/** Tells of sleep and waking. To be used only when Electron is ready. */
export function followPower(notice: (event: SystemEvent) => void): void {
  powerMonitor.on('suspend', () => notice('suspend'));
  powerMonitor.on('resume', () => notice('resume'));
  // Whoever comes back to a locked screen is to find what is new; the network may have changed since.
  powerMonitor.on('unlock-screen', () => notice('online'));
}

/**
 * Tells what a page saw of the network: Electron's main process has no event for it, a page has. It only prompts a try,
 * so that nothing is lost by believing the page.
 */
export function followNetwork(
  ipc: { on(channel: 'network', listener: (event: IpcMainEvent, state: unknown) => void): unknown },
  isOurs: (event: IpcMainEvent) => boolean, notice: (event: SystemEvent) => void,
): void {
  ipc.on('network', (event, state) => {
    if (isOurs(event) && (state === 'online' || state === 'offline')) notice(state);
  });
}
