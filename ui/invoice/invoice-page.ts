// The printed invoice or credit note, and how it is printed or saved as a PDF. Its parts are first laid out as one long sheet, whose
// heights say where the pages break (paper-pages.ts), and then as sheets of exactly one page each.
//
//   <invoify-invoice-page .paper>

import { LitElement, html, type PropertyValues, type TemplateResult } from 'lit';

import type { Company, Customer, Invoice } from '../../shared/collections.ts';
import { localDay } from '../../shared/days.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { Outcome, SavedFile } from '../../shared/window/ipc.ts';
import type { RecordView } from '../../shared/window/views.ts';
import { ask } from '../base/ask.ts';
import { t } from '../text/i18n.ts';
import type { Detail } from '../record/record-detail-data.ts';
import { paperContent, type Fact, type Paper, type PaperSum } from './paper-content.ts';
import { fitColumns, numberColumns, type ColumnWidths, type TableFit } from './paper-columns.ts';
import { breakPages, type PaperPage } from './paper-pages.ts';
import { paperPieces, type PaperPiece } from './paper-pieces.ts';
import { unbroken } from '../base/unbroken.ts';
import { paperStyles } from './paper-styles.ts';

const sheetMm = { width: 210, height: 297 } as const;
/** Where the parts begin on every page but the first, and how far the footer is from the edge, as in paper-styles.ts. */
const againMm = 32;
const footerEndMm = 9;
/** How wide the columns are where that is enough. A statement of account has dates in place of prices, and no rates. */
const usualMm: ColumnWidths = { quantity: 24, price: 31, tax: 16, amount: 30 };
const untaxedMm: ColumnWidths = { quantity: 24, price: 44, tax: 0, amount: 30 };
/** A longer unit is broken, so that it does not take the room of every description. */
const maxWordMm = 40;
/** Kept on one line: a word with a digit, up to the next space at which a line may break: an amount with its currency is one. */
const word = /(?<![^ \n])(?=[^ \n]*\d)([^ \n]{1,40})(?![^ \n])/u;
/** Kept free above the footer. */
const gapMm = 6;

/** Where the company's text is: at the foot of every page, in two columns if it is long, or at the end if that is not enough. */
type ImprintPlace = 'foot' | 'columns' | 'end';

export class InvoifyInvoicePage extends LitElement {
  static override properties = {
    paper: { attribute: false },
    _pages: { state: true },
    _fit: { state: true },
    _recipientSize: { state: true },
    _imprint: { state: true },
    _badLogo: { state: true },
  };

  static override styles = paperStyles;

  declare paper: Paper | null;
  /** Null while the parts are measured. */
  declare _pages: readonly PaperPage[] | null;
  /** Null while the amounts are measured. */
  declare _fit: TableFit | null;
  /** A long address gets smaller letters. */
  declare _recipientSize: '' | 'small' | 'smallest';
  declare _imprint: ImprintPlace;
  /** A logo that turned out to be unreadable: the seller's name is in its place. */
  declare _badLogo: string | null;
  #pieces: readonly PaperPiece[] = [];
  #groups: readonly number[] = [];

  constructor() {
    super();
    this.paper = null;
    this._pages = null;
    this._fit = null;
    this._recipientSize = '';
    this._imprint = 'foot';
    this._badLogo = null;
  }

  /** Resolves once the pages are laid out and the logo can be drawn. */
  async laidOut(): Promise<void> {
    while (!await this.updateComplete);
    await Promise.all([...this.renderRoot.querySelectorAll('img')].map((image) => image.decode().catch(() => this.#leaveOut(image))));
    while (!await this.updateComplete);
  }

  #leaveOut(image: HTMLImageElement): void {
    this._badLogo = image.getAttribute('src');
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('paper')) this.#begin();
    if (changed.has('paper') || changed.has('_imprint')) this.#setPieces();
    // No style attributes: the page's content security policy allows none.
    for (const column of numberColumns) this.style.setProperty(`--${column}`, this._fit ? `${this._fit.widthsMm[column]}mm` : null);
    this.style.setProperty('--scale', this._fit ? String(this._fit.scale) : null);
  }

  #begin(): void {
    this._pages = null;
    this._fit = null;
    this._recipientSize = '';
    this._imprint = 'foot';
  }

