// The computers that are signed in: the user's own, as a list, or (`all`, for owners) everyone's, as a table where there is
// room. Each session but this computer's own can be ended. The list comes from the server, so offline there is none to load.
//
//   <invoify-computers .status .revision ?all>

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';

import type { CallError } from '../../shared/window/ipc.ts';
import type { SessionEntry } from '../../shared/protocol.ts';
import type { Status } from '../../shared/window/views.ts';
import { ask } from '../base/ask.ts';
import { controls } from '../base/controls.ts';
import { emit } from '../base/events.ts';
import { latestOnly } from '../base/latest.ts';
import { askQuestion } from '../base/question.ts';
import { screenStyles } from '../base/screen-styles.ts';
import '../base/write-button.ts';
import { blockText, writeBlock, type WriteBlock } from '../sync/sync-view.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { atStart, formatDateTime, formatRelative, formatWhen } from '../text/format.ts';
import { t } from '../text/i18n.ts';
import { viewComputers, type ComputerView } from './computer-view.ts';

/** Below this width there is no room for a table. */
const narrow = '(max-width: 1100px)';
/** Stays at the end of a line that breaks. */
const separator = '\u00a0· ';
/** How often the list is read again while it is shown. */
const READ_EVERY_MS = 60_000;

export class InvoifyComputers extends LitElement {
  static override properties = {
    status: { attribute: false },
    revision: { attribute: false },
    all: { type: Boolean },
    _sessions: { state: true },
    _names: { state: true },
    _failure: { state: true },
    _ending: { state: true },
  };

  static override styles = [controls, screenStyles, css`
    :host { display: block; min-inline-size: 0; block-size: auto; background: none; }
    ul { margin: 0; padding: 0; list-style: none; }
    .name { display: flex; flex-wrap: wrap; align-items: center; gap: var(--space-half) var(--space-2); overflow-wrap: anywhere; }
    .scroll { overflow-x: auto; }
    table { inline-size: 100%; border-collapse: collapse; }
    th { padding: 0 var(--space-3) var(--space-1) 0; color: var(--color-muted); font-size: var(--text-small);
      font-weight: var(--weight-body); text-align: start; white-space: nowrap; }
    td { block-size: 40px; padding: var(--space-1) var(--space-3) var(--space-1) 0; border-block-start: 1px solid var(--color-line); }
    th:last-child, td:last-child { padding-inline-end: 0; text-align: end; }
    td:not(.wide) { white-space: nowrap; }
    td.wide { min-inline-size: 120px; }
    td.start::first-letter { text-transform: uppercase; }
    .note { margin-block-end: var(--space-3); }
  `];

  declare status: Status | null;
  declare revision: string;
  /** Whether to show the account's computers instead of the user's own. */
  declare all: boolean;
  declare _sessions: readonly SessionEntry[] | null;
  /** The users' names by id. */
  declare _names: Readonly<Record<string, string>>;
  declare _failure: CallError | null;
  /** The session that is being ended. */
  declare _ending: string | null;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #narrow = matchMedia(narrow);
  readonly #redraw = (): void => this.requestUpdate();
  #wasBlocked = true;
  readonly #latestLoad = latestOnly();

  constructor() {
    super();
    this.status = null;
    this.revision = '';
    this.all = false;
    this._sessions = null;
    this._names = {};
    this._failure = null;
    this._ending = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => void this.#load(), READ_EVERY_MS);
    this.#narrow.addEventListener('change', this.#redraw);
  }

