// What an invoice can be issued without, though it should not be: the law may demand it, or it can never be added later. Said before
// issuing, with the field that would mend it.

import type { Company, Customer, Invoice } from '../../shared/collections.ts';
import { categoryOf } from '../../shared/invoice.ts';
import { companyOmissions, hasPostalAddress, type CompanyOmission } from '../company/company-gaps.ts';

type CompanyWarning = CompanyOmission | 'sellerVatId';
type CustomerWarning = 'address' | 'buyerVatId';
/**
 * No day of service; a rate of 0 without a reason where that is hardly ever right; due before it is issued; a credit note that is dated
 * before its invoice.
 */
type InvoiceWarning = 'service' | 'zeroRated' | 'due' | 'earlier';
export type IssueWarning = CompanyWarning | CustomerWarning | InvoiceWarning;

export interface IssueContext {
  readonly company: Partial<Company> | null;
  /** Null if it is not known: nothing is then said of the customer. */
  readonly customer: Partial<Customer> | null;
  /** The invoice that a credit note corrects. */
  readonly credited: Partial<Pick<Invoice, 'number' | 'issueDate'>> | null;
  /** Whether the user may change the company. */
  readonly isOwner: boolean;
}

/** The path of the field that a warning is about, in the form of the company, the customer or the invoice. */
export const warningFields: Readonly<Record<IssueWarning, string>> = {
  taxId: 'vatId', iban: 'iban', sellerVatId: 'vatId', address: 'address', buyerVatId: 'vatId', service: 'servicePeriod',
  zeroRated: 'lines', due: 'dueDate', earlier: 'issueDate',
};

/** Up to this gross total in cents, a German invoice may name its customer as it likes (§ 33 UStDV). */
const smallMinor = 25_000;

export function isAboutCompany(warning: IssueWarning): warning is CompanyWarning {
  return warning === 'taxId' || warning === 'iban' || warning === 'sellerVatId';
}

export function isAboutCustomer(warning: IssueWarning): warning is CustomerWarning {
  return warning === 'address' || warning === 'buyerVatId';
}

export function issueWarnings(
  invoice: Invoice, { company, customer, credited }: Omit<IssueContext, 'isOwner'>,
): readonly IssueWarning[] {
  const isInvoice = invoice.kind === 'invoice';
  const categories = invoice.lines.map(categoryOf);
  const isGerman = company?.address?.country === 'DE';
  const isSmall = invoice.currency === 'EUR' && invoice.totalMinor <= smallMinor;
  const needsVatIds = categories.includes('K') || (categories.includes('AE') && isAbroad(company, customer));
  const omissions = companyOmissions(company).filter((name) => name !== 'iban' || (isInvoice && invoice.totalMinor > 0));
  const said: readonly (readonly [IssueWarning, boolean])[] = [
    ['service', isInvoice && !saysWhenServed(invoice)],
    ['zeroRated', isInvoice && isGerman && categories.includes('Z')],
    ['due', isInvoice && (invoice.dueDate ?? invoice.issueDate) < invoice.issueDate],
    ['earlier', !isInvoice && isEarlier(invoice, credited)],
    ['address', customer !== null && isGerman && !isSmall && !hasPostalAddress(customer)],
    ['buyerVatId', customer !== null && needsVatIds && !customer.vatId],
    ['sellerVatId', needsVatIds && !company?.vatId && !omissions.includes('taxId')],
  ];
  return [...said.filter(([, isSaid]) => isSaid).map(([warning]) => warning), ...omissions];
}

/** Whether the two are known to be in different countries. */
function isAbroad(company: IssueContext['company'], customer: IssueContext['customer']): boolean {
  const [seller, buyer] = [company?.address?.country, customer?.address?.country];
  return seller !== undefined && buyer !== undefined && seller !== buyer;
}

/** Whether a credit note is dated before the invoice that it corrects. */
export function isEarlier({ issueDate }: Pick<Invoice, 'issueDate'>, credited: IssueContext['credited']): boolean {
  return credited?.issueDate !== undefined && issueDate !== '' && issueDate < credited.issueDate;
}

/** What people write on an invoice instead of filling in its days of service, in English and German. */
const servedWords = new RegExp(
  ['date of (?:service|supply|delivery)', '(?:service|supply|delivery) (?:date|period)', 'period of (?:service|supply|performance)',
    '(?:leistungs|liefer)(?:datum|tag|zeitpunkt|zeitraum|monat)', '(?:geliefert|geleistet|erbracht) am'].join('|'), 'i');

function saysWhenServed({ servicePeriod, note, lines }: Pick<Invoice, 'servicePeriod' | 'note' | 'lines'>): boolean {
  return servicePeriod !== undefined || [note ?? '', ...lines.map(({ description }) => description)].some((text) => servedWords.test(text));
}
