// A sample invoice as it would be printed, at the width that there is.
//
//   <invoify-company-preview .fields>

import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';

import { localDay } from '../../shared/days.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { controls } from '../base/controls.ts';
import type { Paper } from '../invoice/paper-content.ts';
import '../invoice/invoice-page.ts';
import { t } from '../text/i18n.ts';
import { samplePaper } from './sample-paper.ts';

export class InvoifyCompanyPreview extends LitElement {
  static override properties = { fields: { attribute: false } };

  static override styles = [controls, css`
    :host { display: block; container-type: inline-size; }
    figure { margin: 0; }
    figcaption { margin-block-end: var(--space-2); color: var(--color-muted); font-size: var(--text-small); }
    .frame { position: relative; aspect-ratio: 210 / 297; border: 1px solid var(--color-line); overflow: hidden; }
    /* Only the first page, which has the company's letterhead. */
    invoify-invoice-page { position: absolute; inset: 0 auto auto 0; transform-origin: 0 0; scale: calc(100cqi / 210mm); }
  `];

  /** The company's fields, as far as they are known and valid. */
  declare fields: JsonObject;
  #paper: Paper | null = null;

  constructor() {
    super();
    this.fields = {};
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('fields')) this.#paper = samplePaper(this.fields, localDay(Date.now()));
  }

  override render(): TemplateResult {
    return html`
      <figure>
        <figcaption>${t('company.preview')}</figcaption>
        <div class="frame" aria-hidden="true"><invoify-invoice-page .paper=${this.#paper}></invoify-invoice-page></div>
      </figure>`;
  }
}

customElements.define('invoify-company-preview', InvoifyCompanyPreview);