  override disconnectedCallback(): void {
    clearInterval(this.#timer);
    this.#narrow.removeEventListener('change', this.#redraw);
    super.disconnectedCallback();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const isBlocked = this.#block !== null;
    if (!isBlocked && (changed.has('revision') || this.#wasBlocked)) void this.#load();
    this.#wasBlocked = isBlocked;
  }

  get #block(): WriteBlock {
    return this.status ? writeBlock(this.status) : 'unreachable';
  }

  async #load(): Promise<void> {
    if (this.#block !== null) return;
    const isLatest = this.#latestLoad();
    const outcome = await ask(this, 'auth.listSessions', { all: this.all });
    const names = this.all && outcome.ok ? await this.#readNames(outcome.value) : {};
    if (!isLatest()) return;
    this._failure = outcome.ok ? null : outcome.error;
    if (!outcome.ok) return;
    this._names = names;
    this._sessions = outcome.value;
  }

  async #readNames(sessions: readonly SessionEntry[]): Promise<Readonly<Record<string, string>>> {
    const ids = [...new Set(sessions.map(({ userId }) => userId))];
    const users = await Promise.all(ids.map((id) => ask(this, 'data.getRecord', { collection: 'users', id })));
    const found = users.flatMap((user) => (user.ok && user.value ? [user.value] : []));
    return Object.fromEntries(found.map(({ id, payload }) => [id, String(payload['name'])]));
  }

  async #end(view: ComputerView): Promise<void> {
    const isConfirmed = await askQuestion(this, {
      heading: this.#ofWhom(view, 'computers.endTitle', 'computers.endTitleOf'), text: t('computers.endText'),
      yes: t('computers.endAction'), isDanger: true,
    });
    if (!isConfirmed || this._ending !== null) return;
    this._ending = view.id;
    const outcome = await ask(this, 'auth.endSession', { id: view.id });
    this._ending = null;
    if (outcome.ok) emit(this, 'toast', { text: this.#ofWhom(view, 'computers.ended', 'computers.endedOf'), tone: 'ok' });
    else emit(this, 'toast', { text: callErrorText(outcome.error), tone: 'bad' });
    await this.#load();
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>('[data-list]')?.focus();
  }

  override render(): TemplateResult {
    const views = this._sessions && viewComputers(this._sessions, this.status?.cursor ?? null);
    return html`
      ${this.#block === null ? nothing : html`<p class="quiet note">${this.#blockText(this.#block)}</p>`}
      ${!views ? this.#renderEmpty() : this.all && !this.#narrow.matches ? this.#renderTable(views) : this.#renderList(views)}`;
  }

  #blockText(block: NonNullable<WriteBlock>): string | null {
    if (block === 'signed_out') return t('computers.signedOut');
    if (block !== 'offline' && block !== 'unreachable') return blockText(block);
    return this._sessions ? t('computers.offlineShown') : t('computers.offline');
  }

  #renderEmpty(): TemplateResult {
    if (this.#block !== null) return html``;
    if (!this._failure) return html`<p class="quiet">${t('list.loading')}</p>`;
    return html`<p class="quiet" role="alert">${callErrorText(this._failure)}</p>
      <p><button class="button" type="button" @click=${() => this.#load()}>${t('word.tryAgain')}</button></p>`;
  }

  #renderList(views: readonly ComputerView[]): TemplateResult {
    return html`
      <ul data-list tabindex="-1" aria-label=${t(this.all ? 'screen.computers' : 'computers.own')}>${views.map((view) => html`
        <li class="setting">
          <div class="what">
            <div class="name">${this.#nameIn(view)}${this.#renderBadges(view)}</div>
            <p>${[
              ...view.version === null ? [] : [t('settings.version', { version: view.version })],
              `${t('computers.signedIn')}: ${formatWhen(view.signedInMs, Date.now())}`,
              `${t('computers.lastSeen')}: ${seenText(view)}`,
              dataText(view),
            ].join(separator)}</p>
          </div>
          ${this.#renderEnd(view)}
        </li>`)}
      </ul>`;
  }

  #renderTable(views: readonly ComputerView[]): TemplateResult {
    return html`
      <div class="scroll" data-list tabindex="0" role="region" aria-label=${t('screen.computers')}>
        <table>
          <thead><tr>
            <th scope="col">${t('computers.who')}</th>
            <th scope="col">${t('computers.computer')}</th>
            <th scope="col">${t('computers.version')}</th>
            <th scope="col">${t('computers.signedIn')}</th>
            <th scope="col">${t('computers.lastSeen')}</th>
            <th scope="col">${t('computers.data')}</th>
            <th scope="col"><span class="visually-hidden">${t('computers.endAction')}</span></th>
          </tr></thead>
          <tbody>${views.map((view) => html`
            <tr>
              <td class="wide">${this.#userOf(view)}</td>
              <td class="wide"><div class="name">${nameOf(view)}${this.#renderBadges(view)}</div></td>
              <td>${view.version ?? t('word.none')}</td>
              <td class="start" title=${formatDateTime(view.signedInMs)}>${atStart(formatWhen(view.signedInMs, Date.now()))}</td>
              <td class="start" title=${formatDateTime(view.seenMs)}>${atStart(seenText(view))}</td>
              <td title=${view.syncedMs === null ? nothing : formatDateTime(view.syncedMs)}>${dataText(view)}</td>
              <td>${this.#renderEnd(view)}</td>
            </tr>`)}
          </tbody>
        </table>
      </div>`;
  }

  #userOf({ userId }: ComputerView): string {
    return this._names[userId] ?? t('computers.formerUser');
  }

  /** The computer, and whose session it is where everyone's are listed. */
  #nameIn(view: ComputerView): string {
    return this.all ? `${this.#userOf(view)}${separator}${nameOf(view)}` : nameOf(view);
  }

  /** A text about the end of a session, which names whose it is where everyone's are listed. */
  #ofWhom(view: ComputerView, own: 'computers.endTitle' | 'computers.ended', other: 'computers.endTitleOf' | 'computers.endedOf'): string {
    const [name, computer] = [this._names[view.userId], nameOf(view)];
    return this.all && name !== undefined ? t(other, { name, computer }) : t(own, { computer });
  }

  #renderBadges({ isCurrent, late }: ComputerView): TemplateResult {
    return html`
      ${isCurrent ? html`<span class="badge" data-tone="info">${t('computers.current')}</span>` : ''}
      ${late === null ? '' : html`<span class="badge" data-tone="warn">${t(`computers.${late}`)}</span>`}`;
  }

  #renderEnd(view: ComputerView): TemplateResult {
    if (view.isCurrent) return html``;
    return html`<invoify-write-button .blocked=${this.#block} ?busy=${this._ending !== null} .short=${t('computers.end')}
      .label=${t('computers.endOf', { computer: this.#nameIn(view) })} @activate=${() => this.#end(view)}></invoify-write-button>`;
  }
}

function nameOf({ computer }: ComputerView): string {
  return computer ?? t('computers.unknown');
}

/** As exact as the server notes it. */
function seenText({ seenAgoMs }: ComputerView): string {
  return seenAgoMs < 5 * 60_000 ? t('computers.justNow') : formatRelative(seenAgoMs);
}

function dataText({ behindMs }: ComputerView): string {
  if (behindMs === null) return t('computers.neverSynced');
  return behindMs === 0 ? t('computers.upToDate') : t('computers.dataOf', { when: formatRelative(behindMs) });
}

customElements.define('invoify-computers', InvoifyComputers);
