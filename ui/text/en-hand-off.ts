// The English texts for handing an invoice on, as an e-invoice or by e-mail, loaded with those of the records.

import type { Catalogue } from './catalogue.ts';

export const enHandOff = {
  'action.email': 'Save PDF and open e-mail',
  'action.emailOnly': 'Open e-mail',
  'action.eInvoice': 'Export XRechnung (XML)',
  'email.failed': 'No e-mail program could be opened. Choose one in the system’s settings for default apps, and try again.',
  'done.email': 'Saved to {path}. Attach it to the e-mail.',

  'eInvoice.title': 'Not complete for an e-invoice',
  'eInvoice.text': 'The rules for e-invoices (EN 16931, XRechnung, Peppol) also demand:',
  'eInvoice.company': 'Company',
  'eInvoice.customer': 'Customer',
  'eInvoice.invoice': 'Invoice',
  'eInvoice.askOwner': 'An owner can complete the company’s details.',
  'eInvoice.fixed': 'Once it is issued, an invoice’s lines and references no longer change. Credit it, and issue a new one.',
  'eInvoice.openCompany': 'Enter company details',
  'eInvoice.openCustomer': 'Edit customer',
  'eInvoice.openInvoice': 'Edit due date',
  'eInvoice.orOrderNumber': '{field}, unless the invoice was issued with an order number',

  'hint.buyerReference': 'For public bodies their Leitweg-ID, otherwise a reference that you agree with the customer.',
  'hint.scheme': 'For example EM for an e-mail address, 0204 for a Leitweg-ID, 9930 for a German VAT ID.',

  'problem.issued': 'Only for invoices that were issued and not voided.',
  'problem.decimals': 'Has amounts with more than two decimals, which no e-invoice can state.',
  'problem.tax_rounding': 'Has a tax that was rounded by a whole unit of its currency, which no e-invoice can state.',
  'problem.tax_mix': 'Mixes what is outside the scope of VAT with other lines.',
  'problem.vat_id': 'Must begin with the code of its country, such as DE.',
  'problem.phone': 'Must have at least three digits.',
  'problem.address_scheme': 'Must be a code of the EAS list, such as 0204 or EM.',
  'problem.address_value': 'Must have the form and the check digits of its scheme.',
} as const satisfies Catalogue;
