// The settings of this computer: server, sync interval, appearance, language, and local data; and of the user's account:
// password and computers. An action that removes data says exactly what it removes, and that the server keeps everything.
//
//   <invoify-settings .status .revision .user .settings .info>

import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';

import { languages, themes, type AppInfo, type Outcome, type Settings } from '../../shared/window/ipc.ts';
import type { SignedInUser } from '../../shared/protocol.ts';
import type { Status } from '../../shared/window/views.ts';
import { ask } from '../base/ask.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { controls } from '../base/controls.ts';
import { emit } from '../base/events.ts';
import { t, tryText } from '../text/i18n.ts';
import { icon } from '../base/icons.ts';
import { keysText } from '../text/keys-text.ts';
import { askQuestion } from '../base/question.ts';
import { screenStyles } from '../base/screen-styles.ts';
import './computers.ts';
import './password-form.ts';

const interval = { min: 1, max: 60 } as const;

/** The window's keyboard shortcuts: the text of each, and its keys as `aria-keyshortcuts` names them, with alternatives. */
const shortcuts = [
  ['shortcut.search', 'Control+F'],
  ['shortcut.new', 'Control+N'],
  ['shortcut.refresh', 'F5'],
  ['shortcut.print', 'Control+P'],
  ['shortcut.open', 'Enter'],
  ['shortcut.back', 'Escape'],
  ['shortcut.select', 'Shift+↓', 'Control+Space', 'Control+A'],
  ['shortcut.menu', 'Shift+F10'],
  ['shortcut.save', 'Control+S', 'Control+Enter'],
  ['shortcut.saveIssue', 'Control+Shift+Enter'],
] as const;

export class InvoifySettings extends LitElement {
  static override properties = {
    status: { attribute: false },
    revision: { attribute: false },
    user: { attribute: false },
    settings: { attribute: false },
    info: { attribute: false },
    _minutes: { state: true },
    _busy: { state: true },
    _passwords: { state: true },
  };

  static override styles = [controls, screenStyles, css`
    .minutes { display: flex; align-items: center; gap: var(--space-2); }
    .minutes .input { inline-size: 64px; }
    select.input { min-inline-size: 160px; }
    .problem { margin: 0; }
    .shortcuts, .shortcuts dd { margin: 0; }
    .shortcuts .setting { padding-block: var(--space-1); }
    kbd { margin-inline-start: var(--space-2); padding: 0 var(--space-1); border: 1px solid var(--color-line);
      border-radius: var(--radius-small); font: inherit; font-size: var(--text-small); white-space: nowrap; }
  `];

  declare status: Status | null;
  declare revision: string;
  declare user: SignedInUser | null;
  declare settings: Settings | null;
  declare info: AppInfo | null;
  /** The interval as typed. */
  declare _minutes: string;
  /** The action in progress; no other can start meanwhile. */
  declare _busy: 'backUp' | 'reset' | 'signOut' | null;
  /** How often the password was changed, which ends sessions. */
  declare _passwords: number;

  constructor() {
    super();
    this.status = null;
    this.revision = '';
    this.user = null;
    this.settings = null;
    this.info = null;
    this._minutes = '';
    this._busy = null;
    this._passwords = 0;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#readInfo();
  }

