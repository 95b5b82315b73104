// A period's report: net, tax, gross and received amounts per month or quarter and currency, with a chart of twelve months.
//
//   <invoify-report .status .revision .today>
//
// Reads from the cache, so it works offline. One read runs at a time; if months or data change meanwhile, another one follows, and
// what is shown stays until then.

import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';

import { addDays } from '../../shared/days.ts';
import { grossOf, reportBases, type ReportCell, type ReportQuery, type ReportSums, type TaxSum } from '../../shared/report.ts';
import type { CallError } from '../../shared/window/ipc.ts';
import type { Status } from '../../shared/window/views.ts';
import { ask } from '../base/ask.ts';
import { controls } from '../base/controls.ts';
import { emit } from '../base/events.ts';
import { icon } from '../base/icons.ts';
import { screenStyles } from '../base/screen-styles.ts';
import { periods } from '../list/list-state.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { formatMoney, formatMonth, formatPercent } from '../text/format.ts';
import { currentLocale, t, tryText } from '../text/i18n.ts';
import { chartStyles, reportChart } from './report-chart.ts';
import {
  chartAmounts, chartMonths, groupings, initialReport, monthsOf, periodOf, reportCsv, reportQuery, reportTables, setEnd, shownMonths,
  type Group, type Months, type ReportState, type ReportTable,
} from './report-state.ts';

export class InvoifyReport extends LitElement {
  static override properties = {
    status: { attribute: false },
    revision: { attribute: false },
    today: {},
    _state: { state: true },
    _cells: { state: true },
    _currencies: { state: true },
    _failure: { state: true },
    _currency: { state: true },
  };

  static override styles = [controls, screenStyles, chartStyles, css`
    .choices { display: flex; flex-wrap: wrap; gap: var(--space-3) var(--space-4); }
    .choices .field { min-inline-size: 132px; }
    .incomplete { margin: 0; color: var(--color-warn); }
    .none { display: grid; justify-items: center; gap: var(--space-2); padding-block: var(--space-8); text-align: center; }
    .none h2 { margin: 0; }

    figure { margin: 0; min-inline-size: 0; }
    figcaption { display: flex; align-items: center; gap: var(--space-3); min-block-size: var(--size-control);
      margin-block-end: var(--space-3); }
    figcaption h2 { margin: 0; }
    figcaption select.input { inline-size: auto; }

    .scroll { overflow-x: auto; }
    table { inline-size: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
    th { font-weight: var(--weight-body); text-align: start; white-space: nowrap; }
    thead th { padding: 0 var(--space-3) var(--space-1) 0; color: var(--color-muted); font-size: var(--text-small); }
    tbody th, td { padding: var(--space-half) var(--space-3) var(--space-half) 0; }
    thead th.number, td.number { text-align: end; white-space: nowrap; }
    th:last-child, td:last-child { padding-inline-end: var(--space-1); }
    tbody tr:first-child > * { border-block-start: 1px solid var(--color-line); }
    tbody th .link { padding-inline: 0; color: var(--color-text); text-decoration: none; }
    tbody th .link:hover { text-decoration: underline; }
    .tax > * { color: var(--color-muted); font-size: var(--text-small); }
    .tax th { padding-inline-start: var(--space-4); }
    .total tr:first-child > * { border-block-start: 1px solid var(--color-control); font-weight: var(--weight-strong); }
  `];

  declare status: Status | null;
  declare revision: string;
  declare today: string;
  declare _state: ReportState | null;
  /** Null until loaded. */
  declare _cells: readonly ReportCell[] | null;
  /** The currencies of invoices, the most frequent one first. */
  declare _currencies: readonly string[];
  declare _failure: CallError | null;
  /** Whose chart the user chose. */
  declare _currency: string | null;
  /** What is being read, if anything. */
  #reading: ReportQuery | null = null;
  /** Whether it has changed since. */
  #isStale = false;

  constructor() {
    super();
    this.status = null;
    this.revision = '';
    this.today = '';
    this._state = null;
    this._cells = null;
    this._currencies = [];
    this._failure = null;
    this._currency = null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    this._state ??= initialReport(this.today);
    if (changed.has('revision') || changed.has('_state')) void this.#load(this._state);
  }

  async #load(state: ReportState): Promise<void> {
    this.#isStale = this.#reading !== null;
    if (this.#isStale) return;
    const query = this.#reading = reportQuery(state);
    const [outcome, totals] = await Promise.all([
      ask(this, 'data.periodReport', query), ask(this, 'data.selectionTotals', { collection: 'invoices' }),
    ]);
    this.#reading = null;
    // What was read for other months is not shown beside the present ones.
    const isCurrent = this._state !== null && JSON.stringify(reportQuery(this._state)) === JSON.stringify(query);
    if (isCurrent) {
      this._failure = outcome.ok ? null : outcome.error;
      if (outcome.ok) this._cells = outcome.value;
      if (totals.ok) this._currencies = totals.value.toSorted((a, b) => b.count - a.count).map(({ currency }) => currency);
    }
    if (this.#isStale && this._state) void this.#load(this._state);
  }

  #set(state: ReportState): void {
    this._state = state;
  }

