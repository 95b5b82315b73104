// Errors as text in the user's language if the catalogue has the code; otherwise the error's own message.

import type { CallError } from '../../shared/window/ipc.ts';
import type { Attempt, CacheNotice, SyncError } from '../../shared/window/views.ts';
import { currentLocale, isKey, t, tryText } from './i18n.ts';
import type { FlowError } from '../record/record-flow.ts';

/** Why a sync failed. In English it is the desktop's own message, which is the most specific. */
export function syncErrorText(error: SyncError): string {
  if (currentLocale().language === 'en') return error.message;
  // The text for a call speaks of what someone was about to save.
  return error.code === 'offline' && !error.kind ? `${t('sync.unreachable', { server: t('sync.yourServer') })}.` : callErrorText(error);
}

/** What happened to the cache. In English it is the desktop's own message, which is the most specific. */
export function cacheNoticeText({ code, message }: CacheNotice): string {
  return currentLocale().language === 'en' ? message : tryText('notice', code);
}

/** Why a sync attempt failed or rebuilt the cache; null if it did neither. */
export function attemptText({ code, kind, detail }: Attempt): string | null {
  if (code !== null) return syncErrorText({ code, message: detail ?? '', ...(kind && { kind }) });
  if (detail === null) return null;
  // Earlier versions recorded other reasons for a rebuild.
  return isKey(`notice.${detail}`) ? tryText('notice', detail) : t('notice.cache_differed');
}

/** That passwords were tried too often, and when one may be tried again: in minutes from 90 seconds on. */
export function tooManyAttemptsText(waitS: number): string {
  return waitS < 90 ? t('signIn.tooMany', { count: waitS }) : t('signIn.tooManyMinutes', { count: Math.ceil(waitS / 60) });
}

/** What went wrong, and what to do. */
export function callErrorText(error: CallError | SyncError | FlowError): string {
  const [prefix, name] = 'kind' in error && error.kind ? ['failure', error.kind] : ['error', error.code];
  return isKey(`${prefix}.${name}`) ? tryText(prefix, name) : error.message;
}
