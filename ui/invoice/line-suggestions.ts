// Earlier lines and plans, offered below the description of an invoice's line while it is typed. None is chosen until an arrow key
// chooses it, so that Enter keeps its meaning for whoever types on.

import { css, html, nothing, type LitElement, type ReactiveController, type TemplateResult } from 'lit';

import type { LineSuggestion } from '../../shared/window/views.ts';
import { ask } from '../base/ask.ts';
import { latestOnly } from '../base/latest.ts';
import { formatMoney, formatPercent } from '../text/format.ts';
import { t, tryText } from '../text/i18n.ts';

export const suggestionStyles = css`
  .describing { anchor-name: --describing; }

  #suggestions {
    position-anchor: --describing;
    position-area: block-end span-inline-end;
    position-try-fallbacks: flip-block;
    inset: auto;
    min-inline-size: max(anchor-size(inline), 360px);
    max-inline-size: 560px;
    margin: var(--space-half) 0;
    padding: var(--space-1);
    border: 0;
    border-radius: var(--radius);
    background: var(--color-raised);
    color: var(--color-text);
    box-shadow: var(--shadow);
    list-style: none;
  }

  #suggestions > li {
    display: flex;
    justify-content: space-between;
    gap: var(--space-4);
    padding: var(--space-1) var(--space-2);
    border-radius: var(--radius-small);
    cursor: default;
  }

  #suggestions > li:hover { background: var(--color-hover); }
  #suggestions > [aria-selected='true'] { background: var(--color-selected); outline: 1px solid transparent; }
  #suggestions span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  #suggestions .aside { flex: none; color: var(--color-muted); font-variant-numeric: tabular-nums; }

  @media (forced-colors: active) {
    #suggestions { border: 1px solid CanvasText; }
    #suggestions > [aria-selected='true'] { outline-color: Highlight; }
  }
`;

export interface SuggestionsDeps {
  /** The currency of the invoice. */
  readonly currency: () => string;
  readonly onPick: (index: number, suggestion: LineSuggestion) => void;
}

export class LineSuggestions implements ReactiveController {
  readonly #host: LitElement;
  readonly #deps: SuggestionsDeps;
  readonly #latest = latestOnly();
  /** The line that they are for, or -1. */
  #line = -1;
  #offers: readonly LineSuggestion[] = [];
  #active = -1;

  constructor(host: LitElement, deps: SuggestionsDeps) {
    this.#host = host;
    this.#deps = deps;
    host.addController(this);
  }

  hostUpdated(): void {
    const list = this.#host.renderRoot.querySelector<HTMLElement>('#suggestions:not(:popover-open)');
    if (list?.isConnected) list.showPopover();
    this.#host.renderRoot.querySelector('#suggestions > [aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }

  /** The attributes of the description's control. */
  of(line: number): { readonly list: string | typeof nothing; readonly active: string | typeof nothing; readonly look: string } {
    const isOpen = this.#line === line;
    return {
      list: isOpen ? 'suggestions' : nothing,
      active: isOpen && this.#active >= 0 ? `suggestion-${this.#active}` : nothing,
      look: isOpen ? 'describing' : '',
    };
  }

  /** Offers what goes with a text. */
  async look(line: number, text: string): Promise<void> {
    const isLatest = this.#latest();
    const outcome = await ask(this.#host, 'data.lineSuggestions', { text: text.slice(0, 200), currency: this.#deps.currency() });
    if (!isLatest()) return;
    const offers = outcome.ok ? outcome.value : [];
    this.#set(offers.length === 0 ? -1 : line, offers);
  }

  close(): void {
    this.#latest();
    if (this.#line >= 0) this.#set(-1, []);
  }

  onInput(line: number, text: string): void {
    if (text.trim() === '') this.close();
    else void this.look(line, text);
  }

  /** Returns whether the key was one for the list. */
  onKeydown(event: KeyboardEvent, line: number): boolean {
    if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return false;
    const isOpen = this.#line === line;
    const { key } = event;
    if (key === 'ArrowDown' && !isOpen) {
      const { value } = event.target as HTMLTextAreaElement;
      if (value.includes('\n')) return false;
      void this.look(line, value);
    } else if (isOpen && (key === 'ArrowDown' || key === 'ArrowUp')) {
      // Beyond either end none is chosen.
      const count = this.#offers.length + 1;
      this.#active = (this.#active + 1 + (key === 'ArrowDown' ? 1 : -1) + count) % count - 1;
      this.#host.requestUpdate();
    } else if (isOpen && key === 'Enter' && this.#active >= 0) {
      this.#pick(this.#active);
    } else if (isOpen && key === 'Escape') {
      event.stopPropagation();
      this.close();
    } else {
      return false;
    }
    event.preventDefault();
    return true;
  }

  render(): TemplateResult {
    // A press must not move the focus out of the description, or the list would close before the click.
    return html`
      ${this.#line < 0 ? '' : html`
        <ul id="suggestions" role="listbox" popover="manual" aria-label=${t('lines.suggestions')}
          @mousedown=${(event: Event) => event.preventDefault()}>
          ${this.#offers.map((offer, index) => html`
            <li id="suggestion-${index}" role="option" aria-selected=${index === this.#active} @click=${() => this.#pick(index)}>
              <span>${offer.description}</span><span class="aside">${this.#aside(offer)}</span>
            </li>`)}
        </ul>`}
      <span class="visually-hidden" role="status">${this.#line < 0 ? '' : t('lines.suggested', { count: this.#offers.length })}</span>`;
  }

  #aside({ unitPriceMinor, unit, priceQuantity, taxRateBp, interval }: LineSuggestion): string {
    const per = [priceQuantity, unit].filter((part) => part !== undefined).join(' ');
    const price = `${formatMoney(unitPriceMinor, this.#deps.currency())}${per === '' ? '' : ` / ${per}`}`;
    const tax = taxRateBp === undefined ? null : formatPercent(taxRateBp);
    return [interval ? tryText('interval', interval) : null, price, tax].filter((part) => part !== null).join(' · ');
  }

  #pick(at: number): void {
    const [line, offer] = [this.#line, this.#offers[at]];
    this.close();
    if (offer) this.#deps.onPick(line, offer);
  }

  #set(line: number, offers: readonly LineSuggestion[]): void {
    this.#line = line;
    this.#offers = offers;
    this.#active = -1;
    this.#host.requestUpdate();
  }
}
