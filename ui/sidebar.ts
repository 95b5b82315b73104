// Navigation between screens, and the signed-in user. In a narrow window it shows icons only, with accessible names.

import { LitElement, css, html, nothing, type TemplateResult } from 'lit';

import type { SignedInUser } from '../shared/protocol.ts';
import {
  companyScreen, computersScreen, healthScreen, listScreens, reportScreen, settingsScreen, type Screen,
} from './app-state.ts';
import { controls } from './base/controls.ts';
import { emit } from './base/events.ts';
import { t, tryText } from './text/i18n.ts';
import { icon, isIcon, logo, type IconName } from './base/icons.ts';

export class InvoifySidebar extends LitElement {
  static override properties = {
    screen: {},
    user: { attribute: false },
  };

  static override styles = [controls, css`
    :host { display: flex; flex-direction: column; padding: var(--space-2); background: var(--color-back);
      border-inline-end: 1px solid var(--color-line); }
    .name { display: flex; align-items: center; gap: var(--space-2);
      block-size: var(--space-8); margin-block-end: var(--space-2); padding-inline: var(--space-2);
      font-size: var(--text-large); font-weight: var(--weight-strong); }
    .logo { inline-size: 18px; block-size: 18px; flex: none; }
    nav { display: flex; flex: 1; flex-direction: column; min-block-size: 0; }
    .items { flex: 1; min-block-size: 0; overflow-y: auto; }
    ul { display: grid; gap: var(--space-half); margin: 0; padding: 0; list-style: none; }
    ul + ul { margin-block-start: var(--space-3); padding-block-start: var(--space-3); border-block-start: 1px solid var(--color-line); }
    .item {
      display: flex;
      align-items: center;
      gap: var(--space-2);
      inline-size: 100%;
      min-block-size: 30px;
      padding: 0 var(--space-2);
      border: 0;
      border-radius: var(--radius);
      background: none;
      color: var(--color-text);
      text-align: start;
      cursor: default;
      transition: background-color var(--motion);
    }
    .item .icon { color: var(--color-muted); }
    .item:hover { background: var(--color-hover); }
    .item:focus-visible { outline-offset: -2px; }
    .item[aria-current] { background: var(--color-pressed); font-weight: var(--weight-strong); }
    .item[aria-current] .icon { color: var(--color-accent); }
    .user { padding: var(--space-2); color: var(--color-muted); font-size: var(--text-small); line-height: var(--line-tight); }
    .user > * { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    .user strong { display: block; color: var(--color-text); font-weight: var(--weight-strong); }
    @media (max-width: 1099px) {
      .name span, .user { display: none; }
      .name { padding-inline: var(--space-2); }
      :host { padding-inline: var(--space-1); }
      .item { justify-content: center; padding: 0; }
      .item span { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
    }
    @media (forced-colors: active) { .item[aria-current] { outline: 2px solid Highlight; outline-offset: -2px; } }
  `];

  declare screen: Screen;
  declare user: SignedInUser | null;

  constructor() {
    super();
    this.screen = '';
    this.user = null;
  }

  #item(screen: Screen, label: string, name: IconName): TemplateResult {
    return html`<li><button class="item" data-screen=${screen} title=${label} aria-current=${this.screen === screen ? 'page' : nothing}
      @click=${() => emit(this, 'navigate', { screen })}>${icon(name)}<span>${label}</span></button></li>`;
  }

  override render(): TemplateResult {
    return html`
      <nav aria-label=${t('nav.label')}>
        <div class="name">${logo()}<span>${t('word.app')}</span></div>
        <div class="items">
          <ul>${listScreens(this.user?.role ?? null).map((name) =>
            this.#item(name, tryText('collection', name), isIcon(name) ? name : 'folder'))}
            ${this.#item(reportScreen, t('screen.report'), 'report')}</ul>
          <ul>
            ${this.#item(companyScreen, t('collection.company'), 'company')}
            ${this.user?.role === 'owner' ? this.#item(computersScreen, t('screen.computers'), 'computers') : nothing}
            ${this.#item(settingsScreen, t('screen.settings'), 'settings')}
            ${this.#item(healthScreen, t('screen.health'), 'health')}
          </ul>
        </div>
        ${this.user ? html`<div class="user"><span class="visually-hidden">${t('nav.account', { name: this.user.name })}</span>
          <strong aria-hidden="true">${this.user.name}</strong><div>${tryText('role', this.user.role)}</div></div>` : nothing}
      </nav>`;
  }
}

customElements.define('invoify-sidebar', InvoifySidebar);
