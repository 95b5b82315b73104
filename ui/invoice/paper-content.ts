// What the printed invoice says, as text: every word, date and amount in the customer's language and the document's currency, and
// both parties as they were when it was issued. Where that was not kept, as in a draft, as they are now.

import { categoryOf, lineNetMinor } from '../../shared/invoice.ts';
import type { Buyer, Company, Customer, Invoice, Seller } from '../../shared/collections.ts';
import { addressLines } from '../record/address.ts';
import { createPaperFormat, groupIban, paperLocale, type PaperFormat } from './paper-format.ts';

export interface PaperSource {
  readonly invoice: Invoice;
  /** As they are now; null if the cache does not hold them. */
  readonly company: Company | null;
  readonly customer: Customer | null;
  /** The invoice that a credit note corrects. */
  readonly credited: Pick<Invoice, 'number' | 'issueDate'> | null;
  /** For what has happened since it was issued: the present day (YYYY-MM-DD), and the numbers of its credit notes that are known. */
  readonly since?: { readonly today: string; readonly creditNotes: readonly string[] };
}

export type Fact = readonly [label: string, value: string];

export interface PaperLine {
  readonly position: string;
  readonly description: string;
  readonly quantity: string;
  readonly price: string;
  /** What they begin with and must not be broken: a quantity without its unit, a price without what it is for. */
  readonly kept: { readonly quantity: string; readonly price: string };
  readonly tax: string;
  readonly amount: string;
  /** What the lines so far add up to. */
  readonly carried: string;
}

export interface PaperSum {
  readonly label: string;
  readonly amount: string;
  readonly look: 'plain' | 'strong' | 'quiet';
}

export interface Paper {
  readonly format: PaperFormat;
  readonly logo: string | null;
  readonly seller: string;
  /** The seller in one line, above the address in the envelope's window. */
  readonly sender: string;
  readonly recipient: readonly string[];
  readonly facts: readonly Fact[];
  readonly heading: string;
  /** Which invoice a credit note corrects; else ''. */
  readonly corrects: string;
  readonly date: string;
  /** Across the page of what is not a valid invoice; else ''. */
  readonly stamp: string;
  readonly titles: Readonly<Record<'position' | 'description' | 'quantity' | 'price' | 'tax' | 'amount', string>>;
  readonly lines: readonly PaperLine[];
  readonly totals: readonly PaperSum[];
  /** What was credited and paid since, and what is left; with the day of that as its title. */
  readonly settlement: readonly PaperSum[];
  readonly settlementTitle: string;
  readonly exemption: string;
  readonly request: string;
  /** Where to pay. */
  readonly bank: readonly Fact[];
  readonly note: string;
  readonly footer: readonly (readonly string[])[];
  readonly footerText: string;
}

export function paperContent({ invoice, company, customer, credited, since }: PaperSource): Paper {
  const seller: Seller = invoice.seller ?? company ?? { name: '' };
  const buyer: Buyer = invoice.buyer ?? { ...customer, name: invoice.customerName };
  const format = createPaperFormat(paperLocale(buyer, seller));
  const { words } = format;
  const isCredit = invoice.kind === 'credit_note';
  const stamp = invoice.status === 'draft' ? words.draft : invoice.status === 'void' ? words.void : '';
  const title = [isCredit ? words.creditNote : words.invoice, invoice.number].filter(Boolean).join(' ');
  const request = paymentRequest(invoice, format);
  return {
    format,
    logo: company?.logo ?? null,
    seller: seller.name,
    sender: [seller.name, ...addressLines(seller, () => '')].join(' · '),
    recipient: [buyer.name, ...present(buyer.contact), ...postalLines(buyer, seller, format)],
    facts: facts(invoice, buyer, credited, format),
    heading: stamp ? `${title} (${stamp})` : title,
    corrects: credited ? words.correctsInvoice(credited.number ?? '', format.date(credited.issueDate)) : '',
    date: format.date(invoice.issueDate),
    stamp,
    titles: words,
    lines: paperLines(invoice, format),
    totals: totals(invoice, format),
    settlement: settlement(invoice, since?.creditNotes ?? [], format),
    settlementTitle: since ? words.asOf(format.date(since.today)) : '',
    exemption: present(invoice.taxExemptionReason).map((reason) => words.exemption + reason).join(''),
    request: request.text,
    bank: request.isDue ? bankFacts(invoice, seller, format) : [],
    note: invoice.note ?? '',
    ...footer(seller, format),
  };
}

