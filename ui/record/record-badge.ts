// The state of a record as a badge beside its title: word and colour, never colour alone.

import { html, type TemplateResult } from 'lit';

import { localDay } from '../text/format.ts';
import { t, tryText } from '../text/i18n.ts';
import type { Detail } from './record-detail-data.ts';

const tones: Readonly<Record<string, string>> = { draft: 'plain', sent: 'info', overdue: 'bad', paid: 'ok', void: 'muted' };

export function recordBadge({ collection, record: { payload } }: Detail): TemplateResult | string {
  if (collection === 'invoices') {
    const status = String(payload['status']);
    const shown = status === 'sent' && String(payload['dueDate']) < localDay(Date.now()) ? 'overdue' : status;
    return html`<span class="badge" data-tone=${tones[shown] ?? 'muted'}>${tryText('status', shown)}</span>`;
  }
  if (collection === 'plans' && payload['active'] === false) return html`<span class="badge" data-tone="muted">${t('active.no')}</span>`;
  if (collection === 'users' && payload['disabled'] === true) return html`<span class="badge" data-tone="bad">${t('disabled.yes')}</span>`;
  return '';
}
