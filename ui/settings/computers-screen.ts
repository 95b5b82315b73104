// The owner's view of all computers that are signed in to the account.
//
//   <invoify-computers-screen .status .revision>

import { LitElement, html, type TemplateResult } from 'lit';

import type { Status } from '../../shared/window/views.ts';
import { controls } from '../base/controls.ts';
import { screenStyles } from '../base/screen-styles.ts';
import { t } from '../text/i18n.ts';
import './computers.ts';

export class InvoifyComputersScreen extends LitElement {
  static override properties = {
    status: { attribute: false },
    revision: { attribute: false },
  };

  static override styles = [controls, screenStyles];

  declare status: Status | null;
  declare revision: string;

  constructor() {
    super();
    this.status = null;
    this.revision = '';
  }

  override render(): TemplateResult {
    return html`
      <header><h1 tabindex="-1">${t('screen.computers')}</h1></header>
      <div class="page">
        <div class="column wide">
          <section>
            <p class="quiet">${t('computers.allText')}</p>
          </section>
          <invoify-computers all .status=${this.status} .revision=${this.revision}></invoify-computers>
        </div>
      </div>`;
  }
}

customElements.define('invoify-computers-screen', InvoifyComputersScreen);
