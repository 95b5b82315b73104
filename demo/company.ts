// The sample company: users, plans, customers and three years of invoices, the same every time for the same options.
//
// Generates only input, as a person would enter it: an invoice's fields and what happened to it since (issued, paid, credited,
// void). seed.ts adds numbers, totals, parties and stored forms by the server's own rules. Invoices are generated one at a time, oldest
// first, so that memory does not grow with their number.

import type { Company as Profile, Customer, Invoice, InvoiceStatus, Plan, Role } from '../shared/collections.ts';
import { addDays } from '../shared/days.ts';
import { computeTotals } from '../shared/invoice.ts';
import { articles, customerNotes, details, discount, invoiceNotes, plans, profile, type Article } from './catalogue.ts';
import { regions, type Region } from './names.ts';
import { between, chance, createRandom, drawId, pick, pickWeighted, type Random } from './random.ts';

export interface CompanyOptions {
  /** The last day of the three years, YYYY-MM-DD. */
  readonly today: string;
  readonly customers: number;
  readonly invoices: number;
  readonly seed?: number;
}

export interface Entry<T> {
  readonly id: string;
  readonly fields: T;
}

export interface SampleUser {
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly disabled: false;
}

export type InvoiceFields = Pick<Invoice, 'customerId' | 'issueDate' | 'dueDate' | 'servicePeriod' | 'buyerReference' | 'orderNumber'
  | 'currency' | 'lines' | 'note'>;

/** What happened to an invoice by `today`. */
export interface History {
  readonly status: InvoiceStatus;
  readonly payments: Invoice['payments'];
  readonly creditedMinor: number;
}

export interface SampleInvoice extends Entry<InvoiceFields> {
  readonly customer: Customer;
  /** The invoice that this credit note corrects. */
  readonly creditedId?: string;
  readonly history: History;
}

export interface Company {
  /** One of each role, the owner first. */
  readonly users: readonly SampleUser[];
  /** The company as it appears on its invoices. */
  readonly profile: Profile;
  readonly plans: readonly Entry<Plan>[];
  readonly customers: readonly Entry<Customer>[];
  /** By issue date, credit notes among them. Every iteration yields the same ones. */
  invoices(): Iterable<SampleInvoice>;
}

const YEARS_DAYS = 3 * 365;
const termsDays = [10, 14, 14, 30, 30, 30, 60] as const;

type LocalCustomer = Entry<Customer> & { readonly region: Region };

export function createCompany(options: CompanyOptions): Company {
  const seed = options.seed ?? 4380;
  const random = createRandom(seed);
  const founded = addDays(options.today, -YEARS_DAYS);
  const planEntries = plans.map((fields) => ({ id: drawId(random, founded), fields }));
  const terms = createRandom(seed + 2);
  const customers = Array.from({ length: options.customers }, (_, index) =>
    withTerms(terms, drawCustomer(random, planEntries, founded), index + 1));
  return {
    users: [
      { email: 'anna.berger@example.com', name: 'Anna Berger', role: 'owner', disabled: false },
      { email: 'jonas.keller@example.com', name: 'Jonas Keller', role: 'editor', disabled: false },
      { email: 'elise.martin@example.com', name: 'Élise Martin', role: 'viewer', disabled: false },
    ],
    profile,
    plans: planEntries,
    customers: customers.map(({ id, fields }) => ({ id, fields })),
    invoices: () => drawInvoices(createRandom(seed + 1), customers, options),
  };
}

function drawCustomer(random: Random, planEntries: readonly Entry<Plan>[], createdOn: string): LocalCustomer {
  const region = pickWeighted(random, regions);
  const surname = pick(random, region.surnames);
  const givenName = pick(random, region.givenNames);
  const name = drawFirm(random, region, surname);
  const domain = `${toAscii(name).slice(0, 30).replace(/-$/, '')}.example`;
  const [postalCode, city, state] = pick(random, region.places);
  const houseNumber = `${between(random, 1, 148)}${chance(random, 0.15) ? pick(random, ['a', 'b']) : ''}`;
  const street = pick(random, region.streets);
  const currency = chance(random, 0.06) ? 'USD' : region.currency;
  const plan = pick(random, planEntries);
  const hasPlan = chance(random, 0.6) && plan.fields.currency === currency;
  return {
    id: drawId(random, createdOn),
    region,
    fields: {
      name,
      contact: `${givenName} ${surname}`,
      ...(chance(random, 0.92) ? { email: `${pick(random, ['office', 'info', toAscii(surname)])}@${domain}` } : {}),
      ...(region.phonePrefixes.length > 0 && chance(random, 0.8)
        ? { phone: `${pick(random, region.phonePrefixes)}${String(between(random, 0, 999)).padStart(3, '0')}` } : {}),
      address: {
        street: region.numberFirst ? `${houseNumber} ${street}` : `${street} ${houseNumber}`,
        city,
        postalCode,
        ...(state === undefined ? {} : { region: state }),
        country: region.country,
      },
      ...(chance(random, 0.7) ? { vatId: `${region.vatIdPrefix}${between(random, 1_000_000, 9_999_999)}` } : {}),
      currency,
      ...(hasPlan ? { planId: plan.id } : {}),
      ...(chance(random, 0.25) ? { internalNote: pick(random, customerNotes[region.language]) } : {}),
    },
  };
}

