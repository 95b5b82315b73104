// Changes the user's own password: the current one, the new one, and the new one repeated. What was typed stays until it is
// accepted; while the server cannot be asked, nothing can be typed or sent, and the form says why.
//
//   <invoify-password-form .status @changed>

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';

import { checkFields } from '../../shared/fields.ts';
import type { Problem, Problems } from '../../shared/problems.ts';
import { passwordFields } from '../../shared/protocol.ts';
import type { CallError } from '../../shared/window/ipc.ts';
import type { Status } from '../../shared/window/views.ts';
import { ask } from '../base/ask.ts';
import { controls } from '../base/controls.ts';
import { emit } from '../base/events.ts';
import '../base/write-button.ts';
import { blockText, writeBlock, type WriteBlock } from '../sync/sync-view.ts';
import { callErrorText, tooManyAttemptsText } from '../text/call-error-text.ts';
import { t } from '../text/i18n.ts';
import { problemMessage } from '../text/messages.ts';

const names = ['current', 'next', 'again'] as const;
type Name = (typeof names)[number];

export class InvoifyPasswordForm extends LitElement {
  static override properties = {
    status: { attribute: false },
    _problems: { state: true },
    _error: { state: true },
    _isBusy: { state: true },
  };

  static override styles = [controls, css`
    form { display: grid; gap: var(--space-3); justify-items: start; }
    .field { inline-size: min(320px, 100%); }
    p { margin: 0; }
    /* The live region must exist before it announces anything; empty it takes no space. */
    [role]:not(:has(*)) { position: absolute; }
    .quiet, .hint { color: var(--color-muted); }
  `];

  declare status: Status | null;
  declare _problems: Readonly<Partial<Record<Name, string>>>;
  declare _error: CallError | null;
  declare _isBusy: boolean;
  /** Runs until another attempt is allowed after too many. */
  #waiting: ReturnType<typeof setTimeout> | undefined;
  #lastBlock: WriteBlock = null;

  constructor() {
    super();
    this.status = null;
    this._problems = {};
    this._error = null;
    this._isBusy = false;
  }

  override disconnectedCallback(): void {
    this.#setError(null);
    super.disconnectedCallback();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('status') || this.#block === this.#lastBlock) return;
    this.#lastBlock = this.#block;
    // Only an unknown outcome stays true whether the server can be asked or not.
    if (this._error?.code !== 'outcome_unknown') this.#setError(null);
  }

  get #block(): WriteBlock {
    return this.status ? writeBlock(this.status) : 'unreachable';
  }

  #input(name: Name): HTMLInputElement | null {
    return this.renderRoot.querySelector<HTMLInputElement>(`#${name}`);
  }

  #value(name: Name): string {
    return this.#input(name)?.value ?? '';
  }

  async #submit(event?: Event): Promise<void> {
    event?.preventDefault();
    if (this.#block !== null || this._isBusy) return;
    this.#setError(null);
    const [current, next] = [this.#value('current'), this.#value('next')];
    const refused: Problems = {};
    checkFields(passwordFields, { current, next }, refused);
    await this.#show(refused, {
      ...next === current && { next: t('password.same') },
      ...this.#value('again') !== next && { again: t('password.differs') },
    });
    if (Object.keys(this._problems).length > 0) return;
    this._isBusy = true;
    const outcome = await ask(this, 'auth.changePassword', { current, next });
    this._isBusy = false;
    if (!outcome.ok) {
      await this.#showError(outcome.error);
      return;
    }
    for (const name of names) {
      const input = this.#input(name);
      if (input) input.value = '';
    }
    emit(this, 'toast', { text: t('password.done'), tone: 'ok' });
    this.dispatchEvent(new CustomEvent('changed'));
  }

  async #showError(error: CallError): Promise<void> {
    await this.#show(error.fields ?? {});
    if (Object.keys(this._problems).length > 0) return;
    this.#setError(error);
    await this.updateComplete;
    this.renderRoot.querySelector('[role=alert]')?.scrollIntoView({ block: 'nearest' });
  }

  #setError(error: CallError | null): void {
    clearTimeout(this.#waiting);
    this._error = error;
    if (error?.code !== 'too_many_requests') return;
    this.#waiting = setTimeout(() => this.#setError(null), (error.retryAfterS ?? 60) * 1000);
  }

  /** Shows problems at their fields and moves to the first. */
  async #show(problems: Readonly<Problems>, others: Partial<Record<Name, string>> = {}): Promise<void> {
    const known = names.flatMap((name): [Name, Problem][] => (problems[name] ? [[name, problems[name]]] : []));
    this._problems = { ...others, ...Object.fromEntries(known.map(([name, problem]) => [name, problemMessage(name, problem, '')])) };
    const first = names.find((name) => this._problems[name] !== undefined);
    if (!first) return;
    await this.updateComplete;
    this.#input(first)?.select();
  }

  #forget(name: Name): void {
    if (this._problems[name] !== undefined) this._problems = { ...this._problems, [name]: undefined };
  }

  override render(): TemplateResult {
    const block = this.#block;
    return html`
      <form novalidate aria-label=${t('password.title')} @submit=${this.#submit}>
        <p class="quiet">${t('password.text')}</p>
        ${block === null ? nothing : html`<p class="hint" id="block">${blockText(block)}</p>`}
        ${this.#renderField('current', t('password.current'), 'current-password')}
        ${this.#renderField('next', t('password.next'), 'new-password', t('hint.password', { min: passwordFields.next.min }))}
        ${this.#renderField('again', t('password.again'), 'new-password')}
        <div role="alert">${this._error === null ? nothing : html`<p class="problem">${errorText(this._error)}</p>`}</div>
        <invoify-write-button .blocked=${block} ?busy=${this._isBusy}
          .label=${this._isBusy ? t('password.busy') : t('password.change')} @activate=${() => this.#submit()}></invoify-write-button>
        <input type="submit" hidden>
      </form>`;
  }

  #renderField(name: Name, label: string, autocomplete: AutoFill, hint?: string): TemplateResult {
    const problem = this._problems[name];
    const isBlocked = this.#block !== null;
    const described = [problem ? `${name}-problem` : hint ? `${name}-hint` : '', isBlocked ? 'block' : ''].filter(Boolean).join(' ');
    return html`
      <div class="field">
        <label for=${name}>${label}</label>
        <input id=${name} class="input" type="password" autocomplete=${autocomplete} aria-required="true" ?readonly=${isBlocked}
          aria-disabled=${isBlocked ? 'true' : nothing} aria-invalid=${problem ? 'true' : nothing}
          aria-describedby=${described || nothing} @input=${() => this.#forget(name)}>
        ${problem ? html`<span class="problem" id="${name}-problem">${problem}</span>`
          : hint ? html`<span class="hint" id="${name}-hint">${hint}</span>` : nothing}
      </div>`;
  }
}

function errorText(error: CallError): string {
  switch (error.code) {
    case 'outcome_unknown': return t('password.unknown');
    case 'too_many_requests': return tooManyAttemptsText(error.retryAfterS ?? 60);
    default: return callErrorText(error);
  }
}

customElements.define('invoify-password-form', InvoifyPasswordForm);
