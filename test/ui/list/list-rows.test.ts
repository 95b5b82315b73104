// The loaded rows of a list: few pages in memory, no stale responses, and no visible jumps.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Outcome } from '../../../shared/window/ipc.ts';
import type { ListPage, ListQuery, ListRow } from '../../../shared/window/views.ts';
import { ListRows, pageRows, wantedPages, type ListRequest } from '../../../ui/list/list-rows.ts';

const rowAt = (search: string, index: number): ListRow => ({ id: `${search}${index}`, updatedAt: '', columns: {} });

/** A list of `total` rows whose responses arrive when the test sends them. */
function setUp(total = 1000) {
  const fetches: { readonly query: ListQuery; respond(outcome?: Outcome<ListPage>): Promise<void> }[] = [];
  const drawn: boolean[] = [];
  const rows = new ListRows({
    fetchPage: (query) => new Promise((resolve) => {
      const { offset = 0, limit = 0, search = '' } = query;
      const count = Math.max(0, Math.min(limit, total - offset));
      const page = { rows: Array.from({ length: count }, (_, index) => rowAt(search, offset + index)), total };
      fetches.push({
        query,
        async respond(outcome = { ok: true, value: page }) {
          resolve(outcome);
          await new Promise(setImmediate);
        },
      });
    }),
    onChange: (isNew) => drawn.push(isNew),
  });
  return { rows, fetches, drawn };
}

const searchFor = (search: string): ListRequest => ({ selection: { collection: 'invoices', search }, sort: { column: 'name' } });

describe('the rows of a list', () => {
  test('ignore the response to an older search', async () => {
    const { rows, fetches } = setUp();
    rows.show(searchFor('a'));
    rows.show(searchFor('ab'));
    await fetches[1]?.respond();
    await fetches[0]?.respond();
    assert.equal(rows.row(0)?.id, 'ab0');
    assert.equal(rows.isSettled, true);
  });

  test('ignore the failure of an older request, also one of the rows that are still shown', async () => {
    const damaged: Outcome<never> = { ok: false, error: { code: 'cache_unusable', message: 'Damaged.' } };
    const { rows, fetches } = setUp();
    rows.show(searchFor('a'));
    rows.show(searchFor('ab'));
    await fetches[0]?.respond(damaged);
    assert.equal(rows.error, null);
    await fetches[1]?.respond();
    const around = fetches.at(-1);
    assert.deepEqual([around?.query.search, around?.query.offset], ['ab', 100]);
    rows.show(searchFor('b'));
    await around?.respond(damaged);
    assert.equal(rows.error, null);
  });

  test('begin at the top of another list, whatever was in view, also if they are refetched before they arrive', async () => {
    const { rows, fetches, drawn } = setUp();
    rows.show(searchFor('a'));
    await fetches[0]?.respond();
    rows.setView(510, 530);
    const before = fetches.length;
    rows.show(searchFor('b'));
    rows.refresh();
    rows.setView(510, 530);
    assert.deepEqual(fetches.slice(before).map(({ query }) => query.offset), [0, 0]);
    await fetches.at(-1)?.respond();
    assert.deepEqual([rows.row(0)?.id, rows.isSettled, drawn.at(-1)], ['b0', true, true]);
  });

  test('stay visible until everything in view of the next list has arrived', async () => {
    const { rows, fetches, drawn } = setUp();
    rows.show(searchFor('a'));
    await fetches[0]?.respond();
    rows.show(searchFor('b'));
    assert.equal(rows.row(0)?.id, 'a0');
    await fetches.find(({ query }) => query.search === 'b')?.respond();
    assert.equal(rows.row(0)?.id, 'b0');
    assert.deepEqual([drawn[0], drawn.at(-1)], [true, true]);
  });

  test('are refetched in place when records may have changed', async () => {
    const { rows, fetches, drawn } = setUp();
    rows.show(searchFor(''));
    await fetches[0]?.respond();
    rows.setView(510, 530);
    await fetches.find(({ query }) => query.offset === 500)?.respond();
    const before = fetches.length;
    rows.refresh();
    assert.deepEqual(fetches.slice(before).map(({ query }) => query.offset).slice(0, 1), [500]);
    await fetches[before]?.respond();
    assert.equal(drawn.at(-1), false, 'not from the top');
    assert.equal(rows.row(515)?.id, '515');
  });

  test('are fetched at most two pages at a time, however fast the user scrolls', async () => {
    const { rows, fetches } = setUp(100_000);
    rows.show(searchFor(''));
    await fetches[0]?.respond();
    for (let first = 0; first < 90_000; first += 1000) rows.setView(first, first + 20);
    const open = fetches.length - 1;
    assert(open <= 2, `${open} in flight`);
  });

  test('are evicted farthest pages first', async () => {
    const { rows, fetches } = setUp(100_000);
    rows.show(searchFor(''));
    await fetches[0]?.respond();
    let responded = 1;
    for (let page = 0; page < 120; page += 1) {
      rows.setView(page * pageRows, page * pageRows + 20);
      for (; responded < fetches.length; responded += 1) await fetches[responded]?.respond();
    }
    assert.equal(rows.row(0), undefined);
    assert.equal(rows.row(119 * pageRows)?.id, `${119 * pageRows}`);
  });

  test('report why a request failed, until the next request', async () => {
    const { rows, fetches } = setUp();
    rows.show(searchFor('a'));
    await fetches[0]?.respond({ ok: false, error: { code: 'cache_unusable', message: 'Damaged.' } });
    assert.equal(rows.error?.code, 'cache_unusable');
    rows.show(searchFor('b'));
    assert.equal(rows.error, null);
  });
});

test('pages in view are fetched first, then the ones around them', () => {
  assert.deepEqual(wantedPages(0, 20, null), [0]);
  assert.deepEqual(wantedPages(0, 20, 10_000), [0]);
  assert.deepEqual(wantedPages(180, 210, 10_000), [1, 2]);
  assert.deepEqual(wantedPages(70, 95, 10_000), [0, 1]);
  assert.deepEqual(wantedPages(9980, 9999, 10_000), [99]);
  assert.deepEqual(wantedPages(0, 20, 0), [0]);
});
