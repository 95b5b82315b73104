// The sample invoice that shows how the company appears on paper, from what its form holds so far.

import type { Company } from '../../shared/collections.ts';
import { addDays } from '../../shared/days.ts';
import type { Json, JsonObject } from '../../shared/fields.ts';
import { computeTotals } from '../../shared/invoice.ts';
import { paperContent, type Paper } from '../invoice/paper-content.ts';
import { currentLocale, t } from '../text/i18n.ts';

/** Terms and rate of the sample if the company has none. */
const usual = { termsDays: 14, taxRateBp: 1900 } as const;

/** `fields` may lack some, and hold null for what is not valid yet. `today` is YYYY-MM-DD. */
export function samplePaper(fields: JsonObject, today: string): Paper {
  const company: Company = { name: '', ...withoutNull(fields) as Partial<Company> };
  const { invoicePrefix = 'INV-', paymentTermsDays = usual.termsDays, taxRateBp = usual.taxRateBp } = company;
  const lines = [
    { description: t('company.sampleWork'), quantityMilli: 8_000, unit: t('company.sampleHours'), unitPriceMinor: 9_500, taxRateBp },
    { description: t('company.sampleGoods'), quantityMilli: 250_000, unitPriceMinor: 1_250, priceQuantity: 100, taxRateBp },
  ];
  const buyer = {
    name: t('company.sampleBuyer'),
    language: currentLocale().language,
    address: { street: t('company.sampleStreet'), city: t('company.sampleCity') },
  };
  return paperContent({
    invoice: {
      kind: 'invoice', status: 'open', number: `${invoicePrefix}${today.slice(0, 4)}-00001`, customerId: '', customerName: buyer.name,
      issueDate: today, dueDate: addDays(today, paymentTermsDays), servicePeriod: { from: today }, currency: 'EUR', lines, buyer,
      ...computeTotals(lines), paidMinor: 0, creditedMinor: 0, payments: [],
    },
    company, customer: null, credited: null,
  });
}

function withoutNull(fields: JsonObject): JsonObject {
  const isObject = (value: Json): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
  return Object.fromEntries(Object.entries(fields).flatMap(([name, value]) =>
    (value === null ? [] : [[name, isObject(value) ? withoutNull(value) : value]])));
}
