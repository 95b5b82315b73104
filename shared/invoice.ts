// Invoices and credit notes: totals from lines, what each state allows, and how long an amount has been overdue. Server, cache and
// window all take these rules from here.
//
// Amounts are integers in the currency's minor unit, quantities are thousandths, rates are basis points; intermediate results are
// exact. A line's net is rounded half away from zero; tax is computed once per category and rate on the sum of its lines' nets and
// rounded the same way, as in EN 16931 (BR-CO-17, BT-117). A credit note's amounts are positive, too.

import { taxCategories, type Invoice, type TaxCategory } from './collections.ts';
import { AppError } from './errors.ts';
import { isBlank } from './fields.ts';
import { addProblem, noProblems, problem, type Problem, type Problems } from './problems.ts';

export * from './invoice-status.ts';

export interface PricedLine {
  readonly quantityMilli: number;
  readonly unitPriceMinor: number;
  /** The number of units that the price is for; default: 1. */
  readonly priceQuantity?: number;
  readonly taxRateBp: number;
  /** Default: `S`, or `Z` where the rate is 0. */
  readonly taxCategory?: TaxCategory;
}

export interface Tax {
  readonly category: TaxCategory;
  readonly rateBp: number;
  readonly netMinor: number;
  readonly taxMinor: number;
}

export interface Totals {
  readonly subtotalMinor: number;
  /** One entry per category and rate: lowest rate first, then in the order of `taxCategories`. */
  readonly taxes: readonly Tax[];
  readonly totalMinor: number;
}

/**
 * The totals of an invoice, or of a credit note that corrects what is left of one. Throws `invalid_request` if the total is negative or
 * an amount is not a safe integer.
 */
export function computeTotals(lines: readonly PricedLine[], left: Creditable | null = null): Totals {
  const nets = new Map<string, { readonly category: TaxCategory; readonly rateBp: number; net: bigint }>();
  for (const line of lines) {
    const category = categoryOf(line);
    const key = `${category} ${line.taxRateBp}`;
    const entry = nets.get(key) ?? { category, rateBp: line.taxRateBp, net: 0n };
    entry.net += lineNet(line);
    nets.set(key, entry);
  }
  const order = (category: TaxCategory): number => taxCategories.indexOf(category);
  const taxes = [...nets.values()].sort((a, b) => a.rateBp - b.rateBp || order(a.category) - order(b.category))
    .map(({ category, rateBp, net }) => ({
      category,
      rateBp,
      netMinor: exact(net),
      taxMinor: exact(divideRounded(net * BigInt(rateBp), 10_000n)),
    }))
    .map((tax) => ({ ...tax, taxMinor: left ? creditedTaxMinor(tax, left) : tax.taxMinor }));
  const subtotalMinor = exact(taxes.reduce((sum, tax) => sum + BigInt(tax.netMinor), 0n));
  const totalMinor = exact(taxes.reduce((sum, tax) => sum + BigInt(tax.taxMinor), BigInt(subtotalMinor)));
  if (totalMinor < 0) throw invalidLines(problem('negative_total'));
  return { subtotalMinor, taxes, totalMinor };
}

/** A line's VAT category. */
export function categoryOf({ taxCategory, taxRateBp }: Pick<PricedLine, 'taxCategory' | 'taxRateBp'>): TaxCategory {
  return taxCategory ?? (taxRateBp === 0 ? 'Z' : 'S');
}

/** What contradicts itself in a draft's fields: rates and exemptions by VAT category, and dates. */
export function invoiceProblems(
  { lines, taxExemptionReason, servicePeriod }: Pick<Invoice, 'lines' | 'taxExemptionReason' | 'servicePeriod'>,
): Problems {
  const problems = noProblems();
  lines.forEach((line, index) => {
    if (categoryOf(line) !== 'S' && line.taxRateBp !== 0) addProblem(problems, `lines.${index}.taxRateBp`, problem('zero_rate'));
  });
  if (needsExemptionReason(lines) && isBlank(taxExemptionReason ?? '')) {
    addProblem(problems, 'taxExemptionReason', problem('required'));
  }
  if (servicePeriod?.to !== undefined && servicePeriod.to < servicePeriod.from) {
    addProblem(problems, 'servicePeriod.to', problem('order', { other: 'from' }));
  }
  return problems;
}

/** Whether a line is in a VAT category that needs a reason: exempt, reverse charge, intra-community, export, outside the scope. */
export function needsExemptionReason(lines: readonly Pick<PricedLine, 'taxCategory' | 'taxRateBp'>[]): boolean {
  return lines.some((line) => !['S', 'Z'].includes(categoryOf(line)));
}

/** A line's net amount in minor units, rounded half away from zero. Throws `invalid_request` if it is not a safe integer. */
export function lineNetMinor(line: PricedLine): number {
  return exact(lineNet(line));
}

function lineNet({ quantityMilli, unitPriceMinor, priceQuantity = 1 }: PricedLine): bigint {
  return divideRounded(BigInt(quantityMilli) * BigInt(unitPriceMinor), 1000n * BigInt(priceQuantity));
}

/** numerator / denominator rounded half away from zero; the denominator is positive. */
export function divideRounded(numerator: bigint, denominator: bigint): bigint {
  const magnitude = numerator < 0n ? -numerator : numerator;
  const rounded = (2n * magnitude + denominator) / (2n * denominator);
  return numerator < 0n ? -rounded : rounded;
}

