// The window of a signed-in user: the current screen, the state of each list, and the record open beside it. All three are
// immutable values; events from the components below replace them.

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { keyed } from 'lit/directives/keyed.js';

import { findCollection, type Collection } from '../shared/collections.ts';
import { localDay } from '../shared/days.ts';
import type { AppInfo, Command, Settings } from '../shared/window/ipc.ts';
import type { Status } from '../shared/window/views.ts';
import {
  allowedScreen, companyScreen, computersScreen, healthScreen, mayWrite, reportScreen, settingsScreen, type DetailView, type Lead,
  type Screen,
} from './app-state.ts';
import { cacheNoticeText } from './text/call-error-text.ts';
import type { InvoifyCompany } from './company/company-screen.ts';
import type { InvoifyDetail } from './record/detail.ts';
import { emit, type AppEvents } from './base/events.ts';
import { focusScreen } from './base/focus.ts';
import { loadLaterTexts, t } from './text/i18n.ts';
import './list/list-screen.ts';
import type { InvoifyListScreen } from './list/list-screen.ts';
import { clearFilters, hasFilters, initialState, readAmountsWith, type ListState } from './list/list-state.ts';
import './sync/notice-bar.ts';
import './sidebar.ts';
import './sync/status-bar.ts';
import { blockText, writeBlock, type Notice, type SyncView } from './sync/sync-view.ts';

/** Loads the components that the first screen does not need, with their texts. */
async function loadLaterScreens(): Promise<void> {
  await loadLaterTexts();
  readAmountsWith((await import('./text/number-text.ts')).searchedAmount);
  await Promise.all([
    import('./record/detail.ts'), import('./settings/settings-screen.ts'), import('./settings/computers-screen.ts'),
    import('./sync/health-screen.ts'), import('./sync/sync-popover.ts'), import('./company/company-screen.ts'),
    import('./report/report-screen.ts'), import('./list/list-empty.ts'),
  ]);
}

/** Below this width the detail overlays the list. */
const narrow = '(max-width: 1199px)';
/** How long the keyboard rests on a row before the detail follows. */
const followDelayMs = 90;

export class InvoifyShell extends LitElement {
  static override properties = {
    status: { attribute: false },
    view: { attribute: false },
    settings: { attribute: false },
    info: { attribute: false },
    _screen: { state: true },
    _lists: { state: true },
    _detail: { state: true },
    _dismissed: { state: true },
  };

  static override styles = css`
    :host {
      position: relative;
      display: grid;
      grid-template: minmax(0, 1fr) auto / var(--size-sidebar) minmax(0, 1fr) auto;
      block-size: 100%;
      background: var(--color-back);
    }
    * { box-sizing: border-box; }
    main { display: flex; flex-direction: column; min-block-size: 0; min-inline-size: 0; background: var(--color-surface); }
    main > :not([slot]) { flex: 1; min-block-size: 0; }
    main > invoify-notice-bar { flex: none; }
    footer { grid-column: 1 / -1; min-inline-size: 0; }
    aside { min-block-size: 0; min-inline-size: 0; }
    aside.new { display: contents; }
    .beside { inline-size: var(--size-detail); border-inline-start: 1px solid var(--color-line); }
    .over {
      position: absolute;
      inset-block: 0 var(--size-status);
      inset-inline-end: 0;
      z-index: 2;
      inline-size: min(var(--size-detail), 100%);
      background: var(--color-surface);
      box-shadow: var(--shadow);
      animation: slide var(--motion);
    }
    .scrim { position: absolute; inset: 0 0 var(--size-status); z-index: 1; background: var(--color-scrim); }
    @keyframes slide { from { opacity: 0; transform: translateX(var(--space-4)); } }
    @media (prefers-reduced-motion: reduce) { .over { animation: none; } }
    @media (max-width: 1099px) { :host { grid-template-columns: var(--size-sidebar-narrow) minmax(0, 1fr) auto; } }
  `;

  declare status: Status;
  declare view: SyncView;
  declare settings: Settings | null;
  declare info: AppInfo | null;
  declare _screen: Screen;
  declare _lists: Readonly<Record<string, ListState>>;
  declare _detail: DetailView | null;
  /** The text of the notice that the user dismissed. */
  declare _dismissed: string | null;

  /** What the company's screen was opened for. */
  #lead: Lead | null = null;
  /** The record that a new one's form has replaced, and that is shown again if the form is cancelled. */
  #before: DetailView | null = null;
  #followTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #narrow = matchMedia(narrow);
  readonly #redraw = (): void => this.requestUpdate();

  constructor() {
    super();
    this.settings = null;
    this.info = null;
    this._screen = decodeURIComponent(location.hash.slice(1));
    this._lists = {};
    this._detail = null;
    this._dismissed = null;
    this.#on('navigate', ({ screen, lead }) => this.#goTo(screen, lead));
    this.#on('open-record', (record, event) => this.#openRecord(record, isFromTable(event)));
    this.#on('new-record', ({ collection, from }) => this.#show({ collection, id: null, from: from ?? null }));
    this.#on('show-list', (list) => this.#showList(list));
    this.#on('close-detail', () => this.#closeDetail());
    this.#on('leave-detail', () => this.#leaveDetail());
  }

