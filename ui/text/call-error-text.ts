// Errors as text in the user's language. In English an error's own message is shown where it says more than its code does; in other
// languages it is never shown, since it is English.

import type { CallError } from '../../shared/window/ipc.ts';
import type { Attempt, CacheNotice, SyncError } from '../../shared/window/views.ts';
import { currentLocale, isKey, t, tryText } from './i18n.ts';
import { authorOf } from '../record/author.ts';

/** Why a sync failed. In English it is the desktop's own message, which is the most specific. */
export function syncErrorText(error: SyncError): string {
  if (currentLocale().language === 'en') return error.message;
  // The text for a call speaks of what someone was about to save.
  const isKnown = error.code !== 'offline' || (error.kind !== undefined && isKey(`failure.${error.kind}`));
  return isKnown ? callErrorText(error) : `${t('sync.unreachable', { server: t('sync.yourServer') })}.`;
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

/** Their messages name what is in the way, which their codes do not. */
const vagueCodes: readonly string[] = ['conflict', 'invalid_request', 'resync_required'];

/** What went wrong, and what to do. */
export function callErrorText(
  error: CallError | SyncError | { readonly code: 'unsaved' | 'unknown_new'; readonly message: string },
): string {
  const { code, message } = error;
  if (currentLocale().language === 'en' && vagueCodes.includes(code) && message !== '') return message;
  // The texts of kinds are not part of the first screen.
  if ('kind' in error && error.kind && isKey(`failure.${error.kind}`)) return tryText('failure', error.kind);
  const reasons = Object.entries('fields' in error && error.fields ? error.fields : {}).map(([path, problem]) => `${path}.${problem.code}`);
  const reason = reasons.find((name) => isKey(`refused.${name}`));
  if (reason !== undefined) return tryText('refused', reason);
  const author = 'current' in error && error.current?.payload ? authorOf(error.current.payload) : null;
  // Not part of the first screen either.
  if (code === 'precondition_failed' && author !== null && isKey('confirm.changedBy')) return t('confirm.changedBy', { name: author });
  return isKey(`error.${code}`) ? tryText('error', code) : t('error.internal');
}
