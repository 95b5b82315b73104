// The sign-in form: server address, e-mail and password, with a connection test and error messages that say what to do.
// Fills the window at first, and appears in a dialog when a session has ended while the data stays readable.

import { LitElement, css, html, nothing, type TemplateResult } from 'lit';

import type { CallError } from '../../shared/window/ipc.ts';
import type { SignedInUser } from '../../shared/protocol.ts';
import { ask } from '../base/ask.ts';
import { askQuestion } from '../base/question.ts';
import { callErrorText, tooManyAttemptsText } from '../text/call-error-text.ts';
import { controls } from '../base/controls.ts';
import { loadLaterTexts, t } from '../text/i18n.ts';
import { logo } from '../base/icons.ts';
import { latestOnly } from '../base/latest.ts';

type Field = 'server' | 'email' | 'password';
const fields: readonly Field[] = ['server', 'email', 'password'];

/**
 * @fires signed-in - signed in
 * @fires cancel - the user cancelled
 */
export class InvoifySignIn extends LitElement {
  static override properties = {
    server: { attribute: false },
    user: { attribute: false },
    reason: { attribute: false },
    again: { type: Boolean },
    memoryOnly: { type: Boolean },
    busy: { state: true },
    problems: { state: true },
    error: { state: true },
    test: { state: true },
  };

  static override styles = [controls, css`
    /* Stays where it is when messages come and go. */
    :host { display: grid; place-items: start center; min-block-size: 100%;
      padding: max(var(--space-6), 12vh) var(--space-6) var(--space-6); background: var(--color-back); }
    :host([again]) { padding: 0; background: none; }
    form { display: grid; gap: var(--space-2); inline-size: min(380px, 100%); padding: var(--space-8); border: 1px solid var(--color-line);
      border-radius: var(--radius-large); background: var(--color-surface); }
    :host([again]) form { border: 0; padding: var(--space-6); background: none; }
    h1 { margin: 0; font-size: var(--text-title); font-weight: var(--weight-strong); line-height: var(--line-tight); }
    .logo { inline-size: var(--space-8); block-size: var(--space-8); margin-block-end: var(--space-3); }
    .again { margin: var(--space-1) 0 0; color: var(--color-muted); }
    .input { min-block-size: 32px; }
    .field > span { min-block-size: 1lh; }
    #server-hint, #server-problem { min-block-size: 2lh; }
    .server { display: flex; gap: var(--space-2); }
    .test { margin: 0; font-size: var(--text-small); }
    .test[data-ok='true'] { color: var(--color-ok); }
    .test[data-ok='false'] { color: var(--color-bad); }
    .error { margin: 0; padding: var(--space-2) var(--space-3); border-radius: var(--radius);
      background: var(--color-bad-back); color: var(--color-bad); }
    /* Live regions must exist before they announce anything; empty ones take no space. */
    [role]:not(:has(*)) { position: absolute; }
    .do { display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; gap: var(--space-2); }
    .button { min-block-size: 32px; }
  `];

  /** The origin of the last server. */
  declare server: string | null;
  /** The owner of the cache on this computer. */
  declare user: SignedInUser | null;
  /** Why the last sign-in did not work, although its answer was a success. */
  declare reason: string | null;
  declare again: boolean;
  declare memoryOnly: boolean;
  declare busy: boolean;
  declare problems: Readonly<Partial<Record<Field, string>>>;
  declare error: string | null;
  declare test: { readonly isOk: boolean; readonly text: string } | null;
  readonly #latestTest = latestOnly();

  constructor() {
    super();
    this.server = null;
    this.user = null;
    this.reason = null;
    this.again = false;
    this.memoryOnly = false;
    this.busy = false;
    this.problems = {};
    this.error = null;
    this.test = null;
  }

  protected override firstUpdated(): void {
    const first = fields.find((name) => this.#input(name)?.value === '');
    this.#input(first ?? 'password')?.focus();
  }

  #input(name: Field): HTMLInputElement | null {
    return this.renderRoot.querySelector<HTMLInputElement>(`#${name}`);
  }