  async #saveCsv(tables: readonly ReportTable[]): Promise<void> {
    const outcome = await ask(this, 'app.exportCsv', reportCsv(tables, {
      name: t('report.fileName'), period: t('report.period'), currency: t('report.currency'), net: t('report.net'), tax: t('report.tax'),
      gross: t('report.gross'), received: t('report.received'), netOf: (tax) => t('report.netOf', { tax: taxText(tax) }),
      taxOf: (tax) => t('report.taxOf', { tax: taxText(tax) }), locale: currentLocale().format,
    }));
    if (!outcome.ok) emit(this, 'toast', { text: callErrorText(outcome.error), tone: 'bad' });
    else if (outcome.value) emit(this, 'toast', { text: t('report.csvSaved', { path: outcome.value.path }), tone: 'ok' });
  }

  override render(): TemplateResult | typeof nothing {
    const state = this._state;
    if (!state) return nothing;
    const tables = reportTables(state, this._cells ?? [], this.today, this._currencies);
    const { state: sync = 'up_to_date', partial = 0 } = this.status ?? {};
    return html`
      <header>
        <h1 tabindex="-1">${t('screen.report')}</h1>
        <button class="button" type="button" data-action="csv" ?disabled=${tables.length === 0} @click=${() => this.#saveCsv(tables)}>
          ${icon('download')}${t('report.csv')}</button>
      </header>
      <div class="page" aria-busy=${this._cells === null && !this._failure ? 'true' : 'false'}>
        <div class="column wide">
          ${this.#renderChoices(state)}
          ${this._failure ? html`<p class="quiet" role="alert">${callErrorText(this._failure)}
            <button class="button" type="button" @click=${() => this.#load(state)}>${t('word.tryAgain')}</button></p>` : nothing}
          ${sync === 'first_sync' || partial > 0 ? html`<p class="incomplete">${t('report.incomplete')}</p>` : nothing}
          ${this._cells ? html`${this.#renderChart(state, this._cells, tables)}
            ${tables.map((table) => this.#renderTable(state, table))}
            ${tables.length > 0 ? nothing : html`<div class="none"><h2>${t('report.none')}</h2>
              <p class="quiet">${t(`report.noneHint.${state.basis}`)}</p></div>`}
            <p class="quiet">${t(`report.hint.${state.basis}`)}</p>` : nothing}
        </div>
      </div>`;
  }

  #renderChoices(state: ReportState): TemplateResult {
    // Only whole quarters are added up.
    const period = periodOf(shownMonths(state), this.today);
    const choosePeriod = (event: Event): void => {
      const chosen = periods.find((name) => name === (event.target as HTMLSelectElement).value);
      if (chosen) this.#set({ ...state, ...monthsOf(chosen, this.today) });
    };
    return html`<div class="choices">
      <div class="field">
        <label for="period">${t('report.period')}</label>
        <select id="period" class="input" @change=${choosePeriod}>
          ${periods.map((name) => html`<option value=${name} .selected=${name === period}>${t(`filter.${name}`)}</option>`)}
          ${period ? nothing : html`<option value="" selected>${t('report.otherMonths')}</option>`}
        </select>
      </div>
      ${this.#renderEnd(state, 'from')}
      ${this.#renderEnd(state, 'to')}
      ${this.#renderChoice('basis', reportBases, state.basis, (basis) => this.#set({ ...state, basis }))}
      ${this.#renderChoice('per', groupings, state.per, (per) => this.#set({ ...state, per }))}
    </div>`;
  }

  #renderEnd(state: ReportState, end: keyof Months): TemplateResult {
    return html`<div class="field">
      <label for=${end}>${t(`report.${end}`)}</label>
      <input id=${end} class="input" type="month" required min="1900-01" max="2999-12" lang=${currentLocale().format}
        .value=${shownMonths(state)[end]}
        @change=${(event: Event) => {
          const { value, validity } = event.target as HTMLInputElement;
          if (validity.valid) this.#set(setEnd(state, end, value));
        }}>
    </div>`;
  }

  #renderChoice<V extends string>(name: 'basis' | 'per', values: readonly V[], chosen: V, choose: (value: V) => void): TemplateResult {
    return html`<div class="field">
      <label for=${name}>${t(`report.${name}`)}</label>
      <select id=${name} class="input" @change=${(event: Event) => {
        const value = values.find((one) => one === (event.target as HTMLSelectElement).value);
        if (value !== undefined) choose(value);
      }}>${values.map((value) =>
        html`<option value=${value} .selected=${value === chosen}>${tryText(`report.${name}`, value)}</option>`)}</select>
    </div>`;
  }

  #renderChart(state: ReportState, cells: readonly ReportCell[], tables: readonly ReportTable[]): TemplateResult | typeof nothing {
    const others = this._currencies.filter((one) => cells.some(({ currency }) => currency === one));
    const currencies = [...new Set([...tables.map((one) => one.currency), ...others])];
    const currency = currencies.find((one) => one === this._currency) ?? currencies[0];
    if (currency === undefined) return nothing;
    return html`<figure>
      <figcaption><h2>${t('report.chart')}</h2>
        ${currencies.length === 1 ? html`<span>${currency}</span>` : html`<select class="input" aria-label=${t('report.chartCurrency')}
          @change=${(event: Event) => { this._currency = (event.target as HTMLSelectElement).value; }}>
          ${currencies.map((one) => html`<option .selected=${one === currency}>${one}</option>`)}</select>`}
      </figcaption>
      ${reportChart(chartMonths(state), chartAmounts(state, cells, currency), currency, shownMonths(state))}
    </figure>`;
  }

  #renderTable(state: ReportState, { currency, rows, total }: ReportTable): TemplateResult {
    const { from, to } = shownMonths(state);
    const hasSeveralTaxes = total.taxes.length > 1;
    return html`<section>
      <h2 id="of-${currency}">${currency}</h2>
      <div class="scroll" tabindex="0" role="region" aria-labelledby="of-${currency}">
        <table>
          <caption class="visually-hidden">${t('report.table', { currency, from: formatMonth(from), to: formatMonth(to) })}</caption>
          <thead><tr>
            <th scope="col">${t('report.period')}</th>
            ${(['net', 'tax', 'gross', 'received'] as const).map((name) =>
              html`<th scope="col" class="number">${t(`report.${name}`)}</th>`)}
          </tr></thead>
          ${rows.map(({ group, sums }) =>
            this.#renderSums(this.#renderGroup(state, group, currency), sums, currency, hasSeveralTaxes))}
          ${this.#renderSums(html`${t('report.total')}`, total, currency, true, 'total')}
        </table>
      </div>
    </section>`;
  }

  /** The name of a month or quarter; by invoice date it leads to the invoices that are counted. */
  #renderGroup(state: ReportState, group: Group, currency: string): TemplateResult {
    const name = groupText(group);
    if (state.basis !== 'issueDate') return html`${name}`;
    const filters = {
      status: ['open', 'paid'], currency, issueDate: { from: `${group.from}-01`, to: lastDay(group.to) },
    };
    return html`<button class="link" title=${t('report.showInvoices', { period: name })} @click=${() =>
      emit(this, 'show-list', { collection: 'invoices', filters, label: `${name}, ${currency}` })}>${name}</button>`;
  }

  /** The body of a table for one group or the total; null is a group with nothing in it. */
  #renderSums(name: TemplateResult, sums: ReportSums | null, currency: string, hasTaxes: boolean, look = ''): TemplateResult {
    const cell = (amount: number | null): TemplateResult => html`<td class="number">${formatMoney(amount, currency)}</td>`;
    const { netMinor, taxMinor, grossMinor } = grossOf(sums ?? { taxes: [], receivedMinor: 0 });
    return html`<tbody class=${look}>
      <tr>
        <th scope="row">${name}</th>
        ${sums ? [netMinor, taxMinor, grossMinor, sums.receivedMinor].map(cell)
          : Array.from({ length: 4 }, () => html`<td class="number quiet">${t('word.none')}</td>`)}
      </tr>
      ${hasTaxes ? (sums?.taxes ?? []).map((tax) => html`<tr class="tax">
        <th scope="row">${taxText(tax)}</th>
        ${[tax.netMinor, tax.taxMinor, grossOf({ taxes: [tax], receivedMinor: 0 }).grossMinor].map(cell)}<td></td>
      </tr>`) : nothing}
    </tbody>`;
  }
}

/** "19%", or "0% Reverse charge". */
function taxText({ category, rateBp }: Pick<TaxSum, 'category' | 'rateBp'>): string {
  const rate = formatPercent(rateBp);
  return category === 'S' ? rate : `${rate} ${tryText('taxCategory', category)}`;
}

/** "November 2026" or "Q4 2026". */
function groupText({ name, from }: Group): string {
  const [year = '', quarter = ''] = name.split('-Q');
  return quarter === '' ? formatMonth(from) : t('report.quarter', { quarter, year });
}

/** Of a month (YYYY-MM). */
function lastDay(month: string): string {
  const next = new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 1)).toISOString().slice(0, 10);
  return addDays(next, -1);
}

customElements.define('invoify-report', InvoifyReport);
