// How the sync's status is displayed, derived in one place: the status bar's text, tone and action, the notice above the
// list, the announcement to screen readers, and whether writing is possible.
//
// Invariants: relative times ("3 min ago") appear in `text` but never in `announcement`, which changes only with the state.
// Time passes here by a monotonic clock (`nowMs`), so that changing the computer's clock makes nothing older or newer; that
// clock (`wallMs`) only names days and instants.

import { isStale } from '../../shared/window/stale.ts';
import type { Status, SyncState } from '../../shared/window/views.ts';
import { syncErrorText } from '../text/call-error-text.ts';
import { formatDateTime, formatNumber, formatRelative, formatWhen } from '../text/format.ts';
import { t } from '../text/i18n.ts';

/** A sync shorter than this is not shown. */
const QUIET_MS = 500;
/** How often the screen is reloaded during a first sync. */
export const READ_EVERY_MS = 500;

/** Why writing is not possible; null if it is. */
export type WriteBlock = null | 'offline' | 'unreachable' | 'checking' | 'signed_out' | 'update_required' | 'server_outdated';

export type SyncAction = 'refresh' | 'sync-now' | 'cancel' | 'try-again' | 'details' | 'sign-in';
export type Tone = 'plain' | 'ok' | 'warn' | 'bad' | 'busy';

export interface Notice {
  readonly text: string;
  readonly tone: 'info' | 'warn' | 'bad';
  readonly action: SyncAction | null;
}

export interface SyncView {
  readonly state: SyncState;
  readonly text: string;
  readonly tone: Tone;
  /** The dot before the text, if any. */
  readonly dot: 'online' | 'offline' | null;
  readonly action: SyncAction | null;
  /** The tooltip of a relative time: its instant in full. */
  readonly instant: string | null;
  /** Why the server cannot be reached or the sync failed, where that is known. */
  readonly reason: string | null;
  /** A problem that gets in the user's way, shown above the list. */
  readonly notice: Notice | null;
  readonly announcement: string;
  /** Changes when there is new data to read. */
  readonly revision: string;
  /** Null unless a first sync is running. `ratio` is null while the total is unknown. */
  readonly progress: { readonly ratio: number | null } | null;
}

/**
 * The latest status, the one before the current sync (shown while the sync is still short), and the revision of the data
 * on screen.
 */
export interface SyncMemory {
  readonly latest: Status;
  /** When the latest one arrived. */
  readonly latestAtMs: number;
  readonly before: Status;
  readonly syncingSinceMs: number | null;
  readonly read: { readonly revision: string; readonly atMs: number };
}

export function rememberStatus(memory: SyncMemory | null, latest: Status, nowMs: number): SyncMemory {
  const read = holdBackMs(memory, latest, nowMs) > 0 && memory ? memory.read : { revision: dataRevision(latest), atMs: nowMs };
  const latestAtMs = memory?.latest === latest ? memory.latestAtMs : nowMs;
  if (latest.state !== 'syncing') return { latest, latestAtMs, before: latest, syncingSinceMs: null, read };
  return { latest, latestAtMs, before: memory?.before ?? latest, syncingSinceMs: memory?.syncingSinceMs ?? nowMs, read };
}

/** How long to hold back new pages of a first sync: 0 if it is time to read them, or there is something else to read. */
function holdBackMs(memory: SyncMemory | null, latest: Status, nowMs: number): number {
  if (!memory || latest.state !== 'first_sync' || dataRevision(latest) === memory.read.revision) return 0;
  if (!memory.read.revision.startsWith(`${baseRevision(latest)} `)) return 0;
  return Math.max(0, READ_EVERY_MS - (nowMs - memory.read.atMs));
}

/** The state to display. A short sync is not shown, and data turns stale as time passes without a new status. */
export function shownState(memory: SyncMemory, nowMs: number): SyncState {
  const { latest, before, syncingSinceMs } = memory;
  const isQuiet = syncingSinceMs !== null && nowMs - syncingSinceMs < QUIET_MS;
  const state = isQuiet ? before.state : latest.state;
  return state === 'up_to_date' && isStale(ageMs(memory, nowMs)) ? 'stale' : state;
}

/** When the view changes without a new status, in ms from now: data to read, a sync to show, staleness, or a relative time. */
export function nextChangeMs(memory: SyncMemory, nowMs: number): number {
  const { syncingSinceMs } = memory;
  const heldBackMs = holdBackMs(memory, memory.latest, nowMs);
  if (heldBackMs > 0) return heldBackMs;
  if (syncingSinceMs !== null && nowMs - syncingSinceMs < QUIET_MS) return QUIET_MS - (nowMs - syncingSinceMs);
  const age = ageMs(memory, nowMs);
  return age === null ? 60_000 : Math.max(1000, 60_000 - (age % 60_000));
}

