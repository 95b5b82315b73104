// The actions offered beside the sync's status: their labels, and the events that request them from the root.

import { healthScreen } from '../app-state.ts';
import { emit } from '../base/events.ts';
import { t } from '../text/i18n.ts';
import type { SyncAction } from './sync-view.ts';

export function actionLabel(action: SyncAction): string {
  switch (action) {
    case 'refresh': return t('sync.refresh');
    case 'sync-now': return t('sync.now');
    case 'cancel': return t('word.cancel');
    case 'try-again': return t('word.tryAgain');
    case 'details': return t('word.details');
    case 'sign-in': return t('sync.signIn');
  }
}

export function runSyncAction(element: EventTarget, action: SyncAction): void {
  switch (action) {
    case 'refresh': case 'sync-now': case 'try-again': return emit(element, 'refresh');
    case 'cancel': return emit(element, 'cancel-sync');
    case 'details': return emit(element, 'navigate', { screen: healthScreen });
    case 'sign-in': return emit(element, 'sign-in');
  }
}
