// The English texts for entering invoices quickly and working on several at once, loaded with those of the records.

import type { Catalogue } from './catalogue.ts';

export const enEntry = {
  'lines.suggestions': 'Earlier lines and plans',
  'lines.suggested': { one: '{count} suggestion', other: '{count} suggestions' },
  'picker.new': 'New customer “{name}”',
  'picker.newUnnamed': 'New customer',
  'form.saveIssue': 'Save and issue',

  'selection.label': 'Selected rows',
  'selection.count': { one: '{count} selected', other: '{count} selected' },
  'selection.most': { one: '{count} selected, the most at once', other: '{count} selected, the most at once' },
  'selection.issue': { one: 'Issue {count} draft', other: 'Issue {count} drafts' },
  'selection.pdf': 'Save PDFs',
  'selection.csv': 'Save CSV',
  'selection.clear': 'Clear selection',

  'bulk.issueTitle': { one: 'Issue {count} draft?', other: 'Issue {count} drafts?' },
  'bulk.issueText': 'Each gets its number, and its lines are then fixed. Invoify does not e-mail them.',
  'bulk.dated': { one: '{count} of them is dated before today.', other: '{count} of them are dated before today.' },
  'bulk.issuing': { one: 'Issuing {count} draft', other: 'Issuing {count} drafts' },
  'bulk.pdfTitle': { one: 'Saving {count} PDF', other: 'Saving {count} PDFs' },
  'bulk.progress': '{done} of {total}',
  'bulk.done': 'Done',
  'bulk.issued': { one: '{count} issued.', other: '{count} issued.' },
  'bulk.saved': { one: '{count} PDF saved to {path}.', other: '{count} PDFs saved to {path}.' },
  'bulk.failed': { one: '{count} did not work:', other: '{count} did not work:' },
  'bulk.untried': { one: '{count} was not tried.', other: '{count} were not tried.' },
  'bulk.noDraft': 'It is no longer a draft.',

  'menu.label': 'Menu of {name}',
  'menu.copyNumber': 'Copy number',
  'menu.copyAmount': 'Copy amount',
  'menu.openCustomer': 'Open customer',
  'menu.copied': 'Copied: {text}',
} as const satisfies Catalogue;
