// The window's root, and the only component that talks to the desktop: it answers calls from components
// (ui/base/ask.ts), tracks the sync's status, and runs commands from keys, menus and buttons.

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { keyed } from 'lit/directives/keyed.js';

import type { AppInfo, Command, Outcome, Settings, WindowApi } from '../shared/window/ipc.ts';
import type { Status } from '../shared/window/views.ts';
import { commandOfKey, needsSignIn } from './app-state.ts';
import { askEvent, type Call } from './base/ask.ts';
import { syncErrorText } from './text/call-error-text.ts';
import { controls } from './base/controls.ts';
import type { AppEvents, ToastText } from './base/events.ts';
import { chooseLocale, currentLocale, setLocale, t, type Locale } from './text/i18n.ts';
import './shell.ts';
import type { InvoifyShell } from './shell.ts';
import { nextChangeMs, rememberStatus, signInReason, viewSync, writeBlock, type SyncMemory } from './sync/sync-view.ts';
import './base/toasts.ts';
import type { InvoifyToasts } from './base/toasts.ts';

declare global {
  interface Window {
    readonly electron: WindowApi;
  }
}

export class InvoifyApp extends LitElement {
  static override properties = {
    _sync: { state: true },
    _settings: { state: true },
    _locale: { state: true },
    _isSigningIn: { state: true },
    _announcement: { state: true },
  };

  static override styles = [controls, css`
    :host { display: block; block-size: 100%; }
    main { block-size: 100%; overflow: auto; }
  `];

  declare _sync: SyncMemory | null;
  declare _settings: Settings | null;
  /** Null until loaded; until then nothing is drawn. */
  declare _locale: Locale | null;
  /** The dialog to sign in again is open. Only the dialog closes itself, or the next keys of a password would go to what is under it. */
  declare _isSigningIn: boolean;
  /** The live region for screen readers. Changes with the state, never with the clock. */
  declare _announcement: string;

  #info: AppInfo | null = null;
  #announcedState: string | null = null;
  #wasSignedOut = false;
  /** Whose the records on the screen are: a server and a user. */
  #owner = '';
  #redrawTimer: ReturnType<typeof setTimeout> | undefined;
  #unsubscribers: readonly (() => void)[] = [];

  constructor() {
    super();
    this._sync = null;
    this._settings = null;
    this._locale = null;
    this._isSigningIn = false;
    this._announcement = '';
    this.addEventListener(askEvent, (event) => this.#answer((event as CustomEvent<Call>).detail));
    this.#on('toast', (toast) => this.#toast(toast));
    this.#on('announce', ({ text }) => { this._announcement = text; });
    this.#on('refresh', () => void this.#refresh());
    this.#on('cancel-sync', () => void window.electron.app.cancelSync());
    this.#on('sign-in', () => { this._isSigningIn = true; });
    this.#on('settings-saved', ({ settings }) => void this.#applySettings(settings));
  }

  #on<E extends keyof AppEvents>(name: E, handle: (detail: AppEvents[E]) => void): void {
    this.addEventListener(name, (event) => handle((event as CustomEvent<AppEvents[E]>).detail));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#start();
  }

  override disconnectedCallback(): void {
    for (const unsubscribe of this.#unsubscribers) unsubscribe();
    clearTimeout(this.#redrawTimer);
    super.disconnectedCallback();
  }

  async #start(): Promise<void> {
    const { sync, app } = window.electron;
    const onKey = (event: KeyboardEvent): void => this.#onKeydown(event);
    window.addEventListener('keydown', onKey);
    this.#unsubscribers = [
      sync.onStatus((status) => this.#onStatus(status)),
      app.onCommand((command) => this.#run(command)),
      () => window.removeEventListener('keydown', onKey),
    ];
    const [status, settings, info] = await Promise.all([sync.getStatus(), app.getSettings(), app.getInfo()]);
    this.#info = info.ok ? info.value : null;
    await this.#applySettings(settings.ok ? settings.value : null);
    // A status that was pushed meanwhile is newer.
    if (!this._sync) this.#onStatus(status);
  }

  #onStatus(status: Status): void {
    this._sync = rememberStatus(this._sync, status, performance.now());
  }

  async #applySettings(settings: Settings | null): Promise<void> {
    this._settings = settings;
    const root = document.documentElement;
    if (settings === null || settings.theme === 'system') delete root.dataset['theme'];
    else root.dataset['theme'] = settings.theme;
    // If a language cannot be loaded, keep the previous one.
    const locale = chooseLocale(settings?.language ?? 'system', navigator.languages, this.#info?.locale ?? null);
    await setLocale(locale).catch((error: unknown) => console.error(error));
    const before = this._locale;
    this._locale = currentLocale();
    root.lang = this._locale.language;
    // The redraw replaced the focused element.
    if (before !== null && keyOf(before) !== keyOf(this._locale)) void this.#focusContent();
  }

  #answer({ channel, request, respond }: Call): void {
    const [group = '', name = ''] = channel.split('.');
    // A channel `group.name` is the function `name` in `group` of the window's API.
    const groups = window.electron as unknown as Record<string, Record<string, (request?: unknown) => Promise<Outcome<unknown>>>>;
    const call = groups[group]?.[name];
    if (call) respond(request === undefined ? call() : call(request));
  }