  #on<E extends keyof AppEvents>(name: E, handle: (detail: AppEvents[E], event: Event) => unknown): void {
    this.addEventListener(name, (event) => void handle((event as CustomEvent<AppEvents[E]>).detail, event));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#narrow.addEventListener('change', this.#redraw);
  }

  override disconnectedCallback(): void {
    this.#narrow.removeEventListener('change', this.#redraw);
    clearTimeout(this.#followTimer);
    super.disconnectedCallback();
  }

  protected override firstUpdated(): void {
    // Preloading is best effort; opening a screen tries again.
    requestIdleCallback(() => void loadLaterScreens().catch(() => undefined), { timeout: 1000 });
  }

  /** Runs a command from a key or the menu. One that does not apply here does nothing. */
  run(command: Command): void {
    switch (command) {
      case 'refresh': return emit(this, 'refresh');
      case 'search': return this.#list?.focusSearch();
      case 'print': return this.#record?.print();
      case 'settings': return void this.#goTo(settingsScreen);
      case 'new': return this.#new();
    }
  }

  /** Focuses the record that is shown, or else the screen, because the focused element is gone. */
  async focusContent(): Promise<void> {
    await this.updateComplete;
    if (this.#record?.mode === 'view') this.#record.focusStart();
    else await focusScreen(this);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    this._screen = allowedScreen(this._screen, this.status.user?.role ?? null);
    const collection = findCollection(this._screen);
    // Created once, because a new object would make the list reload.
    if (collection && !this._lists[this._screen]) this._lists = { ...this._lists, [this._screen]: initialState(collection) };
    if (changed.has('status') && changed.get('status')?.notice?.code !== this.status.notice?.code) this._dismissed = null;
  }

  #new(): void {
    const { user } = this.status;
    const collection = findCollection(this._screen);
    if (!user || !collection || collection.single || !mayWrite(this._screen, user.role) || this._detail?.id === null) return;
    const block = writeBlock(this.status);
    const reason = blockText(block);
    if (reason === null) void this.#show({ collection: this._screen, id: null, from: null });
    else emit(this, 'toast', { text: reason, tone: 'bad', block });
  }

  async #goTo(screen: Screen, lead: Lead | null = null): Promise<void> {
    if (screen === this._screen || !await this.#mayLeave()) return;
    this._detail = null;
    this.#lead = lead;
    this.#setScreen(screen);
    await loadLaterScreens();
    await this.updateComplete;
    // What was activated may be gone with the screen before.
    if (document.activeElement === document.body) await focusScreen(this);
  }

  #setScreen(screen: Screen): void {
    this._screen = screen;
    history.replaceState(null, '', `#${encodeURIComponent(screen)}`);
  }

  /** The focus goes to the record, unless it is in the list beside it. */
  async #openRecord({ collection, id, act, lead }: AppEvents['open-record'], isFromTable: boolean): Promise<void> {
    if (!await this.#show({ collection, id, from: null })) return;
    if (this._screen !== collection) {
      const list = this._lists[collection];
      // The list beside a record must have it.
      if (list && hasFilters(list)) this._lists = { ...this._lists, [collection]: clearFilters(list) };
      this.#setScreen(collection);
    }
    if (!isFromTable || this.#narrow.matches) this.#record?.focusStart();
    if (act) this.#record?.begin(act, lead);
  }

  /** Resolves with whether it is shown: the user may decide to keep editing an open form. */
  async #show(detail: DetailView): Promise<boolean> {
    clearTimeout(this.#followTimer);
    const isShown = detail.id !== null && detail.id === this._detail?.id && detail.collection === this._detail.collection;
    if (isShown) return true;
    if (!await this.#mayLeave()) return false;
    await loadLaterScreens();
    this.#before = detail.id === null ? this._detail : null;
    this._detail = detail;
    await this.updateComplete;
    return true;
  }

  async #showList({ collection, filters, label }: AppEvents['show-list']): Promise<void> {
    const found = findCollection(collection);
    if (!found || !await this.#mayLeave()) return;
    this._lists = { ...this._lists, [collection]: { ...initialState(found), given: { filters, label } } };
    this._detail = null;
    this.#setScreen(collection);
    await focusScreen(this);
  }

  /** An open detail follows the keyboard through the list. */
  #followRow(id: string): void {
    clearTimeout(this.#followTimer);
    if (!this._detail || this.#narrow.matches || this.#record?.mode !== 'view') return;
    this.#followTimer = setTimeout(() => void this.#show({ collection: this._screen, id, from: null }), followDelayMs);
  }

  #closeDetail(): void {
    clearTimeout(this.#followTimer);
    const id = this._detail?.id;
    this._detail = id === null ? this.#before : null;
    void this.updateComplete.then(() => this._detail ? this.#record?.focusStart() : this.#list?.focusRecord(id ?? ''));
  }

  /** The list has left the record out. The focus stays where it is: in the search, or a filter. */
  #closeUnlisted(id: string): void {
    if (this._detail?.id === id && this.#record?.mode === 'view') this._detail = null;
  }

  /** In a narrow window the record covers the list. */
  #leaveDetail(): void {
    const id = this._detail?.id ?? null;
    if (id === null || this.#narrow.matches) this.#closeDetail();
    else this.#list?.focusRecord(id);
  }

  async #mayLeave(): Promise<boolean> {
    const open = this.renderRoot.querySelector<Partial<InvoifyDetail | InvoifyCompany> & Element>('invoify-detail, invoify-company');
    return await open?.canLeave?.() ?? true;
  }

  get #record(): InvoifyDetail | null {
    return this.renderRoot.querySelector<InvoifyDetail>('invoify-detail');
  }

  get #list(): InvoifyListScreen | null {
    return this.renderRoot.querySelector<InvoifyListScreen>('invoify-list-screen');
  }

  #notice(): TemplateResult {
    const text = this.status.notice && cacheNoticeText(this.status.notice);
    const dismissible: Notice | null = text === null || text === this._dismissed ? null : { text, tone: 'info', action: null };
    const notice = this.view.notice ?? dismissible;
    return html`<invoify-notice-bar slot="notice" .notice=${notice} .progress=${this.view.progress}
      .dismissible=${notice !== null && notice === dismissible} @dismiss=${() => { this._dismissed = text; }}></invoify-notice-bar>`;
  }

  #main(): TemplateResult {
    const collection = findCollection(this._screen);
    // Elsewhere than in a list, the notice stands at the end, where it moves nothing that is read or typed.
    return collection && this._screen !== companyScreen ? this.#listScreen(collection) : html`${this.#otherScreen()}${this.#notice()}`;
  }

  #otherScreen(): TemplateResult {
    const { status, view: { revision } } = this;
    switch (this._screen) {
      case healthScreen: return html`<invoify-health .status=${status} .revision=${revision}></invoify-health>`;
      case reportScreen:
        return html`<invoify-report .status=${status} .revision=${revision} .today=${localDay(Date.now())}></invoify-report>`;
      case companyScreen:
        return html`<invoify-company .status=${status} .revision=${revision} .user=${status.user} .lead=${this.#lead}></invoify-company>`;
      case computersScreen:
        return html`<invoify-computers-screen .status=${status} .revision=${revision}></invoify-computers-screen>`;
      default:
        return html`<invoify-settings .status=${status} .revision=${revision} .user=${status.user} .settings=${this.settings}
          .info=${this.info}></invoify-settings>`;
    }
  }

  #listScreen(collection: Collection): TemplateResult {
    const { status, _screen: screen } = this;
    return html`${keyed(screen, html`<invoify-list-screen .collection=${collection} .state=${this._lists[screen]}
      .status=${status} .revision=${this.view.revision} .today=${localDay(Date.now())}
      .selectedId=${this._detail?.collection === screen ? this._detail.id : null}
      .mayWrite=${status.user !== null && mayWrite(screen, status.user.role)} .blocked=${writeBlock(status)}
      .syncing=${this.view.state === 'syncing' || this.view.state === 'first_sync'}
      @list-state=${({ detail }: CustomEvent<ListState>) => { this._lists = { ...this._lists, [screen]: detail }; }}
      @record-unlisted=${({ detail }: CustomEvent<string>) => this.#closeUnlisted(detail)}
      @record-enter=${() => this.#record?.focusStart()}
      @record-move=${({ detail }: CustomEvent<string>) => this.#followRow(detail)}
      @keydown=${this.#onListKeydown}>${this.#notice()}</invoify-list-screen>`)}`;
  }

  #onListKeydown(event: KeyboardEvent): void {
    if (event.key === 'Escape' && isFromTable(event) && this._detail) this.#closeDetail();
  }

  #pane(isOver: boolean): TemplateResult | typeof nothing {
    const { status, _detail: detail } = this;
    if (!detail) return nothing;
    return html`
      ${isOver ? html`<div class="scrim" @click=${() => this.#closeDetail()}></div>` : nothing}
      <aside class=${detail.id === null ? 'new' : isOver ? 'over' : 'beside'} aria-label=${t('word.details')}>
        <invoify-detail .collection=${detail.collection} .recordId=${detail.id} .from=${detail.from} .status=${status} .user=${status.user}
          .info=${this.info} .revision=${this.view.revision} .overlay=${isOver}></invoify-detail>
      </aside>`;
  }

  override render(): TemplateResult {
    const isOver = this.#narrow.matches && this._detail !== null && this._detail.id !== null;
    return html`
      <invoify-sidebar .screen=${this._screen} .user=${this.status.user} ?inert=${isOver}></invoify-sidebar>
      <main ?inert=${isOver}>${this.#main()}</main>
      ${this.#pane(isOver)}
      <footer><invoify-status-bar .view=${this.view} .version=${this.info?.version ?? ''} .screen=${this._screen}
        .revision=${this.view.revision}></invoify-status-bar></footer>`;
  }
}

function isFromTable(event: Event): boolean {
  return event.composedPath().some((target) => target instanceof Element && target.localName === 'invoify-list-table');
}

customElements.define('invoify-shell', InvoifyShell);