/** How long ago the last sync was; null without one, or if that is unknown. */
function ageMs({ latest, latestAtMs }: SyncMemory, nowMs: number): number | null {
  const age = latest.lastSync?.ageMs ?? null;
  return age === null ? null : age + nowMs - latestAtMs;
}

/** When the last sync was by the computer's clock, as that is set now; null without one, or if that is unknown. */
function lastSyncMs(memory: SyncMemory, nowMs: number, wallMs: number): number | null {
  const age = ageMs(memory, nowMs);
  const { lastSync } = memory.latest;
  if (age === null || lastSync === null) return null;
  const storedMs = Date.parse(lastSync.timestamp);
  return Math.abs(wallMs - age - storedMs) < 60_000 ? storedMs : wallMs - age;
}

/** Whether writing is possible, and if not, why. */
export function writeBlock(status: Status): WriteBlock {
  if (status.state === 'session_expired' || status.user === null) return 'signed_out';
  if (status.state === 'update_required') return status.error?.code === 'server_outdated' ? 'server_outdated' : 'update_required';
  if (status.state === 'offline') return 'offline';
  if (isInDoubt(status)) return 'checking';
  return status.isOnline && status.state !== 'unreachable' ? null : 'unreachable';
}

/**
 * The server has refused the session, and is asked once more before that counts: until then nothing is accepted. Whoever does not
 * want to wait may sign in.
 */
function isInDoubt({ state, error }: Status): boolean {
  return state === 'error' && error?.code === 'unauthorized';
}

export function blockText(block: WriteBlock): string | null {
  switch (block) {
    case null: return null;
    case 'offline': return t('write.offline');
    case 'unreachable': return t('write.unreachable');
    case 'checking': return t('sync.checkingSignIn');
    case 'signed_out': return t('write.signedOut');
    case 'update_required': return t('sync.update');
    case 'server_outdated': return t('sync.updateServer');
  }
}

/** Changes when there is new data: a sync, even one that proved nothing, a write, another user, or a page of a first sync. */
function dataRevision(status: Status): string {
  return `${baseRevision(status)} ${status.state === 'first_sync' ? status.progress?.changes ?? 0 : status.cursor}`;
}

function baseRevision(status: Status): string {
  return `${status.initialized} ${status.lastSync?.timestamp ?? ''} ${status.user?.id ?? ''} ${status.writes}`;
}