  #onKeydown(event: KeyboardEvent): void {
    const command = commandOfKey(event);
    if (command === null) return;
    event.preventDefault();
    if (!event.repeat) this.#run(command);
  }

  #run(command: Command): void {
    if (command === 'refresh') void this.#refresh();
    else this.renderRoot.querySelector<InvoifyShell>('invoify-shell')?.run(command);
  }

  /** Runs a sync that the user asked for. Only such a sync raises a toast when it ends. */
  async #refresh(): Promise<void> {
    if (!this._sync || needsSignIn(this._sync.latest)) return;
    if (this._sync.latest.state === 'session_expired') {
      this._isSigningIn = true;
      return;
    }
    // It rejects if the process behind the window is gone.
    const result = await window.electron.sync.pullFromServer().catch(() => null);
    const { outcome, changes, error } = result ?? { outcome: 'failed', changes: 0, error: null };
    const say = (text: string, tone: ToastText['tone']): void => this.#toast({ text, tone });
    if (outcome === 'completed') say(changes > 0 ? t('sync.toastChanges', { count: changes }) : t('sync.toastDone'), 'ok');
    // While the sign-in is being checked, the notice says so.
    else if (outcome === 'failed' && error?.code !== 'unauthorized') say(error ? syncErrorText(error) : t('sync.failed'), 'bad');
  }

  #toast(toast: ToastText): void {
    this.renderRoot.querySelector<InvoifyToasts>('invoify-toasts')?.add(toast);
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!this._sync || !this._locale) return;
    const now = performance.now();
    // Reads data of the first sync that was held back a moment ago.
    this._sync = rememberStatus(this._sync, this._sync.latest, now);
    clearTimeout(this.#redrawTimer);
    this.#redrawTimer = setTimeout(() => this.requestUpdate(), nextChangeMs(this._sync, now));
    const { state, announcement } = viewSync(this._sync, now, Date.now());
    // The initial state is not announced, only changes are.
    if (this.#announcedState !== null && this.#announcedState !== state && !changed.has('_announcement')) this._announcement = announcement;
    this.#announcedState = state;
  }

  protected override updated(): void {
    const isSignedOut = this._sync !== null && needsSignIn(this._sync.latest);
    if (this.#wasSignedOut && !isSignedOut) void this.#focusContent();
    this.#wasSignedOut = isSignedOut;
  }

  /** What led to the sign-in may be gone. */
  async #endSignIn(): Promise<void> {
    this._isSigningIn = false;
    await this.updateComplete;
    if (document.activeElement === document.body) await this.#focusContent();
  }

  async #focusContent(): Promise<void> {
    await this.updateComplete;
    await this.renderRoot.querySelector<InvoifyShell>('invoify-shell')?.focusContent();
  }

  #body(memory: SyncMemory): TemplateResult {
    const { latest } = memory;
    const isMemoryOnly = this.#info?.lacks.includes('token_storage') ?? false;
    if (needsSignIn(latest) || this._isSigningIn) loadSignIn();
    if (needsSignIn(latest)) {
      return html`<main><invoify-sign-in .server=${latest.server ?? this._settings?.server ?? null} .user=${latest.user}
        .reason=${signInReason(latest)} .memoryOnly=${isMemoryOnly}></invoify-sign-in></main>`;
    }
    if (latest.user) this.#owner = `${latest.server} ${latest.user.id}`;
    // What somebody has opened or typed is not for the next user.
    return html`
      ${keyed(this.#owner, html`<invoify-shell .status=${latest} .view=${viewSync(memory, performance.now(), Date.now())}
        .settings=${this._settings} .info=${this.#info}></invoify-shell>`)}
      ${this._isSigningIn ? html`<invoify-sign-in-dialog .server=${latest.server} .user=${latest.user}
        .reason=${signInReason(latest)} .memoryOnly=${isMemoryOnly}
        @close=${this.#endSignIn}></invoify-sign-in-dialog>` : nothing}`;
  }

  override render(): TemplateResult | typeof nothing {
    if (!this._sync || !this._locale) return nothing;
    return html`
      ${keyed(keyOf(this._locale), this.#body(this._sync))}
      <invoify-toasts .block=${writeBlock(this._sync.latest)} @focus-lost=${this.#focusContent}></invoify-toasts>
      <div class="visually-hidden" role="status">${this._announcement}</div>`;
  }
}

/** Most windows open on data, and need no sign-in. Elements drawn before it is loaded are upgraded then. */
function loadSignIn(): void {
  import('./settings/sign-in-dialog.ts').catch((error: unknown) => console.error(error));
}

/** The whole window is redrawn when this changes. */
function keyOf({ language, format }: Locale): string {
  return `${language} ${format}`;
}

customElements.define('invoify-app', InvoifyApp);