/** The address as the post needs it: abroad with the country's name in capitals, at home without it. */
export function postalLines({ address }: Pick<Buyer, 'address'>, seller: Seller, { country, language }: PaperFormat): readonly string[] {
  if (!address) return [];
  const isHome = address.country === seller.address?.country;
  return addressLines({ address }, (code) => (isHome ? '' : country(code).toLocaleUpperCase(language)));
}

function facts(invoice: Invoice, buyer: Buyer, credited: PaperSource['credited'], { words, date }: PaperFormat): readonly Fact[] {
  const { servicePeriod: service } = invoice;
  const isPeriod = service?.to !== undefined && service.to > service.from;
  const isCredit = invoice.kind === 'credit_note';
  const all: readonly (readonly [string, string | undefined])[] = [
    [isCredit ? words.creditNoteNumber : words.number, invoice.number],
    [isCredit ? words.date : words.invoiceDate, date(invoice.issueDate)],
    [words.number, isCredit ? credited?.number : undefined],
    [isPeriod ? words.servicePeriod : words.serviceDate, service && date(service.from, service.to)],
    [words.dueDate, invoice.dueDate && date(invoice.dueDate)],
    [words.customerNumber, buyer.number],
    [words.customerVatId, buyer.vatId],
    [words.buyerReference, invoice.buyerReference ?? buyer.buyerReference],
    [words.orderNumber, invoice.orderNumber],
  ];
  return filled(all);
}

function paperLines({ lines, currency }: Invoice, { words, money, quantity, rate }: PaperFormat): readonly PaperLine[] {
  let carriedMinor = 0;
  return lines.map((line, index) => {
    const { description, quantityMilli, unit, unitPriceMinor, priceQuantity = 1 } = line;
    const category = categoryOf(line);
    const netMinor = lineNetMinor(line);
    carriedMinor += netMinor;
    const price = money(unitPriceMinor, currency);
    const tax = category === 'O' ? '' : rate(line.taxRateBp);
    return {
      position: String(index + 1),
      description,
      quantity: withUnit(quantity(quantityMilli), unit),
      kept: { quantity: quantity(quantityMilli), price },
      price: priceQuantity === 1 ? price : words.pricePer(price, withUnit(quantity(priceQuantity * 1000), unit)),
      tax: category === 'S' || category === 'Z' ? tax : [tax, category].filter(Boolean).join('\u00a0'),
      amount: money(netMinor, currency),
      carried: money(carriedMinor, currency),
    };
  });
}

/** With a space at which a line may break: a unit can be a long word. */
function withUnit(quantity: string, unit: string | undefined): string {
  return [quantity, unit].filter(Boolean).join(' ');
}

function totals(invoice: Invoice, { words, money, rate }: PaperFormat): readonly PaperSum[] {
  const { currency, subtotalMinor, taxes, totalMinor } = invoice;
  return [
    { label: words.subtotal, amount: money(subtotalMinor, currency), look: 'plain' },
    ...taxes.map(({ category, rateBp, netMinor, taxMinor }) => ({
      label: words.taxes[category].replace('{rate}', () => rate(rateBp)).replace('{net}', () => money(netMinor, currency)),
      amount: money(taxMinor, currency),
      look: 'plain' as const,
    })),
    { label: invoice.kind === 'credit_note' ? words.creditedTotal : words.total, amount: money(totalMinor, currency), look: 'strong' },
  ];
}

