// Valid inputs, in which a test overrides the fields it is about; and the least that a password's hash can cost.

/** Less than a millisecond, where the standard costs fifty: for tests that are not about the cost. */
export const cheapest = { memoryKib: 8, passes: 1, lanes: 1 } as const;

export function plan(fields: object = {}): object {
  return { name: 'Hosting', priceMinor: 1900, currency: 'EUR', interval: 'month', active: true, ...fields };
}

export function customer(fields: object = {}): object {
  return { name: 'Café Müller', currency: 'EUR', ...fields };
}

export function user(email: string, fields: object = {}): object {
  return { email, name: 'Someone', role: 'viewer', disabled: false, ...fields };
}

export function line(fields: object = {}): object {
  return { description: 'Work', quantityMilli: 1000, unitPriceMinor: 10_000, taxRateBp: 1900, ...fields };
}

export function invoice(customerId: string, fields: object = {}): object {
  return { customerId, issueDate: '2026-01-15', dueDate: '2026-02-14', currency: 'EUR', lines: [line()], ...fields };
}

/** All fields of a company that an invoice shows, but for the logo. */
export const company = {
  name: 'Example Tools GmbH', address: { street: 'Am Markt 1', city: 'Bonn', postalCode: '53111', country: 'DE' }, vatId: 'DE123456788',
  taxNumber: '205/5000/1234', registration: 'HRB 1234, Amtsgericht Bonn', email: 'billing@tools.test', phone: '+49 228 555000',
  website: 'https://tools.test', iban: 'DE89 3704 0044 0532 0130 00', bic: 'COBADEFFXXX', bankName: 'A bank',
  accountHolder: 'Example Tools', footer: 'Managing director: A. Example\nThank you.',
};
