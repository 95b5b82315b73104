// What stands around every form: the sheet, what went wrong above the fields, and Save and Cancel below them.

import { html, type TemplateResult } from 'lit';

import type { Problems } from '../../shared/fields.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { strayProblems } from './form-problems.ts';
import { t } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import type { FlowError } from './record-flow.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import '../base/sheet.ts';
import '../base/write-button.ts';

export interface FormFrame {
  readonly heading: string;
  readonly placement: 'side' | 'wide';
  readonly error: FlowError | null;
  readonly problems: Problems;
  /** The paths that have a place in the form. */
  readonly shown: readonly string[];
  readonly isBusy: boolean;
  readonly isNewer: boolean;
  readonly block: WriteBlock;
  readonly saveLabel: string;
  readonly onSave: () => void;
  readonly onClose: () => void;
  readonly content: TemplateResult;
}

export function formFrame(frame: FormFrame): TemplateResult {
  return html`
    <invoify-sheet .placement=${frame.placement} .heading=${frame.heading} .isBusy=${frame.isBusy} @sheet-close=${frame.onClose}>
      ${renderBanners(frame)}
      ${frame.content}
      <button slot="actions" type="button" class="button" ?disabled=${frame.isBusy} @click=${frame.onClose}>${t('word.cancel')}</button>
      <invoify-write-button slot="actions" look="primary" .blocked=${frame.block}
        .label=${frame.isBusy ? t('form.saving') : frame.saveLabel} @activate=${frame.onSave}></invoify-write-button>
    </invoify-sheet>`;
}

/** Live regions that are always there, so that what appears in them is announced. */
function renderBanners({ error, problems, shown, isNewer, block }: FormFrame): TemplateResult {
  const count = Object.keys(problems).length;
  const strays = strayProblems(problems, shown);
  const refused = count > 0 ? t('problem.count', { count }) : error ? callErrorText(error) : '';
  const blocked = block === null ? '' : t(block === 'offline' ? 'form.offline' : 'form.signedOut');
  return html`
    <div role="alert">
      ${refused ? html`
        <div class="banner">${icon('warn')}
          <span>${refused}${strays.map(([path, reason]) => html`<br>${path}: ${reason}`)}</span>
        </div>` : ''}
    </div>
    <div role="status">
      ${blocked ? html`<div class="banner warn">${icon('offline')}<span>${blocked}</span></div>` : ''}
      ${isNewer ? html`<div class="banner info">${icon('info')}<span>${t('form.newer')}</span></div>` : ''}
    </div>`;
}

/** Moves the focus to the field of a path, where it has a place. */
export function focusField(root: HTMLElement | DocumentFragment, path: string | null): void {
  if (path !== null) root.querySelector<HTMLElement>(`[data-path="${CSS.escape(path)}"]`)?.focus();
}

/** Enter in a single line, or Ctrl+Enter and Ctrl+S anywhere. */
export function isSubmitKey(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.isComposing) return false;
  if (event.ctrlKey || event.metaKey) return event.key === 'Enter' || event.key.toLowerCase() === 's';
  const [target] = event.composedPath();
  return event.key === 'Enter' && target instanceof HTMLInputElement && target.type !== 'checkbox';
}
