// The English texts for entering invoices quickly and working on several at once, loaded with those of the records.

import type { Catalogue } from './catalogue.ts';

export const enEntry = {
  'lines.suggestions': 'Earlier lines and plans',
  'lines.suggested': { one: '{count} suggestion', other: '{count} suggestions' },
  'picker.new': 'New customer “{name}”',
  'picker.newUnnamed': 'New customer',
  'form.saveIssue': 'Save and issue',
} as const satisfies Catalogue;