function exact(amount: bigint): number {
  const number = Number(amount);
  if (!Number.isSafeInteger(number)) throw invalidLines(problem('too_large'));
  return number;
}

function invalidLines(refusal: Problem): AppError {
  return new AppError('invalid_request', `The lines ${refusal.message}.`, { fields: { lines: refusal } });
}

/** What can be done with an invoice, besides reading and copying it. */
export type InvoiceAction = 'edit' | 'delete' | 'issue' | 'pay' | 'unpay' | 'credit' | 'void';

/** What decides about an invoice's actions. */
export type InvoiceState = Pick<Invoice, 'kind' | 'status' | 'totalMinor' | 'paidMinor' | 'creditedMinor'>;

/**
 * Whether an invoice in this state allows an action; issuing also needs a line. An unknown status allows nothing. A credit note is
 * edited, deleted and issued like an invoice, and nothing else.
 */
export function isActionAllowed(invoice: InvoiceState, action: InvoiceAction): boolean {
  const { kind, paidMinor, creditedMinor, totalMinor } = invoice;
  const status: string = invoice.status;
  const isIssued = kind === 'invoice' && (status === 'open' || status === 'paid');
  switch (action) {
    case 'edit': return ['draft', 'open', 'paid', 'void'].includes(status);
    case 'delete': case 'issue': return status === 'draft';
    case 'pay': return isIssued && balanceOf(invoice) !== 0;
    case 'unpay': return isIssued;
    // One that comes to 0 is paid from the start, and may be as wrong as any.
    case 'credit': return isIssued && (creditedMinor < totalMinor || totalMinor === 0);
    case 'void': return isIssued && (status === 'open' || totalMinor === 0) && paidMinor === 0 && creditedMinor === 0;
  }
}

/** The fields that can still be edited; null means all of them. Issuing freezes everything but the due date and the internal note. */
export function editableInvoiceFields(status: string): readonly string[] | null {
  return status === 'draft' ? null : ['dueDate', 'internalNote'];
}

/** What is still to be paid of an issued invoice, or (negative) to be refunded because more was paid than is left after credits. */
function balanceOf({ totalMinor, creditedMinor, paidMinor }: Pick<InvoiceState, 'totalMinor' | 'creditedMinor' | 'paidMinor'>): number {
  return totalMinor - creditedMinor - paidMinor;
}

/** The status of an issued invoice: paid as soon as nothing is open. A credit note, which nobody pays, is paid. */
export function issuedStatus(invoice: Pick<InvoiceState, 'kind' | 'totalMinor' | 'creditedMinor' | 'paidMinor'>): 'open' | 'paid' {
  return invoice.kind === 'credit_note' || balanceOf(invoice) === 0 ? 'paid' : 'open';
}

/** What is left of an invoice to be credited. */
export type Creditable = Pick<Totals, 'taxes' | 'totalMinor'>;

/** What is left of an invoice for which these credit notes have been issued. */
export function creditableOf(
  invoice: Pick<Invoice, 'taxes' | 'totalMinor' | 'creditedMinor'>, issued: readonly Pick<Invoice, 'taxes'>[],
): Creditable {
  const taken = issued.flatMap(({ taxes }) => taxes);
  const taxes = invoice.taxes.map((tax) => taken.filter((other) => isSameRate(other, tax)).reduce((left, { netMinor, taxMinor }) => ({
    ...left, netMinor: left.netMinor - netMinor, taxMinor: left.taxMinor - taxMinor,
  }), tax));
  return { taxes, totalMinor: invoice.totalMinor - invoice.creditedMinor };
}

/**
 * A credit note's tax at a category and rate: with the last of the net goes the last of the tax, and never more than is left of it, so
 * that the parts come to what was invoiced although each is rounded (§ 17 UStG: the tax follows what it is on).
 */
function creditedTaxMinor(tax: Tax, { taxes }: Creditable): number {
  const left = taxes.find((other) => isSameRate(other, tax));
  // A credit note of more than is left cannot be issued, but it can be a draft.
  if (!left || tax.netMinor > left.netMinor) return tax.taxMinor;
  return left.netMinor === tax.netMinor ? left.taxMinor : Math.min(tax.taxMinor, Math.max(0, left.taxMinor));
}

/**
 * Why a credit note can correct no part of its invoice, or null: its total is at most what is left of that, and so is its net at each
 * category and rate.
 */
export function creditProblem({ taxes, totalMinor }: Creditable, left: Creditable): Problem | null {
  if (totalMinor > left.totalMinor) return problem('max', { max: left.totalMinor });
  for (const { category, rateBp, netMinor } of taxes) {
    const max = Math.max(0, left.taxes.find((tax) => isSameRate(tax, { category, rateBp }))?.netMinor ?? 0);
    if (netMinor > max) return problem('max', { max, category, rateBp });
  }
  return null;
}

function isSameRate(one: Pick<Tax, 'category' | 'rateBp'>, other: Pick<Tax, 'category' | 'rateBp'>): boolean {
  return one.category === other.category && one.rateBp === other.rateBp;
}

/** What is open: 0 for a draft, a paid or a void invoice, negative for a refund. The cache's `openMinor` column holds the same. */
export function openMinorOf(invoice: Pick<InvoiceState, 'status' | 'totalMinor' | 'creditedMinor' | 'paidMinor'>): number {
  return invoice.status === 'open' ? balanceOf(invoice) : 0;
}
