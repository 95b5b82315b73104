// The detail of a record whose collection has no dedicated view: every field with its label.

import { LitElement, html, type TemplateResult } from 'lit';

import { controls } from '../base/controls.ts';
import { detailStyles, facts, section } from './detail-parts.ts';
import { fieldLabel } from '../text/messages.ts';
import type { Detail } from './record-detail-data.ts';
import { fieldTexts } from './value-text.ts';

export class InvoifyRecordView extends LitElement {
  static override properties = { detail: { attribute: false } };
  static override styles = [controls, detailStyles];

  declare detail: Detail | null;

  constructor() {
    super();
    this.detail = null;
  }

  override render(): TemplateResult {
    const texts = this.detail ? fieldTexts(this.detail.record.payload) : [];
    return html`${section('', facts(texts.map(([path, text]) => [fieldLabel(path), text])))}`;
  }
}

customElements.define('invoify-record-view', InvoifyRecordView);
