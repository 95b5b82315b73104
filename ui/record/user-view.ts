// The detail of a user: identity, role, and whether they may sign in.

import { LitElement, html, type TemplateResult } from 'lit';

import type { User } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { controls } from '../base/controls.ts';
import { detailStyles, facts, section } from './detail-parts.ts';
import { t, tryText } from '../text/i18n.ts';
import { fieldLabel } from '../text/messages.ts';
import type { Detail } from './record-detail-data.ts';

export class InvoifyUserView extends LitElement {
  static override properties = { detail: { attribute: false }, userId: { attribute: false } };
  static override styles = [controls, detailStyles];

  declare detail: Detail | null;
  /** The signed-in user. */
  declare userId: string;

  constructor() {
    super();
    this.detail = null;
    this.userId = '';
  }

  override render(): TemplateResult | string {
    if (!this.detail) return html``;
    const { record } = this.detail;
    const user = record.payload as JsonObject & User;
    return html`${section('', facts([
      [fieldLabel('email'), user.email],
      [fieldLabel('role'), tryText('role', user.role)],
      ['', tryText('detail.role', user.role)],
      [fieldLabel('status'), t(user.disabled ? 'detail.disabled' : 'detail.enabled')],
      ['', record.id === this.userId ? t('detail.you') : ''],
    ]))}`;
  }
}

customElements.define('invoify-user-view', InvoifyUserView);