  #setPieces(): void {
    const { pieces, groups } = this.paper ? paperPieces(this.paper, this._imprint === 'end') : { pieces: [], groups: [] };
    this.#pieces = pieces;
    this.#groups = groups;
  }

  protected override updated(): void {
    if (!this.paper || this._pages) return;
    const size = this._recipientSize;
    if (this.#isCut('.window') && size !== 'smallest') this._recipientSize = size === '' ? 'small' : 'smallest';
    else if (this.#isCut('.imprint')) this._imprint = this._imprint === 'foot' ? 'columns' : 'end';
    else if (this._fit === null) this._fit = this.#fitColumns(this.paper);
    else this._pages = this.#breakPages();
  }

  /** Whether an element that there is at most once has no room for its text. */
  #isCut(selector: string): boolean {
    const element = this.renderRoot.querySelector(selector);
    // Columns for which there is no room are beside the others.
    return element !== null && (element.scrollHeight > element.clientHeight || element.scrollWidth > element.clientWidth);
  }

  #fitColumns({ titles }: Paper): TableFit {
    const all = (selector: string): readonly Element[] => [...this.renderRoot.querySelectorAll(selector)];
    const sheetPx = this.renderRoot.querySelector('.sheet')?.getBoundingClientRect().width ?? sheetMm.width;
    const widthsMm = (selector: string): readonly number[] =>
      all(selector).map((text) => text.getBoundingClientRect().width * sheetMm.width / sheetPx);
    const widest = (column: string): number => Math.max(0, ...widthsMm(`.${column} .kept`));
    const widestWord = (column: string): number => Math.max(0, ...widthsMm(`.${column} .word`).filter((width) => width <= maxWordMm));
    const each = (width: (column: string) => number): ColumnWidths =>
      ({ quantity: width('quantity'), price: width('price'), tax: width('tax'), amount: width('amount') });
    return fitColumns(each(widest), titles.tax === '' ? untaxedMm : usualMm, each(widestWord), widest('description'));
  }

  #breakPages(): readonly PaperPage[] {
    const box = (selector: string): DOMRect => this.renderRoot.querySelector(selector)?.getBoundingClientRect() ?? new DOMRect();
    const sheet = box('.sheet');
    // Relative to the sheet, so that it may be shown at any scale.
    const mm = (px: number): number => px * sheetMm.width / sheet.width;
    const room = sheetMm.height - footerEndMm - gapMm - mm(box('footer').height);
    const pieces = this.#pieces.map(({ part }, index) => ({ part, heightMm: mm(box(`[data-piece="${index}"]`).height) }));
    return breakPages(pieces, this.#groups, {
      firstMm: room - mm(box('.parts').top - sheet.top),
      nextMm: room - againMm,
      headMm: mm(box('thead').height),
      carryMm: mm(box('.carried').height),
    });
  }

  override render(): TemplateResult {
    const { paper, _pages: pages } = this;
    if (!paper) return html``;
    const galley: PaperPage = { from: 0, to: this.#pieces.length, isCarriedIn: true, isCarriedOut: true };
    return html`<article lang=${paper.format.language}>
      ${(pages ?? [galley]).map((page, index) => html`
        <section class="sheet ${pages ? '' : 'galley'} ${this._fit ? '' : 'unfitted'}">
          ${paper.stamp ? html`<p class="stamp" aria-hidden="true">${paper.stamp}</p>` : ''}
          ${index === 0 ? this.#renderOpening(paper) : html`
            <div class="again"><span>${paper.seller}</span><span>${paper.heading}<br>${paper.date}</span></div>`}
          <div class="parts">${this.#renderParts(paper, page)}</div>
          ${renderFooter(paper, index + 1, pages?.length ?? 1, this._imprint)}
        </section>`)}
    </article>`;
  }

  #renderOpening({ logo, seller, sender, recipient, facts, heading, corrects }: Paper): TemplateResult {
    return html`
      <div class="mark upper"></div><div class="mark hole"></div><div class="mark lower"></div>
      <div class="letterhead">${logo && logo !== this._badLogo
        ? html`<img src=${logo} alt=${seller} @error=${(event: Event) => this.#leaveOut(event.target as HTMLImageElement)}>`
        : html`<p>${seller}</p>`}</div>
      <div class="window ${this._recipientSize}">
        <p class="sender"><span>${sender}</span></p>
        <address>${recipient.map((line, index) => (index === 0 ? line : html`<br>${line}`))}</address>
      </div>
      <div class="opening">${renderFacts(facts)}</div>
      <div class="heading"><h1>${unbroken(heading)}</h1>${corrects ? html`<p class="corrects">${unbroken(corrects)}</p>` : ''}</div>`;
  }

  #renderParts(paper: Paper, { from, to, isCarriedIn, isCarriedOut }: PaperPage): TemplateResult {
    const shown = this.#pieces.slice(from, to).map((piece, index) => ({ piece, at: from + index }));
    const rows = shown.filter(({ piece }) => piece.part === 'line');
    // Any of them may be carried.
    const measured = this._fit === null ? paper.lines.map(({ carried }) => kept(carried)) : null;
    return html`
      ${rows.length > 0 || isCarriedIn ? renderTable(paper, [
        isCarriedIn ? renderCarried('in', paper.format.words.broughtForward, measured ?? kept(this.#carriedBefore(from))) : '',
        rows.map(({ piece, at }) => renderRow(paper, piece, at)),
        isCarriedOut ? renderCarried('out', paper.format.words.carriedForward, kept(this.#carriedBefore(to))) : '',
      ]) : ''}
      ${shown.filter(({ piece }) => piece.part !== 'line').map(({ piece, at }) => html`<div data-piece=${at}>${renderText(piece)}</div>`)}`;
  }

  /** What the lines before a piece add up to. */
  #carriedBefore(at: number): string {
    return this.#pieces.slice(0, at).findLast((piece) => piece.part === 'line')?.line.carried ?? '';
  }
}

function renderTable({ titles }: Paper, rows: readonly unknown[]): TemplateResult {
  return html`
    <table class=${titles.tax === '' ? 'untaxed' : ''}>
      <thead>
        <tr>
          <th scope="col" class="position">${titles.position}</th>
          <th scope="col">${titles.description}</th>
          <th scope="col" class="quantity">${heading(titles.quantity)}</th>
          <th scope="col" class="price">${heading(titles.price)}</th>
          <th scope="col" class="tax">${titles.tax}</th>
          <th scope="col" class="amount">${heading(titles.amount)}</th>
        </tr>
      </thead>
      <tbody>${rows}</tbody>
    </table>`;
}

/** Words that are not broken. */
function heading(title: string): readonly unknown[] {
  return title.split(' ').map((word, index) => html`${index === 0 ? '' : ' '}${kept(word)}`);
}

function renderCarried(side: 'in' | 'out', label: string, amount: unknown): TemplateResult {
  return html`<tr class="carried ${side}"><td></td><td colspan="4">${label}</td><td class="amount">${amount}</td></tr>`;
}

function renderRow({ titles }: Paper, piece: PaperPiece, at: number): TemplateResult {
  if (piece.part !== 'line') return html``;
  const { line, description, isFirst, isLast } = piece;
  const cell = (text: string, whole = text): TemplateResult | string =>
    (isFirst ? html`${kept(text)}${words(whole.slice(text.length))}` : '');
  return html`
    <tr data-piece=${at} class="${isFirst ? '' : 'part'} ${isLast ? 'end' : ''}">
      <td class="position">${cell(line.position)}</td>
      <td class="description">${titles.tax === '' ? keptText(description) : description}</td>
      <td class="quantity">${cell(line.kept.quantity, line.quantity)}</td>
      <td class="price">${cell(line.kept.price, line.price)}</td>
      <td class="tax">${cell(line.tax)}</td>
      <td class="amount">${cell(line.amount)}</td>
    </tr>`;
}

function renderText(piece: PaperPiece): TemplateResult {
  switch (piece.part) {
    case 'line': return html``;
    case 'sum': return renderSums(piece.sums, 'totals');
    case 'text': return piece.sums ? html`${piece.text ? html`<p class="since">${unbroken(piece.text)}</p>` : ''}${
      renderSums(piece.sums, '')}` : html`
      <div class=${piece.look}>${keptText(piece.text)}${piece.facts && piece.facts.length > 0 ? renderFacts(piece.facts) : ''}</div>`;
  }
}

function renderSums(sums: readonly PaperSum[], look: string): TemplateResult {
  return html`<dl class="sums ${look}">${sums.map(({ label, amount, look: own }) => html`
    <dt class=${own}>${keptText(label)}</dt><dd class=${own}>${amount}</dd>`)}</dl>`;
}

function renderFacts(facts: readonly Fact[]): TemplateResult {
  return html`<dl class="facts">${facts.map(([label, value]) => html`<dt>${label}</dt><dd>${value}</dd>`)}</dl>`;
}

function renderFooter(
  { format: { words }, footer, footerText }: Paper, page: number, of: number, imprint: ImprintPlace,
): TemplateResult {
  return html`
    <footer>
      <p class="page-number">${words.page(page, of)}</p>
      <div class="columns">${footer.map((lines) => html`
        <p>${lines.map((line, index) => (index === 0 ? line : html`<br>${line}`))}</p>`)}</div>
      ${footerText && imprint !== 'end' ? html`<p class="imprint ${imprint === 'columns' ? 'columned' : ''}">${footerText}</p>` : ''}
    </footer>`;
}

/**
 * Prints the invoice of a detail, or saves it as a PDF, in the folder that was chosen for several if that is where it goes: the
 * value is then the file, or null if the user cancelled. The page is in the document only while it prints; the print rules in
 * ui/tokens.css hide everything else.
 */
export async function exportInvoice(
  host: EventTarget, detail: Detail, to: 'print' | 'pdf' | 'folder',
): Promise<Outcome<SavedFile | null>> {
  const invoice = detail.record.payload as JsonObject & Invoice;
  const page = new InvoifyInvoicePage();
  page.paper = paperContent({
    invoice,
    company: payloadOf<Company>(detail.company),
    customer: payloadOf<Customer>(detail.customer),
    credited: payloadOf<Invoice>(detail.credited),
    since: { today: localDay(Date.now()), creditNotes: creditNotesOf(detail) },
  });
  document.body.append(page);
  try {
    await page.laidOut();
    if (to === 'print') return await ask(host, 'app.print');
    return await ask(host, 'app.exportPdf', { name: fileName(invoice), ...(to === 'folder' && { isInFolder: true }) });
  } finally {
    page.remove();
  }
}

function payloadOf<T>(record: RecordView | null): (JsonObject & T) | null {
  return (record?.payload ?? null) as (JsonObject & T) | null;
}

/** The numbers of those that have been issued, oldest first. */
function creditNotesOf({ credits }: Detail): readonly string[] {
  return (credits?.rows ?? []).flatMap(({ columns: { number } }) => (typeof number === 'string' ? [number] : [])).toSorted();
}

function fileName({ number, customerName }: Invoice): string {
  return number ?? `${t('detail.draft')} ${customerName}`;
}

/** A text on one line. */
function kept(text: string): TemplateResult | string {
  return text === '' ? '' : html`<span class="kept">${text}</span>`;
}

/** Words that are broken only where one does not fit by itself; the columns are made wide enough for them where there is room. */
function words(text: string): readonly (TemplateResult | string)[] {
  return text.split(/( )/).map((part) => (part.trim() === '' ? part : html`<span class="word">${part}</span>`));
}

/** Running text in which no amount is broken, nor a number such as INV-2026-00001. */
function keptText(text: string): readonly (TemplateResult | string)[] {
  // What the group captures is at the odd places.
  return text.split(word).map((part, index) => (index % 2 === 0 ? part : kept(part)));
}

customElements.define('invoify-invoice-page', InvoifyInvoicePage);
