// Which words of a running text stay on one line.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { unbroken } from '../../../ui/base/unbroken.ts';

/** The text with what is kept together in brackets. */
const marked = (text: string): string =>
  unbroken(text).map((part) => (typeof part === 'string' ? part : `[${part.values.join('')}]`)).join('');

test('numbers with hyphens are kept together, and nothing else', () => {
  assert.equal(marked('Please pay €5.00, quoting INV-2026-00001.'), 'Please pay €5.00, quoting [INV-2026-00001.]');
  assert.equal(marked('CN-2026-00002 corrects INV-2026-00001'), '[CN-2026-00002] corrects [INV-2026-00001]');
  assert.equal(marked('Well-known e-mail, 5 – 7 days'), 'Well-known e-mail, 5 – 7 days');
  assert.equal(marked(`${'x'.repeat(60)}-1`), `${'x'.repeat(60)}-1`, 'wider than a line could be');
  assert.equal(marked(''), '');
});
