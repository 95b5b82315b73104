// The English texts of the report, loaded with those of the records.

import type { Catalogue } from './catalogue.ts';

export const enReport = {
  'report.period': 'Period',
  'report.otherMonths': 'Other months',
  'report.from': 'From month',
  'report.to': 'To month',
  'report.basis': 'Counted by',
  'report.basis.issueDate': 'Invoice date',
  'report.basis.paidOn': 'Payment date',
  'report.per': 'Grouped by',
  'report.per.month': 'Month',
  'report.per.quarter': 'Quarter',
  'report.hint.issueDate': 'Everything issued in these months, less credit notes; drafts and void invoices do not count. Received is what '
    + 'was paid in the month, less refunds.',
  'report.hint.paidOn': 'What was received in these months, less refunds, divided into net amounts and taxes in the proportions of '
    + 'the invoices that it was paid for.',
  'report.incomplete': 'The download has not finished, so these figures are incomplete.',
  'report.net': 'Net amount',
  'report.tax': 'Tax',
  'report.gross': 'Gross amount',
  'report.received': 'Received',
  'report.total': 'Total',
  'report.quarter': 'Q{quarter} {year}',
  'report.netOf': 'Net {tax}',
  'report.taxOf': 'Tax {tax}',
  'report.currency': 'Currency',
  'report.table': '{currency}, {from} – {to}',
  'report.showInvoices': 'Show the invoices of {period}',
  'report.chart': 'Net amounts of twelve months',
  'report.chartCurrency': 'Currency of the chart',
  'report.chartMonth': '{month}: {amount}',
  'report.none': 'Nothing in these months',
  'report.noneHint.issueDate': 'Nothing was invoiced or received in them. Choose other months.',
  'report.noneHint.paidOn': 'No payment was received in them. Choose other months, or count by invoice date.',
  'report.csv': 'Save as CSV',
  'report.csvSaved': 'Saved to {path}',
  'report.fileName': 'report',
} as const satisfies Catalogue;
