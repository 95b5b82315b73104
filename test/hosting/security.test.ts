// docs/security.md: every test that it names exists, and every requirement of ASVS 5.0.0 and of Electron's checklist has one
// answer.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

const root = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'security.md'), 'utf8');

/** The number of requirements in each section of each chapter of ASVS 5.0.0. */
const sections = [
  [2, 10, 12, 3, 3], [3, 3, 5, 2], [1, 3, 5, 8, 8, 1, 5], [5, 5, 2, 4], [1, 6, 3, 3], [3, 12, 8, 6, 8, 4, 2, 4], [3, 4, 2, 5, 3, 2],
  [4, 4, 3, 2], [3, 4], [2, 3, 5, 16, 5, 2, 3], [4, 5, 5, 4, 2, 2, 2], [5, 2, 5], [4, 6, 4, 7], [2, 8, 3], [5, 5, 7, 4],
  [1, 5, 4, 3, 4], [2, 8, 2],
];
const requirements = sections.flatMap((counts, chapter) => counts.flatMap((count, section) =>
  Array.from({ length: count }, (_, index) => `V${chapter + 1}.${section + 1}.${index + 1}`)));
const electronItems = 20;

/** The first cells of the rows of all tables under the heading. */
function firstCells(heading: string): string[] {
  const [, text = ''] = new RegExp(`^## ${heading}\n([^]*?)(?=^## |(?![^]))`, 'm').exec(page) ?? [];
  return [...text.matchAll(/^\| ([^|]*) \|/gm)].map(([, cell = '']) => cell);
}

describe('docs/security.md', () => {
  test('names only tests that exist', () => {
    const references = [...page.matchAll(/`([a-z0-9/-]+)`: \*([^*]+)\*/g)];
    const missing = references.flatMap(([, file = '', title = '']) => {
      if (title === 'title') return [];
      const path = ['.test.ts', '.ts'].map((ending) => join(root, 'test', `${file}${ending}`)).find((candidate) => existsSync(candidate));
      if (path === undefined) return [`there is no test/${file}.test.ts`];
      const source = readFileSync(path, 'utf8');
      const spellings = [`'${title.replaceAll("'", "\\'")}'`, `"${title}"`, `\`${title}\``];
      return spellings.some((spelling) => source.includes(spelling)) ? [] : [`test/${file}.test.ts has no "${title}"`];
    });
    assert.ok(references.length > 50);
    assert.deepEqual(missing, [], 'tests named in docs/security.md were renamed or removed: correct the page');
  });

  test('answers every requirement of ASVS 5.0.0 once', () => {
    const items = firstCells('ASVS 5\\.0\\.0').filter((cell) => cell.startsWith('V')).flatMap((cell) => cell.split(', '));
    const answered = items.flatMap((item) => {
      const [first = '', last = first] = item.split('–');
      const [from, to] = [requirements.indexOf(first), requirements.indexOf(last)];
      assert.ok(from >= 0 && to >= from, `${item} is no requirement, or no range of them`);
      return requirements.slice(from, to + 1);
    });
    assert.deepEqual(answered.toSorted(), requirements.toSorted());
  });

  test('answers every item of Electron\'s checklist once', () => {
    const answered = firstCells('Electron\'s checklist').filter((cell) => /^\d/.test(cell)).flatMap((cell) => cell.split(', ').map(Number));
    assert.deepEqual(answered.toSorted((a, b) => a - b), Array.from({ length: electronItems }, (_, index) => index + 1));
  });
});