/** The most documents that are named one by one. */
export const maxNamed = 3;

function settlement(invoice: Invoice, creditNotes: readonly string[], { words, money, date }: PaperFormat): readonly PaperSum[] {
  const { kind, status, currency, payments, creditedMinor } = invoice;
  if (kind === 'credit_note' || status === 'void' || (payments.length === 0 && creditedMinor === 0)) return [];
  const leftMinor = unpaidMinor(invoice);
  const credited = [words.credited, creditNotes.length <= maxNamed ? creditNotes.join(', ') : ''].filter(Boolean).join(' ');
  return [
    ...creditedMinor === 0 ? [] : [{ label: credited, amount: money(-creditedMinor, currency), look: 'quiet' as const }],
    ...payments.map(({ amountMinor, paidOn, method, reference }) => ({
      label: [amountMinor > 0 ? words.received(date(paidOn)) : words.refunded(date(paidOn)), method, reference].filter(Boolean).join(', '),
      amount: money(-amountMinor, currency),
      look: 'quiet' as const,
    })),
    {
      label: leftMinor < 0 ? words.overpaid : words.amountDue,
      amount: money(Math.abs(leftMinor), currency),
      look: 'strong',
    },
  ];
}

/** What is left to pay, also of a draft. */
function unpaidMinor({ totalMinor, creditedMinor, paidMinor }: Invoice): number {
  return totalMinor - creditedMinor - paidMinor;
}

function paymentRequest(invoice: Invoice, { words, money, date }: PaperFormat): { readonly text: string; readonly isDue: boolean } {
  const { kind, status, currency, totalMinor, dueDate, number = '' } = invoice;
  const leftMinor = unpaidMinor(invoice);
  const say = (text: string): { readonly text: string; readonly isDue: boolean } => ({ text, isDue: false });
  if (status === 'void') return say('');
  if (kind === 'credit_note') return say(words.credit(money(totalMinor, currency)));
  if (leftMinor < 0) return say(words.refund(money(-leftMinor, currency)));
  if (leftMinor === 0) return say(invoice.paidMinor > 0 ? words.paid : words.nothingDue);
  return { text: words.pay(money(leftMinor, currency), dueDate === undefined ? '' : date(dueDate), number), isDue: true };
}

export function bankFacts({ number }: Pick<Invoice, 'number'>, seller: Seller, { words }: PaperFormat): readonly Fact[] {
  const { iban, bic, bankName, accountHolder = seller.name } = seller;
  if (iban === undefined) return [];
  return filled([
    [words.accountHolder, accountHolder], ['IBAN', groupIban(iban)], ['BIC', bic], [words.bank, bankName], [words.reference, number],
  ]);
}

export function footer(seller: Seller, { words, country }: PaperFormat): Pick<Paper, 'footer' | 'footerText'> {
  const { name, phone, email, website, bankName, iban, bic, vatId, taxNumber, registration, footer: text = '' } = seller;
  const labelled = (label: string, value: string | undefined): readonly string[] => present(value).map((one) => `${label} ${one}`);
  const columns = [
    [...present(name), ...addressLines(seller, country)],
    [...labelled(words.phone, phone), ...present(email), ...present(website)],
    [...present(bankName), ...labelled('IBAN', iban && groupIban(iban)).map(unbreakable), ...labelled('BIC', bic)],
    [...labelled(words.vatId, vatId), ...labelled(words.taxNumber, taxNumber), ...present(registration)],
  ];
  return { footer: columns.filter((column) => column.length > 0), footerText: text };
}

function unbreakable(text: string): string {
  return text.replaceAll(' ', '\u00a0');
}

export function filled(entries: readonly (readonly [string, string | undefined])[]): readonly Fact[] {
  return entries.flatMap(([label, value]) => present(value).map((text) => [label, text] as const));
}

function present(text: string | undefined): readonly string[] {
  return text === undefined || text.trim() === '' ? [] : [text];
}
