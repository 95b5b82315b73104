// The rows of a list as they are fetched: few pages, the newest question's answers, and nothing that jumps.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Outcome } from '../../../shared/window/ipc.ts';
import type { ListPage, ListQuery, ListRow } from '../../../shared/window/views.ts';
import { ListRows, pageRows, wantedPages, type ListQuestion } from '../../../ui/list/list-rows.ts';

const rowAt = (search: string, index: number): ListRow => ({ id: `${search}${index}`, updatedAt: '', columns: {} });

/** A list of `total` rows whose answers come when the test says so. */
function setUp(total = 1000) {
  const asked: { readonly query: ListQuery; answer(outcome?: Outcome<ListPage>): Promise<void> }[] = [];
  const drawn: boolean[] = [];
  const rows = new ListRows({
    fetchPage: (query) => new Promise((resolve) => {
      const { offset = 0, limit = 0, search = '' } = query;
      const count = Math.max(0, Math.min(limit, total - offset));
      const page = { rows: Array.from({ length: count }, (_, index) => rowAt(search, offset + index)), total };
      asked.push({
        query,
        async answer(outcome = { ok: true, value: page }) {
          resolve(outcome);
          await new Promise(setImmediate);
        },
      });
    }),
    changed: (isNew) => drawn.push(isNew),
  });
  return { rows, asked, drawn };
}

const about = (search: string): ListQuestion => ({ selection: { collection: 'invoices', search }, sort: { column: 'name' } });

describe('the rows of a list', () => {
  test('never show an older question\'s answer over a newer one\'s', async () => {
    const { rows, asked } = setUp();
    rows.show(about('a'));
    rows.show(about('ab'));
    await asked[1]?.answer();
    await asked[0]?.answer();
    assert.equal(rows.row(0)?.id, 'ab0');
    assert.equal(rows.isSettled, true);
  });

  test('stay to be seen until all that is in view of the next has come', async () => {
    const { rows, asked, drawn } = setUp();
    rows.show(about('a'));
    await asked[0]?.answer();
    rows.show(about('b'));
    assert.equal(rows.row(0)?.id, 'a0');
    await asked.find(({ query }) => query.search === 'b')?.answer();
    assert.equal(rows.row(0)?.id, 'b0');
    assert.deepEqual([drawn[0], drawn.at(-1)], [true, true]);
  });

  test('are asked for again where they are in view, and keep their place, when the records may have changed', async () => {
    const { rows, asked, drawn } = setUp();
    rows.show(about(''));
    await asked[0]?.answer();
    rows.need(510, 530);
    await asked.find(({ query }) => query.offset === 500)?.answer();
    const before = asked.length;
    rows.refresh();
    assert.deepEqual(asked.slice(before).map(({ query }) => query.offset).slice(0, 1), [500]);
    await asked[before]?.answer();
    assert.equal(drawn.at(-1), false, 'not from the top');
    assert.equal(rows.row(515)?.id, '515');
  });

  test('ask for two pages at a time at most, however far one scrolls', async () => {
    const { rows, asked } = setUp(100_000);
    rows.show(about(''));
    await asked[0]?.answer();
    for (let first = 0; first < 90_000; first += 1000) rows.need(first, first + 20);
    const open = asked.length - 1;
    assert(open <= 2, `${open} under way`);
  });

  test('forget the pages that are farthest away', async () => {
    const { rows, asked } = setUp(100_000);
    rows.show(about(''));
    await asked[0]?.answer();
    let answered = 1;
    for (let page = 0; page < 120; page += 1) {
      rows.need(page * pageRows, page * pageRows + 20);
      for (; answered < asked.length; answered += 1) await asked[answered]?.answer();
    }
    assert.equal(rows.row(0), undefined);
    assert.equal(rows.row(119 * pageRows)?.id, `${119 * pageRows}`);
  });

  test('say why there is no answer, and forget it with the next question', async () => {
    const { rows, asked } = setUp();
    rows.show(about('a'));
    await asked[0]?.answer({ ok: false, error: { code: 'cache_unusable', message: 'Damaged.' } });
    assert.equal(rows.error?.code, 'cache_unusable');
    rows.show(about('b'));
    assert.equal(rows.error, null);
  });
});

test('the pages to be had are those in view first, then those around them', () => {
  assert.deepEqual(wantedPages(0, 20, null), [0]);
  assert.deepEqual(wantedPages(0, 20, 10_000), [0]);
  assert.deepEqual(wantedPages(180, 210, 10_000), [1, 2]);
  assert.deepEqual(wantedPages(70, 95, 10_000), [0, 1]);
  assert.deepEqual(wantedPages(9980, 9999, 10_000), [99]);
  assert.deepEqual(wantedPages(0, 20, 0), [0]);
});
