// What went wrong with a call, in the language of the person where the catalogue knows it and in the server's words where
// those say more.

import type { CallError } from '../../shared/window/ipc.ts';
import type { Attempt, CacheNotice, SyncError } from '../../shared/window/views.ts';
import { currentLocale, isKey, tryText } from './i18n.ts';
import type { FlowError } from '../record/record-flow.ts';

/** Why a sync failed: the desktop's own sentence says the most, and is English. */
export function syncErrorText(error: SyncError): string {
  return currentLocale().language === 'en' ? error.message : callErrorText(error);
}

/** What happened to the copy: the desktop's own sentence says the most, and is English. */
export function cacheNoticeText({ code, message }: CacheNotice): string {
  return currentLocale().language === 'en' ? message : tryText('notice', code);
}

/** Why an attempt failed, or why it built the copy anew; null where there is nothing to say. */
export function attemptText({ code, detail }: Attempt): string | null {
  if (code !== null) return syncErrorText({ code, message: detail ?? '' });
  return detail === null ? null : tryText('notice', detail);
}

/** What went wrong, and what to do. */
export function callErrorText({ code, message }: CallError | SyncError | FlowError): string {
  return isKey(`error.${code}`) ? tryText('error', code) : message;
}
