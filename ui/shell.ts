// The window of someone who is signed in: where they are, what each list is about, and the record beside it, as one value
// each that is replaced and never changed. Events of what stands in it lead here.

import { LitElement, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { keyed } from 'lit/directives/keyed.js';

import { findCollection } from '../shared/collections.ts';
import type { AppInfo, Command, Settings } from '../shared/window/ipc.ts';
import type { Status } from '../shared/window/views.ts';
import { allowedScreen, healthScreen, settingsScreen, type DetailView, type Screen } from './app-state.ts';
import { cacheNoticeText } from './text/call-error-text.ts';
import type { InvoifyDetail } from './record/detail.ts';
import { emit, type AppEvents } from './base/events.ts';
import { localDay } from './text/format.ts';
import { loadRecordTexts, t } from './text/i18n.ts';
import './list/list-screen.ts';
import type { InvoifyListScreen } from './list/list-screen.ts';
import { initialState, type ListState } from './list/list-state.ts';
import './sync/notice-bar.ts';
import { mayWrite } from './record/record-actions.ts';
import { shellStyles } from './shell-styles.ts';
import './sidebar.ts';
import './sync/status-bar.ts';
import { blockText, writeBlock, type Notice, type SyncView } from './sync/sync-view.ts';

/** Loads what is not drawn at first, with its texts. */
async function loadTheRest(): Promise<void> {
  await loadRecordTexts();
  await Promise.all([
    import('./record/detail.ts'), import('./settings/settings-screen.ts'), import('./sync/health-screen.ts'),
    import('./sync/sync-popover.ts'),
  ]);
}

/** Below this width the detail lies over the list. */
const narrow = '(max-width: 1199px)';
/** How long the keyboard rests on a row before the detail follows. */
const followMs = 90;

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

  static override styles = shellStyles;

  declare status: Status;
  declare view: SyncView;
  declare settings: Settings | null;
  declare info: AppInfo | null;
  declare _screen: Screen;
  declare _lists: Readonly<Record<string, ListState>>;
  declare _detail: DetailView | null;
  /** The notice that a person has put away. */
  declare _dismissed: string | null;

  #follow: ReturnType<typeof setTimeout> | undefined;
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
    this.#on('navigate', ({ screen }) => this.#goTo(screen));
    this.#on('open-record', ({ collection, id }) => this.#openRecord(collection, id));
    this.#on('new-record', ({ collection, from }) => this.#show({ collection, id: null, from: from ?? null }));
    this.#on('show-list', (list) => this.#showList(list));
    this.#on('close-detail', () => this.#closeDetail());
  }

  #on<E extends keyof AppEvents>(name: E, handle: (detail: AppEvents[E]) => unknown): void {
    this.addEventListener(name, (event) => void handle((event as CustomEvent<AppEvents[E]>).detail));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#narrow.addEventListener('change', this.#redraw);
  }

  override disconnectedCallback(): void {
    this.#narrow.removeEventListener('change', this.#redraw);
    clearTimeout(this.#follow);
    super.disconnectedCallback();
  }

  protected override firstUpdated(): void {
    // Ahead of need; where it fails, because what serves the page has ended, whoever opens a screen tries again.
    requestIdleCallback(() => void loadTheRest().catch(() => undefined), { timeout: 1000 });
  }

  /** Does what a key or the menu asks for; what has no place here does nothing. */
  run(command: Command): void {
    switch (command) {
      case 'refresh': return emit(this, 'refresh');
      case 'search': return this.#list?.focusSearch();
      case 'print': return this.#record?.print();
      case 'settings': return void this.#goTo(settingsScreen);
      case 'new': return this.#new();
    }
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    this._screen = allowedScreen(this._screen, this.status.user?.role ?? null);
    const collection = findCollection(this._screen);
    // Each list has one state from the start: another object would be another question to its rows.
    if (collection && !this._lists[this._screen]) this._lists = { ...this._lists, [this._screen]: initialState(collection) };
    if (changed.has('status') && changed.get('status')?.notice?.code !== this.status.notice?.code) this._dismissed = null;
  }

  // ------------------------------------------------------------------------------------------------------ the ways

  #new(): void {
    const { user } = this.status;
    if (!user || !findCollection(this._screen) || !mayWrite(this._screen, user.role) || this._detail?.id === null) return;
    const reason = blockText(writeBlock(this.status));
    if (reason === null) void this.#show({ collection: this._screen, id: null, from: null });
    else emit(this, 'toast', { text: reason, tone: 'bad' });
  }

  async #goTo(screen: Screen): Promise<void> {
    if (screen === this._screen || !await this.#mayLeave()) return;
    this._detail = null;
    this.#setScreen(screen);
  }

  #setScreen(screen: Screen): void {
    this._screen = screen;
    history.replaceState(null, '', `#${encodeURIComponent(screen)}`);
  }

  async #openRecord(collection: string, id: string): Promise<void> {
    if (!await this.#show({ collection, id, from: null })) return;
    if (this._screen !== collection) this.#setScreen(collection);
    if (this.#narrow.matches) this.#record?.focusStart();
  }

  /** Resolves with whether it is shown: what was typed elsewhere may be in the way. */
  async #show(detail: DetailView): Promise<boolean> {
    clearTimeout(this.#follow);
    const isShown = detail.id !== null && detail.id === this._detail?.id && detail.collection === this._detail.collection;
    if (isShown) return true;
    if (!await this.#mayLeave()) return false;
    await loadTheRest();
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
  }

  /** A detail that is open follows the keyboard through the list. */
  #followRow(id: string): void {
    clearTimeout(this.#follow);
    if (!this._detail || this.#narrow.matches || this.#record?.mode !== 'view') return;
    this.#follow = setTimeout(() => void this.#show({ collection: this._screen, id, from: null }), followMs);
  }

  #closeDetail(): void {
    clearTimeout(this.#follow);
    this._detail = null;
    void this.updateComplete.then(() => this.#list?.focus());
  }

  async #mayLeave(): Promise<boolean> {
    return await this.#record?.canLeave() ?? true;
  }

  get #record(): InvoifyDetail | null {
    return this.renderRoot.querySelector<InvoifyDetail>('invoify-detail');
  }

  get #list(): InvoifyListScreen | null {
    return this.renderRoot.querySelector<InvoifyListScreen>('invoify-list-screen');
  }

  // ------------------------------------------------------------------------------------------------------- drawing

  #notice(): TemplateResult {
    const about = this.status.notice && cacheNoticeText(this.status.notice);
    const told: Notice | null = about === null || about === this._dismissed ? null : { text: about, tone: 'info', action: null };
    const notice = this.view.notice ?? told;
    return html`<invoify-notice-bar slot="notice" .notice=${notice} .progress=${this.view.progress}
      .dismissible=${notice !== null && notice === told} @dismiss=${() => { this._dismissed = about; }}></invoify-notice-bar>`;
  }

  #main(): TemplateResult {
    const { status, _screen: screen } = this;
    const collection = findCollection(screen);
    if (screen === healthScreen) {
      return html`${this.#notice()}<invoify-health .status=${status} .revision=${this.view.revision}></invoify-health>`;
    }
    if (!collection) {
      return html`${this.#notice()}<invoify-settings .status=${status} .user=${status.user} .settings=${this.settings}
        .info=${this.info}></invoify-settings>`;
    }
    return html`${keyed(screen, html`<invoify-list-screen .collection=${collection} .state=${this._lists[screen]}
      .status=${status} .revision=${this.view.revision} .today=${localDay(Date.now())}
      .selectedId=${this._detail?.collection === screen ? this._detail.id : null}
      .mayWrite=${status.user !== null && mayWrite(screen, status.user.role)} .blocked=${writeBlock(status)}
      .syncing=${this.view.state === 'syncing' || this.view.state === 'first_sync'}
      @list-state=${({ detail }: CustomEvent<ListState>) => { this._lists = { ...this._lists, [screen]: detail }; }}
      @record-move=${({ detail }: CustomEvent<string>) => this.#followRow(detail)}
      @keydown=${this.#listKey}>${this.#notice()}</invoify-list-screen>`)}`;
  }

  #listKey(event: KeyboardEvent): void {
    const isInTable = event.composedPath().some((target) => target instanceof Element && target.localName === 'invoify-list-table');
    if (event.key === 'Escape' && isInTable && this._detail) this.#closeDetail();
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

customElements.define('invoify-shell', InvoifyShell);
