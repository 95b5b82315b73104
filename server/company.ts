// The company that issues an account's invoices: the one record of its collection.
//
// Invariant: every account has exactly one, made in the transaction that adds the account's owner. It has no name until an owner
// gives it one.

import type { Company } from '../shared/collections.ts';
import { isBlank, type JsonObject } from '../shared/fields.ts';
import { problem } from '../shared/problems.ts';
import { refuseProblems } from '../shared/protocol.ts';
import type { Rules } from './rules.ts';
import type { Transaction } from './store.ts';

/** The payload of a new account's company. */
export function initialCompany(): JsonObject {
  return { name: '' };
}

export const companyRules: Rules = {
  async complete(_transaction, { input }) {
    if (isBlank(String(input['name']))) refuseProblems({ name: problem('required') });
    return input;
  },
};

/** The account's company; a new one if somebody has removed it from the database. */
export async function companyOf(transaction: Transaction): Promise<Company> {
  const [record] = await transaction.list('company');
  return (record ? JSON.parse(record.payload) : initialCompany()) as Company;
}
