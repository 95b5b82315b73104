// Who wrote a version of a record, and when, as the window says it.

import type { Authored } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { RecordView } from '../../shared/window/views.ts';
import { formatWhen } from '../text/format.ts';
import { t } from '../text/i18n.ts';

/** The name of who wrote it; null if nobody who was signed in did. */
export function authorOf(payload: JsonObject): string | null {
  return (payload as JsonObject & Authored).changedBy?.name ?? null;
}

/** That someone has changed the record since it was shown, and who, if that is known. */
export function meanwhileText({ payload }: RecordView): string {
  const name = authorOf(payload);
  return name === null ? t('confirm.changed') : t('confirm.changedBy', { name });
}

/** "Last changed by Ada, today 14:02". */
export function changedText({ payload, updatedAt }: RecordView, nowMs: number): string {
  const [name, when] = [authorOf(payload), formatWhen(updatedAt, nowMs)];
  return name === null ? t('detail.changed', { when }) : t('detail.changedBy', { name, when });
}