export function viewSync(memory: SyncMemory, nowMs: number, wallMs: number): SyncView {
  const status = memory.latest;
  const state = shownState(memory, nowMs);
  const atMs = lastSyncMs(memory, nowMs, wallMs);
  const when = atMs === null ? null : formatWhen(atMs, wallMs);
  const instant = atMs === null ? null : formatDateTime(atMs);
  const readable = status.lastSync && (when === null ? t('sync.offlineUnknown') : t('sync.offlineLong', { when }));
  const plain: SyncView = {
    state, text: '', tone: 'plain', dot: null, action: null, instant: null, reason: null, notice: null, announcement: '',
    revision: memory.read.revision, progress: null,
  };
  switch (state) {
    case 'never_synced': return { ...plain, ...neverSynced(status) };
    case 'first_sync': return { ...plain, ...firstSync(status) };
    case 'syncing': return { ...plain, ...same(t('sync.syncing')), tone: 'busy' };
    case 'up_to_date': return {
      ...plain, text: `${t('sync.online')} · ${lastSynced(memory, nowMs)}`, tone: 'ok', dot: 'online', action: 'refresh',
      instant, announcement: t('sync.announceOnline'),
    };
    case 'stale': return {
      ...plain, text: lastSynced(memory, nowMs), tone: 'warn', action: 'refresh', instant,
      announcement: t('sync.announceStale'),
    };
    case 'offline': {
      const text = readable ?? partialText(status) ?? t('sync.offlineEmpty');
      return {
        ...plain, text: `${t('sync.offline')} · ${text}`, announcement: `${t('sync.offline')}. ${text}`, tone: 'plain',
        dot: 'offline', action: 'try-again', instant, notice: { text, tone: 'warn', action: 'try-again' },
      };
    }
    case 'unreachable': {
      const server = serverName(status);
      const text = t('sync.unreachable', { server });
      const reason = status.error?.kind ? syncErrorText(status.error) : null;
      const why = reason ?? `${text}.`;
      const long = readable === null ? withPartial(why, status) : `${why} ${readable}`;
      return {
        ...plain, ...same(text), reason, tone: 'bad', dot: 'offline', action: 'details', instant,
        notice: { text: long, tone: 'warn', action: 'try-again' },
      };
    }
    case 'session_expired': {
      const text = signInReason(status) ?? `${t('sync.expired')}.`;
      const long = readable === null ? withPartial(text, status) : `${text} ${readable}`;
      return {
        ...plain, text: withAge(t('sync.expired'), memory, nowMs), announcement: text, tone: 'warn', action: 'sign-in', instant,
        notice: { text: long, tone: 'warn', action: 'sign-in' },
      };
    }
    case 'error': {
      if (isInDoubt(status)) {
        const text = t('sync.checkingSignIn');
        const long = readable === null ? withPartial(text, status) : `${text} ${readable}`;
        return {
          ...plain, text: withAge(text, memory, nowMs), announcement: text, tone: 'warn', action: 'sign-in', instant,
          notice: { text: long, tone: 'warn', action: 'sign-in' },
        };
      }
      const reason = status.error && syncErrorText(status.error);
      const long = withPartial(reason ? t('sync.failedLong', { reason }) : t('sync.failed'), status);
      const last = status.lastSync && (when === null ? t('sync.lastSyncedUnknown') : t('sync.lastSynced', { when }));
      const text = [t('sync.failed'), last ?? []].flat().join(' · ');
      return {
        ...plain, text, announcement: long, reason, tone: 'bad', action: 'details', instant,
        notice: { text: long, tone: 'bad', action: 'details' },
      };
    }
    case 'update_required': {
      const side = blockText(writeBlock(status)) ?? t('sync.update');
      const text = status.error ? syncErrorText(status.error) : `${side}.`;
      const long = readable === null ? withPartial(text, status) : `${text} ${readable}`;
      return {
        ...plain, text: withAge(side, memory, nowMs), announcement: text, tone: 'warn', instant,
        notice: { text: long, tone: 'warn', action: null },
      };
    }
  }
}

/** What to know before signing in once more; null if nothing. */
export function signInReason({ error }: Status): string | null {
  return error?.code === 'session_refused' || error?.code === 'sign_in_locked' ? syncErrorText(error) : null;
}

function neverSynced(status: Status): Partial<SyncView> {
  if (status.partial === 0) return { ...same(t('sync.neverSynced')), action: 'sync-now' };
  const text = t('sync.stopped', { done: formatNumber(status.partial) });
  return { ...same(text), tone: 'warn', action: 'sync-now', notice: { text, tone: 'warn', action: 'sync-now' } };
}

/** What to add about an incomplete first sync in another state. */
function partialText({ partial }: Status): string | null {
  return partial === 0 ? null : t('sync.partial', { count: partial });
}

function withPartial(text: string, status: Status): string {
  return [text, partialText(status) ?? []].flat().join(' ');
}

function firstSync(status: Status): Partial<SyncView> {
  const { changes = 0, total = null } = status.progress ?? {};
  const done = formatNumber(changes);
  const text = changes === 0 ? t('sync.firstSyncStart')
    : total === null ? t('sync.firstSyncOpen', { done }) : t('sync.firstSync', { done, total: formatNumber(total) });
  return {
    text,
    tone: 'busy',
    action: 'cancel',
    announcement: t('sync.firstSyncStart'),
    notice: { text, tone: 'info', action: 'cancel' },
    progress: { ratio: total === null || total === 0 ? null : Math.min(1, changes / total) },
  };
}

function same(text: string): Pick<SyncView, 'text' | 'announcement'> {
  return { text, announcement: text };
}

function lastSynced(memory: SyncMemory, nowMs: number): string {
  const age = ageMs(memory, nowMs);
  if (age === null) return t('sync.lastSyncedUnknown');
  return age < 60_000 ? t('sync.justNow') : t('sync.lastSynced', { when: formatRelative(age) });
}

/** Adds how old the data is, if any has been synced. */
function withAge(text: string, memory: SyncMemory, nowMs: number): string {
  return memory.latest.lastSync ? `${text} · ${lastSynced(memory, nowMs)}` : text;
}

function serverName(status: Status): string {
  return status.server === null ? t('sync.yourServer') : URL.parse(status.server)?.host ?? status.server;
}
