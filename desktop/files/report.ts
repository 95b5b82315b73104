// The sync report: recent syncs and the contents of the cache as a text to send to someone, without personal data.
//
// Invariants: contains only numbers, times and our own terms (states, outcomes, codes, names of collections). No name,
// address, server, token or record content, and no error message, as those may include any of them.

import type { SyncHealth } from '../../shared/window/ipc.ts';
import type { Status } from '../../shared/window/views.ts';

export interface ReportFacts {
  readonly version: string;
  /** The system and SQLite, such as `win32 x64, SQLite 3.53.3`. */
  readonly platform: string;
  readonly nowMs: number;
  readonly status: Status;
  readonly health: SyncHealth;
}

export function writeReport({ version, platform, nowMs, status, health }: ReportFacts): string {
  const { attempts, counts, digest, sizeBytes, lastVerifiedMs } = health;
  const completed = attempts.filter(({ outcome }) => outcome === 'completed').length;
  return [
    `Invoify ${version} (${platform}), ${toIso(nowMs)}`,
    `State: ${status.state}${status.error ? ` (${[status.error.code, status.error.kind ?? []].flat().join(', ')})` : ''}, `
      + `${status.isOnline ? 'online' : 'not online'}, cache ${status.initialized ? 'open' : 'not open'}`,
    `Last sync: ${status.lastSync?.timestamp ?? 'never'}${status.lastSync?.ageMs === null ? ', the clock was changed since' : ''}`,
    `Cache: ${sizeBytes} bytes, last verified ${lastVerifiedMs === null ? 'never' : toIso(lastVerifiedMs)}`,
    `Records: ${Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(', ') || 'none'}`,
    `Digest: ${Object.entries(digest).map(([name, { count }]) => `${name} ${count}`).join(', ') || 'none'}`,
    '',
    `Last ${attempts.length} attempts, ${completed} completed, newest first`,
    'started                   ms        changes   bytes       outcome',
    ...attempts.map(({ startedMs, durationMs, changes, bytes, outcome, code, kind }) =>
      `${toIso(startedMs)}  ${pad(durationMs, 8)}  ${pad(changes, 8)}  ${pad(bytes, 10)}  `
        + [outcome, code ?? [], kind ?? []].flat().join(' ')),
    '',
  ].join('\n');
}

function toIso(ms: number): string {
  return new Date(ms).toISOString();
}

function pad(value: number, width: number): string {
  return String(Math.round(value)).padEnd(width);
}
