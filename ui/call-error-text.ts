// What went wrong with a call, in the language of the person where the catalogue knows it and in the server's words where
// those say more.

import type { CallError } from '../shared/ipc.ts';
import type { SyncError } from '../shared/views.ts';
import { currentLocale, isKey, tryText } from './i18n.ts';
import type { FlowError } from './record-flow.ts';

/** Why a sync failed: the desktop's own sentence says the most, and is English. */
export function syncErrorText(error: SyncError): string {
  return currentLocale().language === 'en' ? error.message : callErrorText(error);
}

/** What went wrong, and what to do. */
export function callErrorText({ code, message }: CallError | SyncError | FlowError): string {
  return isKey(`error.${code}`) ? tryText('error', code) : message;
}