  /** Whether the sign-in is stored may have changed since the window opened. */
  async #readInfo(): Promise<void> {
    const outcome = await ask(this, 'app.getInfo');
    if (outcome.ok) this.info = outcome.value;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get('settings');
    if (changed.has('settings') && before?.syncEveryMinutes !== this.settings?.syncEveryMinutes) {
      this._minutes = String(this.settings?.syncEveryMinutes ?? '');
    }
  }

  async #save(change: Partial<Omit<Settings, 'server'>>): Promise<void> {
    const outcome = await ask(this, 'app.saveSettings', change);
    if (outcome.ok) emit(this, 'settings-saved', { settings: outcome.value });
    else this.#reportFailure(outcome);
  }

  #saveMinutes(): void {
    if (this.#isIntervalValid && Number(this._minutes) !== this.settings?.syncEveryMinutes) {
      void this.#save({ syncEveryMinutes: Number(this._minutes) });
    }
  }

  get #isIntervalValid(): boolean {
    return /^\d{1,2}$/.test(this._minutes) && Number(this._minutes) >= interval.min && Number(this._minutes) <= interval.max;
  }

  async #backUp(): Promise<void> {
    await this.#run('backUp', async () => {
      const outcome = await ask(this, 'app.backUp');
      if (!outcome.ok) this.#reportFailure(outcome);
      else if (outcome.value) emit(this, 'toast', { text: t('done.backUp', { path: outcome.value.path }), tone: 'ok' });
    });
  }

  async #reset(): Promise<void> {
    const count = await this.#countRecords();
    const text = [t('settings.resetConfirm', { count }), ...(this.status?.isOnline ? [] : [t('settings.resetOffline')])].join(' ');
    const isConfirmed = await askQuestion(this, {
      heading: t('settings.resetTitle'), text, yes: t('settings.resetAction'), isDanger: true,
    });
    if (isConfirmed) await this.#run('reset', async () => this.#reportFailure(await ask(this, 'app.resetLocalData')));
  }

  async #signOut(): Promise<void> {
    const text = t('settings.signOutConfirm', { count: await this.#countRecords() });
    const isConfirmed = await askQuestion(this, {
      heading: t('settings.signOutTitle'), text, yes: t('settings.signOutAction'), isDanger: true,
    });
    if (isConfirmed) await this.#run('signOut', async () => this.#reportFailure(await ask(this, 'auth.signOut')));
  }

  async #openFolder(folder: 'data' | 'logs'): Promise<void> {
    this.#reportFailure(await ask(this, 'app.openFolder', { folder }));
  }

  async #run(what: NonNullable<InvoifySettings['_busy']>, run: () => Promise<void>): Promise<void> {
    if (this._busy !== null) return;
    this._busy = what;
    await run();
    this._busy = null;
  }

  async #countRecords(): Promise<number> {
    const outcome = await ask(this, 'data.counts');
    return outcome.ok ? Object.values(outcome.value).reduce((sum, count) => sum + count, 0) : 0;
  }

  #reportFailure(outcome: Outcome<unknown>): void {
    if (!outcome.ok) emit(this, 'toast', { text: callErrorText(outcome.error), tone: 'bad' });
  }

  override render(): TemplateResult {
    return html`
      <header><h1 tabindex="-1">${t('settings.title')}</h1></header>
      <div class="page">
        <div class="column">
          ${this.#renderConnection()}
          ${this.#renderAppearance()}
          ${this.#renderData()}
          ${this.user ? this.#renderAccount(this.user) : ''}
          <p class="quiet">${this.info ? t('settings.version', { version: this.info.version }) : ''}</p>
        </div>
      </div>`;
  }

  #renderConnection(): TemplateResult {
    const isInvalid = !this.#isIntervalValid;
    return html`
      <section>
        <h2>${t('settings.connection')}</h2>
        <div class="setting">
          <div class="what">${t('settings.server')}<p>${this.status?.server ?? t('settings.noServer')}</p></div>
        </div>
        <div class="setting">
          <div class="what">
            <label for="minutes">${t('settings.interval')}</label>
            <p id="minutes-hint">${t('settings.intervalHint')}</p>
            ${isInvalid ? html`<p class="problem" id="minutes-problem" role="alert">${t('settings.intervalWrong')}</p>` : ''}
          </div>
          <div class="minutes">
            <input id="minutes" class="input number" type="text" inputmode="numeric" autocomplete="off" maxlength="6"
              aria-describedby="minutes-hint ${isInvalid ? 'minutes-problem' : ''}" aria-invalid=${isInvalid} .value=${live(this._minutes)}
              @input=${(event: Event) => { this._minutes = (event.target as HTMLInputElement).value.trim(); }} @change=${this.#saveMinutes}>
            <span>${t('settings.minutes', { count: Number(this._minutes) || 0 })}</span>
          </div>
        </div>
      </section>`;
  }

  #renderAppearance(): TemplateResult {
    return html`
      <section>
        <h2>${t('settings.appearance')}</h2>
        <div class="setting">
          <label class="what" for="theme">${t('settings.theme')}</label>
          <select id="theme" class="input"
            @change=${(event: Event) => this.#save({ theme: (event.target as HTMLSelectElement).value as Settings['theme'] })}>
            ${themes.map((theme) => html`
              <option value=${theme} ?selected=${theme === this.settings?.theme}>${tryText('settings.theme', theme)}</option>`)}
          </select>
        </div>
        <div class="setting">
          <label class="what" for="language">${t('settings.language')}</label>
          <select id="language" class="input"
            @change=${(event: Event) => this.#save({ language: (event.target as HTMLSelectElement).value as Settings['language'] })}>
            ${languages.map((language) => html`
              <option value=${language} ?selected=${language === this.settings?.language}>
                ${tryText('settings.language', language)}
              </option>`)}
          </select>
        </div>
      </section>
      <section>
        <h2>${t('settings.shortcuts')}</h2>
        ${shortcutList()}
      </section>`;
  }

  #renderData(): TemplateResult {
    return html`
      <section>
        <h2>${t('settings.data')}</h2>
        ${this.#renderFolder('data', t('settings.dataFolder'), this.info?.dataFolder ?? null)}
        ${this.#renderFolder('logs', t('settings.logFolder'), this.info?.logFolder ?? null)}
        ${this.#renderAction(t('settings.backUp'), t('settings.backUpText'), 'backUp', () => void this.#backUp())}
        ${this.#renderAction(t('settings.reset'), t('settings.resetText'), 'reset', () => void this.#reset())}
      </section>`;
  }

  #renderFolder(folder: 'data' | 'logs', name: string, path: string | null): TemplateResult {
    return html`
      <div class="setting">
        <div class="what">${name}<p>${path ?? t('settings.noFolder')}</p></div>
        ${path === null ? '' : html`
          <button class="button" type="button" aria-label="${t('settings.openFolder')}: ${name}"
            @click=${() => this.#openFolder(folder)}>${icon('folder')}${t('settings.openFolder')}</button>`}
      </div>`;
  }

  #renderAccount({ name, email, role }: SignedInUser): TemplateResult {
    return html`
      <section>
        <h2>${t('settings.account')}</h2>
        <div class="setting"><div class="what">${t('settings.signedInAs', { name })}<p>${email}&nbsp;· ${tryText('role', role)}</p>
          ${this.info?.lacks.includes('token_storage') ? html`<p>${t('settings.tokenInMemory')}</p>` : ''}</div></div>
        ${this.#renderAction(t('settings.signOut'), t('settings.signOutText'), 'signOut', () => void this.#signOut())}
      </section>
      <section>
        <h2>${t('password.title')}</h2>
        <invoify-password-form .status=${this.status} @changed=${() => { this._passwords += 1; }}></invoify-password-form>
      </section>
      <section>
        <h2>${t('computers.own')}</h2>
        <invoify-computers .status=${this.status} .revision=${`${this.revision} ${this._passwords}`}></invoify-computers>
      </section>`;
  }

  #renderAction(label: string, text: string, what: NonNullable<InvoifySettings['_busy']>, run: () => void): TemplateResult {
    const look = what === 'backUp' ? '' : 'danger';
    return html`
      <div class="setting">
        <div class="what">${tryText('settings.deed', what)}<p id="${what}-text">${text}</p></div>
        <button class="button ${look}" type="button" data-action=${what} aria-describedby="${what}-text"
          aria-disabled=${this._busy !== null} @click=${run}>
          ${label}
        </button>
      </div>`;
  }
}

function shortcutList(): TemplateResult {
  return html`<dl class="shortcuts">${shortcuts.map(([text, ...keys]) => html`
    <div class="setting"><dt class="what">${t(text)}</dt><dd>${keys.map((key) => html`<kbd>${keysText(key)}</kbd>`)}</dd></div>`)}</dl>`;
}

customElements.define('invoify-settings', InvoifySettings);