/** What a customer's invoices need: its number and language, and for some their terms and references. */
function withTerms(random: Random, { id, region, fields }: LocalCustomer, number: number): LocalCustomer {
  return {
    id,
    region,
    fields: {
      ...fields,
      number: `K-${10_000 + number}`,
      language: region.language,
      ...(chance(random, 0.2) ? { paymentTermsDays: pick(random, [7, 14, 30]) } : {}),
      ...(chance(random, 0.15) ? { buyerReference: pick(random, ['EK-2', 'KST 4400', 'FIN/017', 'B-112']) } : {}),
      ...(fields.email && chance(random, 0.1) ? { electronicAddress: { scheme: 'EM', value: fields.email } } : {}),
    },
  };
}

function drawFirm(random: Random, region: Region, surname: string): string {
  const legalForm = pick(random, region.legalForms);
  const style = random();
  if (region.trades.length > 0 && style < 0.4) return `${pick(random, region.trades)} ${surname} ${legalForm}`;
  if (style < 0.8) return `${surname} ${pick(random, region.fields)} ${legalForm}`;
  return `${surname} & ${pick(random, region.surnames)} ${legalForm}`;
}

/** A name as part of a domain name. */
function toAscii(name: string): string {
  const spelled = name.toLowerCase().replaceAll('ä', 'ae').replaceAll('ö', 'oe').replaceAll('ü', 'ue').replaceAll('ß', 'ss');
  return spelled.normalize('NFD').replace(/[\u0300-\u036f']/g, '').replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
}

function* drawInvoices(random: Random, customers: readonly LocalCustomer[], { today, invoices }: CompanyOptions): Generator<SampleInvoice> {
  const extras = createRandom(invoices);
  let credited: SampleInvoice | null = null;
  for (const [index, issueDate] of drawIssueDates(random, today, invoices).entries()) {
    if (credited) {
      yield drawCreditNote(extras, credited, issueDate);
      credited = null;
      continue;
    }
    // The square favors the first ones: a few customers are billed every week, most only occasionally.
    const customer = customers[Math.floor(random() ** 2 * customers.length)];
    if (!customer) throw new RangeError('invoices need customers');
    const lines = drawLines(random, customer.region);
    const { buyerReference, currency, paymentTermsDays } = customer.fields;
    const days = pick(random, termsDays);
    const fields: InvoiceFields = {
      customerId: customer.id,
      issueDate,
      dueDate: addDays(issueDate, paymentTermsDays ?? days),
      servicePeriod: drawServicePeriod(extras, issueDate),
      ...(buyerReference === undefined ? {} : { buyerReference }),
      ...(chance(extras, 0.2) ? { orderNumber: `PO-${between(extras, 1000, 9999)}` } : {}),
      currency,
      lines,
      ...(chance(random, 0.35) ? { note: pick(random, invoiceNotes[customer.region.language]) } : {}),
    };
    const { totalMinor } = computeTotals(lines);
    const invoice = {
      id: drawId(random, issueDate), fields, customer: customer.fields, history: drawHistory(random, extras, fields, totalMinor, today),
    };
    credited = chance(extras, 0.03) && index < invoices - 1 ? withCredit(invoice, totalMinor) : null;
    yield credited ?? invoice;
  }
}

/** An issued invoice whose first line is credited, and that much less of it paid; null where it has nothing to spare. */
function withCredit({ history, ...invoice }: SampleInvoice, totalMinor: number): SampleInvoice | null {
  const [first, second] = invoice.fields.lines;
  const [payment, another] = history.payments;
  if (!['open', 'paid'].includes(history.status) || !first || !second || first.unitPriceMinor <= 0 || another) return null;
  const creditedMinor = computeTotals([first]).totalMinor;
  if (creditedMinor >= (payment?.amountMinor ?? totalMinor)) return null;
  const payments = payment ? [{ ...payment, amountMinor: payment.amountMinor - creditedMinor }] : [];
  return { ...invoice, history: { ...history, payments, creditedMinor } };
}

function drawCreditNote(random: Random, { id, fields, customer }: SampleInvoice, issueDate: string): SampleInvoice {
  const { dueDate: _due, lines, ...kept } = fields;
  return {
    id: drawId(random, issueDate),
    fields: { ...kept, issueDate, lines: lines.slice(0, 1) },
    customer,
    creditedId: id,
    history: { status: 'paid', payments: [], creditedMinor: 0 },
  };
}

/** The day of the invoice, or the calendar month before it. */
function drawServicePeriod(random: Random, issueDate: string): NonNullable<Invoice['servicePeriod']> {
  if (chance(random, 0.6)) return { from: issueDate };
  const to = addDays(`${issueDate.slice(0, 8)}01`, -1);
  return { from: `${to.slice(0, 8)}01`, to };
}

/** Working days over three years up to `today`, oldest first; the last month has about twice the invoices of the first. */
function drawIssueDates(random: Random, today: string, count: number): string[] {
  const days = Array.from({ length: YEARS_DAYS + 1 }, (_, age) => workingDay(addDays(today, -age)));
  const ages = Array.from({ length: count }, () => Math.floor((2 - Math.sqrt(1 + 3 * random())) * days.length));
  return ages.sort((a, b) => b - a).map((age) => days[age] ?? today);
}

/** The day itself, or the Friday before a weekend. */
function workingDay(date: string): string {
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay();
  return weekday === 0 ? addDays(date, -2) : weekday === 6 ? addDays(date, -1) : date;
}

function drawLines(random: Random, region: Region): Invoice['lines'] {
  const count = pick(random, [1, 2, 2, 3, 3, 3, 4, 4, 5, 6]);
  const isDiscounted = count > 2 && chance(random, 0.12);
  const lines = Array.from({ length: isDiscounted ? count - 1 : count }, () => drawLine(random, region, pickWeighted(random, articles)));
  if (!isDiscounted) return lines;
  const rateBp = region.standardRateBp;
  const { subtotalMinor } = computeTotals(lines.filter((line) => line.taxRateBp === rateBp));
  const unitPriceMinor = -Math.floor(subtotalMinor * pick(random, [0.02, 0.03, 0.05]));
  if (unitPriceMinor === 0) return lines;
  return [...lines, { description: discount[region.language], quantityMilli: 1000, unitPriceMinor, taxRateBp: rateBp }];
}

function drawLine(random: Random, region: Region, article: Article): Invoice['lines'][number] {
  const { min, max, step } = article.quantityMilli;
  // Mostly small quantities, a few large ones.
  const steps = Math.floor(random() ** 2 * ((max - min) / step + 1));
  const description = article.description[region.language];
  return {
    description: chance(random, 0.35) ? `${description}, ${pick(random, details[region.language])}` : description,
    quantityMilli: min + steps * step,
    unit: article.unit[region.language],
    unitPriceMinor: Math.round(article.unitPriceMinor * pick(random, [0.9, 1, 1, 1, 1.1])),
    taxRateBp: article.isReduced ? region.reducedRateBp : region.standardRateBp,
  };
}

/** The state of an invoice of this age: the older it is, the more likely it is paid; few stay open for long. */
function drawHistory(
  random: Random, extras: Random, { issueDate, dueDate = issueDate }: InvoiceFields, totalMinor: number, today: string,
): History {
  const ageDays = daysBetween(issueDate, today);
  const lateDays = daysBetween(dueDate, today);
  const state = (status: InvoiceStatus, payments: Invoice['payments'] = []): History => ({ status, payments, creditedMinor: 0 });
  if (chance(random, ageDays <= 7 ? 0.3 : ageDays <= 30 ? 0.06 : 0.001)) return state('draft');
  if (chance(random, 0.02)) return state('void');
  const isPaid = chance(random, lateDays < 0 ? 0.35 : lateDays <= 30 ? 0.75 : lateDays <= 60 ? 0.9 : lateDays <= 90 ? 0.95 : 0.985);
  const paidOn = addDays(issueDate, Math.min(ageDays, between(random, 3, 3 + daysBetween(issueDate, dueDate) + 12)));
  if (totalMinor === 0) return state('paid');
  if (isPaid) return state('paid', drawPayments(random, extras, issueDate, paidOn, totalMinor));
  const partMinor = Math.floor(totalMinor / 3);
  return partMinor === 0 || !chance(random, 0.15) ? state('open') : state('open', [drawPayment(extras, partMinor, paidOn)]);
}

function drawPayments(
  random: Random, extras: Random, issueDate: string, paidOn: string, totalMinor: number,
): Invoice['payments'] {
  const firstMinor = Math.floor(totalMinor / 2);
  if (firstMinor === 0 || !chance(random, 0.08)) return [drawPayment(extras, totalMinor, paidOn)];
  const firstOn = addDays(issueDate, Math.floor(daysBetween(issueDate, paidOn) / 2));
  return [drawPayment(extras, firstMinor, firstOn), drawPayment(extras, totalMinor - firstMinor, paidOn)];
}

function drawPayment(random: Random, amountMinor: number, paidOn: string): Invoice['payments'][number] {
  return { id: drawId(random, paidOn), amountMinor, paidOn, ...(chance(random, 0.8) ? { method: 'SEPA' } : {}) };
}

function daysBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 86_400_000;
}
