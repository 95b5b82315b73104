// What all forms and dialogs share: their styles, the sheet with its banners and buttons, which fields were rejected and
// why, and the keys that submit.

import { css, html, type LitElement, type TemplateResult } from 'lit';

import type { Problems } from '../../shared/problems.ts';
import type { RecordView } from '../../shared/window/views.ts';
import type { Lead } from '../app-state.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { t } from '../text/i18n.ts';
import { shortcutOf } from '../text/keys-text.ts';
import { fieldLabel, problemMessage } from '../text/messages.ts';
import { icon } from '../base/icons.ts';
import { askQuestion } from '../base/question.ts';
import { authorOf } from './author.ts';
import type { FlowError } from './record-flow.ts';
import type { WriteBlock } from '../sync/sync-view.ts';
import '../base/sheet.ts';
import '../base/write-button.ts';

export const formStyles = css`
  form { display: grid; gap: var(--space-4); }
  fieldset { display: grid; gap: var(--space-3); min-inline-size: 0; margin: 0; padding: 0; border: 0; }
  legend { padding: 0; margin-block-end: var(--space-1); font-weight: var(--weight-strong); }
  .row { display: grid; grid-auto-columns: minmax(0, 1fr); grid-auto-flow: column; gap: var(--space-3); align-items: start; }

  .banner {
    display: flex;
    align-items: flex-start;
    gap: var(--space-2);
    margin: 0;
    padding: var(--space-2) var(--space-3);
    border-radius: var(--radius);
    background: var(--color-bad-back);
    color: var(--color-bad);
  }

  [role] > .banner, :host([role]) > .banner { margin-block: var(--space-2) var(--space-3); }
  .banner > span { flex: 1; }
  .banner.warn { background: var(--color-warn-back); color: var(--color-warn); }
  .banner.info { background: var(--color-info-back); color: var(--color-text); }

  @media (max-width: 560px) {
    .row { grid-auto-flow: row; }
  }
`;

export interface FormFrame {
  readonly heading: string;
  readonly placement: 'side' | 'wide';
  readonly error: FlowError | null;
  readonly problems: Problems;
  /** What is wrong, where that says more than how many fields are. */
  readonly summary?: string;
  /** The paths that the form shows. */
  readonly shown: readonly string[];
  readonly isBusy: boolean;
  /** What has happened to the record since the form was opened; empty if nothing has. */
  readonly news: string;
  readonly block: WriteBlock;
  readonly saveLabel: string;
  readonly onSave: () => void;
  /** Another way to save. */
  readonly alternative?: { readonly label: string; readonly keys: string; readonly onSave: () => void } | null;
  readonly onClose: () => void;
  readonly content: TemplateResult;
}

/** A form in its sheet, with banners between the fields and the buttons. */
export function formFrame(frame: FormFrame): TemplateResult {
  return html`
    <invoify-sheet .placement=${frame.placement} .heading=${frame.heading} .isBusy=${frame.isBusy} @sheet-close=${frame.onClose}>
      ${frame.content}
      <div slot="notice">${renderBanners(frame)}</div>
      <button slot="actions" type="button" class="button" ?disabled=${frame.isBusy} @click=${frame.onClose}>${t('word.cancel')}</button>
      ${frame.alternative ? html`<invoify-write-button slot="actions" .blocked=${frame.block} .busy=${frame.isBusy}
        .label=${frame.alternative.label} .keys=${shortcutOf(frame.alternative.keys)}
        @activate=${frame.alternative.onSave}></invoify-write-button>` : ''}
      <invoify-write-button slot="actions" look="primary" .blocked=${frame.block}
        .label=${frame.isBusy ? t('form.saving') : frame.saveLabel} .keys=${shortcutOf('Control+S')}
        @activate=${frame.onSave}></invoify-write-button>
    </invoify-sheet>`;
}

/** That a record was changed since a form was opened, and by whom, if that is known; empty if it is the same version. */
export function newsText({ updatedAt, payload }: RecordView, before: Pick<RecordView, 'updatedAt'>): string {
  if (updatedAt === before.updatedAt) return '';
  const author = authorOf(payload);
  return author === null ? t('form.newer') : t('form.newerBy', { name: author });
}

/**
 * What has to be said about a form, which imports block-banner.ts for it. The live regions are always present, so that what
 * appears in them is announced.
 */
export function renderBanners(
  { error, problems, summary = '', shown, news, block }:
  Pick<FormFrame, 'error' | 'problems' | 'summary' | 'shown' | 'news' | 'block'>,
): TemplateResult {
  const count = Object.keys(problems).length;
  const unplaced = Object.entries(problems).filter(([path]) => !shown.includes(path));
  const failure = summary || (count > 0 ? t('problem.count', { count }) : error ? refusalText(error) : '');
  return html`
    <div role="alert">
      ${failure ? html`
        <div class="banner">${icon('warn')}
          <span>${failure}${unplaced.map(([path, problem]) => html`<br>${fieldLabel(path)}: ${problemMessage(path, problem, '')}`)}</span>
        </div>` : ''}
    </div>
    <invoify-block-banner .block=${block} .hasInput=${true}></invoify-block-banner>
    <div role="status">
      ${news ? html`<div class="banner info">${icon('info')}<span>${news}</span></div>` : ''}
    </div>`;
}

/** Whether unsaved input may go: asks. `error` is what came of the last attempt to save it. */
export function askToDiscard(host: LitElement, error: FlowError | null = null): Promise<boolean> {
  const isUnknown = error?.code === 'unknown_new' || error?.code === 'outcome_unknown';
  return askQuestion(host, {
    heading: t('form.leaveTitle'), text: t(isUnknown ? 'form.leaveUnknown' : 'form.leaveText'),
    yes: t('form.leave'), no: t('form.stay'), isDanger: true,
  });
}

/** Why the server refused; empty if nobody is signed in, which the block banner says for as long as it is so. */
export function refusalText(error: FlowError): string {
  return error.code === 'signed_out' ? '' : callErrorText(error);
}

/** The problems without that of a field that is being edited. */
export function withoutProblem(problems: Problems, path: string): Problems {
  // What is an amount depends on its currency.
  const isOver = (name: string): boolean => name === path || (path === 'currency' && problems[name]?.code === 'amount');
  return Object.keys(problems).some(isOver) ? Object.fromEntries(Object.entries(problems).filter(([name]) => !isOver(name))) : problems;
}

/** The path of the first rejected field in form order, or null. */
export function firstProblem(problems: Problems, order: readonly string[]): string | null {
  return order.find((path) => problems[path] !== undefined) ?? null;
}

/** Focuses the field at a path, if the form shows it. */
export function focusField(root: HTMLElement | DocumentFragment, path: string | null): void {
  if (path !== null) root.querySelector<HTMLElement>(`[data-path="${CSS.escape(path)}"]`)?.focus();
}

/** The path of the field that a form was opened for, or null: of an object, its first part. */
export function leadField(lead: Lead | undefined, order: readonly string[]): string | null {
  return (lead && order.find((path) => path === lead.field || path.startsWith(`${lead.field}.`))) ?? null;
}

/** Enter in a single-line input, or Ctrl+Enter or Ctrl+S anywhere. */
export function isSubmitKey(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.isComposing) return false;
  if (event.ctrlKey || event.metaKey) return event.key === 'Enter' || event.key.toLowerCase() === 's';
  const [target] = event.composedPath();
  return event.key === 'Enter' && target instanceof HTMLInputElement && target.type !== 'checkbox';
}
