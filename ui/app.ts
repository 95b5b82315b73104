// The window's root: the one component that talks to the desktop behind it.

import { LitElement, html, type TemplateResult } from 'lit';

import type { WindowApi } from '../shared/ipc.ts';

declare global {
  interface Window {
    readonly electron: WindowApi;
  }
}

export class InvoifyApp extends LitElement {
  override render(): TemplateResult {
    return html`<main></main>`;
  }
}

customElements.define('invoify-app', InvoifyApp);
