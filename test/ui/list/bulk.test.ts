// Doing the same with several records: what is done, what fails, and when the rest is left.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { ErrorCode } from '../../../shared/errors.ts';
import type { Outcome } from '../../../shared/window/ipc.ts';
import type { ListRow } from '../../../shared/window/views.ts';
import { loadLaterTexts } from '../../../ui/text/i18n.ts';
import { failureText, itemName, numbersText, runBulk, selectionText, sumsText } from '../../../ui/list/bulk.ts';

const failure = (code: ErrorCode): Outcome<never> => ({ ok: false, error: { code, message: code } });
const ok: Outcome<null> = { ok: true, value: null };

async function run(outcomes: readonly Outcome<unknown>[], cancelAfter = Infinity) {
  const progress: number[] = [];
  const result = await runBulk(outcomes, async (outcome) => outcome, {
    isCancelled: () => progress.length >= cancelAfter, onProgress: (finished) => progress.push(finished),
  });
  return { ...result, failures: result.failures.map(({ error }) => error.code), progress };
}

describe('several records', () => {
  test('are worked on one after the other, whatever fails on one of them', async () => {
    assert.deepEqual(await run([ok, failure('conflict'), ok, failure('precondition_failed')]),
      { done: 2, failures: ['conflict', 'precondition_failed'], untried: 0, progress: [1, 2, 3, 4] });
  });

  test('are left if the server cannot be asked, or the user cancels', async () => {
    for (const code of ['offline', 'outcome_unknown', 'unauthorized', 'signed_out', 'forbidden', 'too_many_requests'] as const) {
      assert.deepEqual(await run([ok, failure(code), ok, ok]), { done: 1, failures: [code], untried: 2, progress: [1, 2] });
    }
    assert.deepEqual(await run([ok, ok, ok], 1), { done: 1, failures: [], untried: 2, progress: [1] });
  });

  test('are named by the first and last number of each series', async () => {
    await loadLaterTexts();
    assert.equal(numbersText(['INV-2026-00007']), 'INV-2026-00007');
    assert.equal(numbersText(['INV-2026-00007', 'CN-2026-00002', 'INV-2026-00008', 'INV-2026-00009']),
      'INV-2026-00007 to INV-2026-00009 and CN-2026-00002');
  });

  test('that are selected add up like a list: drafts and void invoices count only among themselves', async () => {
    await loadLaterTexts();
    const text = (...rows: readonly [status: string, totalMinor: number][]): string =>
      selectionText('Some', rows.map(([status, totalMinor]) =>
        ({ id: '', updatedAt: '', columns: { status, totalMinor, currency: 'EUR' } })));
    assert.equal(text(['open', 10_000], ['draft', 500], ['void', 700], ['paid', 2000]), 'Some · Invoiced: €120.00');
    assert.equal(text(['draft', 500], ['draft', 700]), 'Some · Draft: €12.00');
    assert.equal(text(['void', 500]), 'Some · Void: €5.00');
    assert.equal(text(['void', 500], ['draft', 700]), 'Some');
  });

  test('are told apart, also drafts of one customer', async () => {
    await loadLaterTexts();
    const usual = { customerName: 'Bulky Ltd', issueDate: '2026-02-28', totalMinor: 10_000, currency: 'EUR' };
    const name = (columns: ListRow['columns']): string => itemName({
      id: '', updatedAt: '', columns: { ...usual, ...columns },
    }).replaceAll('\u00a0', ' ');
    assert.equal(name({ number: 'INV-1', kind: 'invoice' }), 'INV-1 · Bulky Ltd');
    assert.match(name({ number: null, kind: 'invoice' }), /^Draft invoice · Bulky Ltd · .*2026.* · €100\.00$/);
    assert.match(name({ number: null, kind: 'credit_note', totalMinor: -500 }), /^Credit note · Bulky Ltd · .*2026.* · -€5\.00$/);
  });

  test('do not speak of what was typed where nothing was', async () => {
    await loadLaterTexts();
    for (const code of ['offline', 'signed_out', 'unauthorized'] as const) {
      const text = failureText({ code, message: '' });
      assert.notEqual(text, '');
      assert.doesNotMatch(text, /typed/);
    }
    assert.match(failureText({ code: 'offline', kind: 'refused', message: '' }), /refuses connections/);
    assert.equal(failureText({ code: 'conflict', message: 'In the way.' }), 'In the way.');
  });

  test('add up per currency', () => {
    const row = (currency: string, totalMinor: number): ListRow => ({ id: '', updatedAt: '', columns: { currency, totalMinor } });
    assert.equal(sumsText([row('EUR', 10_000), row('CHF', 3000), row('EUR', -2500)]).replaceAll('\u00a0', ' '), '€75.00 and CHF 30.00');
  });
});
