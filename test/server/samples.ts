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
