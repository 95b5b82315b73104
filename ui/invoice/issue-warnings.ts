// What an invoice can be issued without, though it should not be: the law may demand it, or it can never be added later. Said before
// issuing, with the field that would mend it.

import type { Company, Invoice } from '../../shared/collections.ts';
import { companyOmissions, type CompanyOmission } from '../company/company-gaps.ts';

/** Beside what the company omits: no day of service; due before it is issued; a credit note that is dated before its invoice. */
export type IssueWarning = CompanyOmission | 'service' | 'due' | 'earlier';

export interface IssueContext {
  readonly company: Partial<Company> | null;
  /** The invoice that a credit note corrects. */
  readonly credited: Partial<Pick<Invoice, 'number' | 'issueDate'>> | null;
  /** Whether the user may change the company. */
  readonly isOwner: boolean;
}

/** The path of the field that a warning is about, in the form of the company or of the invoice. */
export const warningFields: Readonly<Record<IssueWarning, string>> = {
  taxId: 'vatId', iban: 'iban', service: 'servicePeriod', due: 'dueDate', earlier: 'issueDate',
};

export function isAboutCompany(warning: IssueWarning): warning is CompanyOmission {
  return warning === 'taxId' || warning === 'iban';
}

export function issueWarnings(invoice: Invoice, { company, credited }: Omit<IssueContext, 'isOwner'>): readonly IssueWarning[] {
  const isInvoice = invoice.kind === 'invoice';
  const omissions = companyOmissions(company).filter((name) => name !== 'iban' || (isInvoice && invoice.totalMinor > 0));
  return [
    ...isInvoice && !saysWhenServed(invoice) ? ['service' as const] : [],
    ...isInvoice && (invoice.dueDate ?? invoice.issueDate) < invoice.issueDate ? ['due' as const] : [],
    ...!isInvoice && isEarlier(invoice, credited) ? ['earlier' as const] : [],
    ...omissions,
  ];
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
