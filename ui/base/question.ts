// A modal yes/no question: `if (await askQuestion(this, {…})) …`.

import { LitElement, css, html, type TemplateResult } from 'lit';

import { controls } from './controls.ts';
import { t } from '../text/i18n.ts';
import './sheet.ts';

export interface Question {
  readonly heading: string;
  readonly text: string;
  /** The label of the confirming button; without one there is nothing to confirm. */
  readonly yes?: string;
  readonly no?: string;
  /** Confirming destroys something. */
  readonly isDanger?: boolean;
}

export class InvoifyQuestion extends LitElement {
  static override properties = { question: { attribute: false } };

  static override styles = [controls, css`
    p { margin: 0; }
  `];

  declare question: Question;

  constructor() {
    super();
    this.question = { heading: '', text: '' };
  }

  #answer(isYes: boolean): void {
    this.dispatchEvent(new CustomEvent<boolean>('answer', { detail: isYes }));
  }

  override render(): TemplateResult {
    const { heading, text, yes, no = t('word.cancel'), isDanger = false } = this.question;
    return html`
      <invoify-sheet placement="centre" .heading=${heading} @sheet-close=${() => this.#answer(false)}>
        <p>${text}</p>
        <button slot="actions" type="button" class="button" autofocus @click=${() => this.#answer(false)}>${no}</button>
        ${yes === undefined ? '' : html`
          <button slot="actions" type="button" class="button ${isDanger ? 'danger' : 'primary'}"
            @click=${() => this.#answer(true)}>${yes}</button>`}
      </invoify-sheet>`;
  }
}

customElements.define('invoify-question', InvoifyQuestion);

/** Shows the question inside `host` and resolves with whether it was confirmed. */
export async function askQuestion(host: LitElement, question: Question): Promise<boolean> {
  const element = document.createElement('invoify-question') as InvoifyQuestion;
  element.question = question;
  const answer = new Promise<boolean>((resolve) => {
    element.addEventListener('answer', (event) => resolve((event as CustomEvent<boolean>).detail), { once: true });
  });
  host.renderRoot.append(element);
  try {
    return await answer;
  } finally {
    element.remove();
  }
}
