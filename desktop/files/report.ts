// Sync health as a text to hand on: how the syncs went and what the copy holds, with nothing in it that says whose it is.
//
// What always holds: only numbers, instants, and words of ours (states, outcomes, codes, names of collections) go in. No
// name, address, server, token or content of a record, and no error's sentence, as those may name any of them.

import type { SyncHealth } from '../../shared/window/ipc.ts';
import type { Status } from '../../shared/window/views.ts';

export interface ReportFacts {
  readonly version: string;
  /** The runtime and the system, such as `win32 x64, SQLite 3.53.3`. */
  readonly platform: string;
  readonly nowMs: number;
  readonly status: Status;
  readonly health: SyncHealth;
}

export function writeReport({ version, platform, nowMs, status, health }: ReportFacts): string {
  const { attempts, counts, digest, sizeBytes, lastVerifiedMs } = health;
  const completed = attempts.filter(({ outcome }) => outcome === 'completed').length;
  return [
    `Invoify ${version} (${platform}), ${instant(nowMs)}`,
    `State: ${status.state}${status.error ? ` (${status.error.code})` : ''}, ${status.isOnline ? 'online' : 'not online'}, `
      + `local copy ${status.initialized ? 'open' : 'not open'}`,
    `Last sync: ${status.lastSync?.timestamp ?? 'never'}`,
    `Local copy: ${sizeBytes} bytes, last proved ${lastVerifiedMs === null ? 'never' : instant(lastVerifiedMs)}`,
    `Records: ${Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(', ') || 'none'}`,
    `Digest: ${Object.entries(digest).map(([name, { count }]) => `${name} ${count}`).join(', ') || 'none'}`,
    '',
    `Last ${attempts.length} attempts, ${completed} completed, newest first`,
    'started                   ms        changes   bytes       outcome',
    ...attempts.map(({ startedMs, durationMs, changes, bytes, outcome, code }) =>
      `${instant(startedMs)}  ${pad(durationMs, 8)}  ${pad(changes, 8)}  ${pad(bytes, 10)}  ${outcome}${code === null ? '' : ` ${code}`}`),
    '',
  ].join('\n');
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

function pad(value: number, width: number): string {
  return String(Math.round(value)).padEnd(width);
}