  #value(name: Field): string {
    const value = this.#input(name)?.value ?? '';
    return name === 'password' ? value : value.trim();
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    if (this.busy) return;
    this.error = null;
    this.#latestTest();
    this.test = null;
    this.problems = Object.fromEntries(fields.filter((name) => this.#value(name) === '').map((name) => [name, t('signIn.required')]));
    const missing = fields.find((name) => this.problems[name] !== undefined);
    if (missing) {
      this.#input(missing)?.focus();
      return;
    }
    this.busy = true;
    const request = { server: this.#value('server'), email: this.#value('email'), password: this.#value('password') };
    let outcome = await ask(this, 'auth.signIn', request);
    if (!outcome.ok && outcome.error.code === 'account_changed') {
      await loadLaterTexts();
      const isConfirmed = await askQuestion(this, {
        heading: t('signIn.replaceTitle'), text: t('signIn.replaceText'), yes: t('signIn.replaceYes'), isDanger: true,
      });
      if (isConfirmed) outcome = await ask(this, 'auth.signIn', { ...request, replaceCache: true });
    }
    if (!outcome.ok) await this.#showError(outcome.error);
    this.busy = false;
    if (outcome.ok) this.dispatchEvent(new CustomEvent('signed-in'));
  }

  async #showError(error: CallError): Promise<void> {
    const isAddress = error.code === 'invalid_request' || error.code === 'offline' || error.code === 'bad_response';
    const text = await signInError(error);
    this.problems = isAddress ? { server: text } : {};
    this.error = isAddress ? null : text;
    void this.updateComplete.then(() => this.#input(isAddress ? 'server' : 'password')?.select());
  }

  async #testConnection(): Promise<void> {
    const server = this.#value('server');
    if (server === '') {
      this.problems = { server: t('signIn.required') };
      this.#input('server')?.focus();
      return;
    }
    const isLatest = this.#latestTest();
    this.problems = {};
    this.error = null;
    this.test = { isOk: true, text: t('signIn.testing') };
    const outcome = await ask(this, 'auth.testConnection', { server });
    const text = outcome.ok ? t('signIn.testOk', { ...outcome.value }) : await signInError(outcome.error);
    if (isLatest()) this.test = { isOk: outcome.ok, text };
  }

  #field(name: Field, label: string, type: string, autocomplete: AutoFill, value: string): TemplateResult {
    const problem = this.problems[name];
    const hint = name === 'server' && !this.again ? t('signIn.serverHint') : null;
    return html`<div class="field">
      <label for=${name}>${label}</label>
      <input id=${name} name=${name} class="input" type=${type} .defaultValue=${value} autocomplete=${autocomplete} spellcheck="false"
        autocapitalize="none" aria-required="true" aria-invalid=${problem ? 'true' : nothing}
        aria-describedby=${problem ? `${name}-problem` : hint ? `${name}-hint` : nothing}>
      ${problem ? html`<span class="problem" id="${name}-problem">${problem}</span>`
        : html`<span class="hint" id="${name}-hint">${hint ?? ''}</span>`}
    </div>`;
  }

  override render(): TemplateResult {
    return html`<form novalidate aria-labelledby="title" @submit=${this.#submit}>
      <div>${this.again ? nothing : logo()}
        <h1 id="title">${this.again ? t('signIn.again') : t('signIn.title')}</h1>
        ${this.again ? html`<p class="again">${t('signIn.againHint')}</p>` : nothing}</div>
      ${this.#field('server', t('signIn.server'), 'url', 'on', this.server ?? '')}
      ${this.#field('email', t('signIn.email'), 'email', 'username', this.user?.email ?? '')}
      ${this.#field('password', t('signIn.password'), 'password', 'current-password', '')}
      ${this.user ? html`<span class="hint">${t('signIn.otherUser', { name: this.user.name })}</span>` : nothing}
      ${this.memoryOnly ? html`<span class="hint">${t('signIn.memoryOnly')}</span>` : nothing}
      <div class="do">
        ${this.again ? html`<button type="button" class="button"
            @click=${() => this.dispatchEvent(new CustomEvent('cancel'))}>${t('word.cancel')}</button>`
          : html`<button type="button" class="button" @click=${this.#testConnection}>${t('signIn.test')}</button>`}
        <button class="button primary" aria-disabled=${this.busy ? 'true' : nothing}>
          ${this.busy ? t('signIn.busy') : t('signIn.submit')}</button>
      </div>
      <div role="alert">${this.error ?? this.reason ? html`<p class="error">${this.error ?? this.reason}</p>` : nothing}</div>
      <div role="status">${this.test ? html`<p class="test" data-ok=${String(this.test.isOk)}>${this.test.text}</p>` : nothing}</div>
    </form>`;
  }
}

/** The message for a failed sign-in. */
async function signInError(error: CallError): Promise<string> {
  if (error.kind) {
    // The first screen comes without these texts; if they cannot be loaded, the error's own message is shown.
    await loadLaterTexts().catch(() => undefined);
    return callErrorText(error);
  }
  switch (error.code) {
    case 'unauthorized': return t('signIn.wrong');
    case 'offline': case 'unavailable': return t('signIn.unreachable');
    case 'bad_response': return t('signIn.notInvoify');
    case 'too_many_requests': return tooManyAttemptsText(error.retryAfterS ?? 60);
    default: return callErrorText(error);
  }
}

customElements.define('invoify-sign-in', InvoifySignIn);
