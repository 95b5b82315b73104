// House rules that the type checker cannot enforce: what may import what, and how code is written.

import assert from 'node:assert/strict';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, test } from 'node:test';

const root = join(import.meta.dirname, '..');
const folders = [
  'server/mongo', 'server/embedded', 'server', 'shared/window', 'shared', 'desktop/cache', 'desktop/sync', 'desktop/session',
  'desktop/files', 'desktop/electron', 'desktop/preview', 'desktop/installer', 'desktop', 'ui', 'demo', 'test',
] as const;
/** `root` is the server's entry and `build` is build.mjs; a file belongs to the first matching folder of the list. */
type Folder = (typeof folders)[number] | 'root' | 'build';

/** The folders that a file may import from besides its own. */
const mayImport: Readonly<Record<Folder, readonly Folder[]>> = {
  shared: [],
  'shared/window': ['shared'],
  server: ['shared'],
  'server/mongo': ['server', 'shared'],
  'server/embedded': ['server', 'shared'],
  // Knows no network, no session and no sync.
  'desktop/cache': ['shared', 'shared/window'],
  'desktop/files': ['shared', 'shared/window', 'desktop/cache', 'desktop/session'],
  'desktop/session': ['shared', 'shared/window', 'desktop/cache'],
  'desktop/sync': ['shared', 'shared/window', 'desktop/cache', 'desktop/session'],
  desktop: ['shared', 'shared/window', 'desktop/cache', 'desktop/files', 'desktop/session', 'desktop/sync'],
  'desktop/electron': ['shared', 'shared/window', 'desktop', 'desktop/files', 'desktop/session'],
  'desktop/preview': ['shared', 'shared/window', 'desktop', 'desktop/files'],
  'desktop/installer': [],
  ui: ['shared', 'shared/window'],
  root: ['server', 'server/mongo', 'server/embedded', 'shared'],
  build: ['desktop/installer'],
  demo: ['root', 'build', ...folders],
  test: ['root', 'build', ...folders],
};

const builders = ['esbuild', 'electron-builder', 'playwright-core'];

/** The packages that each folder may load; at run time the product uses only `mongodb`, `lit` and Electron. */
const packagesOf: Readonly<Partial<Record<Folder, readonly string[]>>> = {
  'server/mongo': ['mongodb'], 'desktop/electron': ['electron'], ui: ['lit'], demo: ['mongodb'], build: builders,
  'desktop/installer': builders,
  test: ['mongodb', 'fast-check', 'lit', 'axe-core', 'electron', 'resedit', '@electron/asar', '@xmldom/xmldom', ...builders],
};

const sources = readdirSync(root, { recursive: true, encoding: 'utf8', withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(ts|mts|cts|mjs)$/.test(entry.name))
  .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
  .filter((path) => !/^(node_modules|coverage|data|dist|release|\.mongodb|\.windows|\.peers)\//.test(path))
  .map((path) => ({ path, folder: folderOf(path), text: readFileSync(join(root, path), 'utf8') }));

describe('imports', () => {
  test('follow the allowed directions', () => {
    assert.deepEqual(sources.flatMap(({ path, folder, text }) =>
      importsOf(text)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => relative(root, resolve(root, dirname(path), specifier)).replaceAll('\\', '/'))
        .filter((target) => folderOf(target) !== folder && !mayImport[folder].includes(folderOf(target)))
        .map((target) => `${path} imports ${target}`)), []);
  });

  test('use the node: prefix for Node modules, and load packages only in the allowed folders', () => {
    assert.deepEqual(sources.flatMap(({ path, folder, text }) =>
      importsOf(text)
        .filter((specifier) => !specifier.startsWith('.') && !(specifier.startsWith('node:') && isBuiltin(specifier)))
        .filter((specifier) => !packagesOf[folder]?.some((name) => specifier === name || specifier.startsWith(`${name}/`)))
        .map((specifier) => `${path} imports ${specifier}`)), []);
  });

  test('leave the cache without a network', () => {
    const network = /^node:(?:https?2?|net|tls|dgram|dns)\b/;
    assert.deepEqual(sources.filter(({ folder }) => folder === 'desktop/cache').flatMap(({ path, text }) => [
      ...importsOf(text).filter((specifier) => network.test(specifier)),
      ...code(text).filter((line) => /\b(?:fetch|WebSocket|EventSource)\(/.test(line)),
    ].map((found) => `${path}: ${found}`)), []);
  });

  test('form no circle', () => {
    const graph = new Map(sources.map(({ path, text }) => [path, importsOf(text).filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => relative(root, resolve(root, dirname(path), specifier)).replaceAll('\\', '/'))]));
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (path: string, above: readonly string[]): void => {
      if (above.includes(path)) circles.push([...above.slice(above.indexOf(path)), path].join(' → '));
      else if (!done.has(path)) for (const next of graph.get(path) ?? []) visit(next, [...above, path]);
      done.add(path);
    };
    for (const path of graph.keys()) visit(path, []);
    assert.deepEqual(circles, []);
  });

  test('load the MongoDB driver only if MONGODB_URL is set', () => {
    const eager = sources.filter(({ folder, path, text }) => (folder === 'root' || path === 'server/embedded/store.ts')
      && /^import (?!type).*(mongodb|mongo)/m.test(text));
    assert.deepEqual(eager.map(({ path }) => path), []);
  });
});

describe('every source file', () => {
  const rules: readonly (readonly [title: string, isBroken: (text: string) => boolean])[] = [
    ['opens with a comment', (text) => !/^(#!.*\n)?\/[/*]/.test(text)],
    ['has no line longer than 140 characters', (text) => text.split('\n').some((line) => line.length > 140)],
    ['has no trailing blanks or tabs, and ends with one line break', (text) => /[ \t]$|\t/m.test(text) || !/[^\n]\n$/.test(text)],
    // Spelled so that this file passes its own rules.
    ['has no reminders of unfinished work', (text) => /\b(TO[D]O|FIX[M]E|X{3})\b/.test(text)],
    ['skips no test manually', (text) => /\b(test|it|describe)\.(skip|only|todo)\b/.test(text)],
    ['has no any and no non-null assertion without a reason', (text) => code(text).some((line) =>
      /(:|<|\bas|,|\|) *any\b/.test(line) || (/[\w)\]]!(?=[.;,)\]\[]|$)/.test(line) && !line.includes('//')))],
    ['suppresses no check', (text) => /@ts-(ignore|nocheck|expect-error)|eslint-(disable)/.test(text)],
    ['exports nothing by default', (text) => /^export default\b/m.test(text)],
  ];
  for (const [title, isBroken] of rules) {
    test(title, () => assert.deepEqual(sources.filter(({ text }) => isBroken(text)).map(({ path }) => path), []));
  }

  test('has at most 450 lines', () => {
    assert.deepEqual(sources.filter(({ text }) => text.split('\n').length > 450).map(({ path }) => path), []);
  });
});

describe('the window', () => {
  const window = sources.filter(({ folder }) => folder === 'ui');
  const rules: readonly (readonly [title: string, isBroken: (lines: readonly string[], path: string) => boolean])[] = [
    ['defines at most one component per file', (lines) => lines.filter((line) => line.startsWith('customElements.define(')).length > 1],
    ['writes no markup as strings and no inline styles, which its policy forbids', (lines) =>
      lines.some((line) => /\b(innerHTML|outerHTML|insertAdjacentHTML|unsafe\w+|styleMap)\b|\sstyle=/.test(line))],
    ['takes its colors from the tokens', (lines) =>
      lines.some((line) => /:[^;]*(#[\da-f]{3,8}\b|\b(rgb|hsl|oklch|color)a?\()/i.test(line))],
    ['uses logical properties instead of left and right', (lines) => lines.some((line) =>
      /\b(margin|padding|border|inset)-(left|right)\b|[{;]\s*(left|right):\s|(text-align|float): *(left|right)\b/.test(line))],
    ['talks to the desktop only in app.ts', (lines, path) => !['ui/app.ts', 'ui/preview-page.ts'].includes(path)
      && lines.some((line) => /\bwindow\.electron\b/.test(line))],
    ['has no decorators', (lines) => lines.some((line) => /^\s*@\w+\(/.test(line))],
  ];
  for (const [title, isBroken] of rules) {
    test(title, () => {
      const all = window.map(({ path, text }) => ({ path, lines: /^ui\/text\/(de|en)-/.test(path) ? code(text) : text.split('\n') }));
      assert.deepEqual(all.filter(({ path, lines }) => isBroken(lines, path)).map(({ path }) => path), []);
    });
  }
});

describe('the package', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, Record<string, unknown>>;

  test('has only mongodb and lit as run-time dependencies', () => {
    const extra = Object.keys(manifest['dependencies'] ?? {}).filter((name) => !['mongodb', 'lit'].includes(name));
    assert.deepEqual(extra, []);
  });

  test('pins every version exactly', () => {
    const versions = Object.values({ ...manifest['dependencies'], ...manifest['devDependencies'] });
    assert.deepEqual(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(String(version))), []);
  });

  test('runs every test file once', () => {
    const given = String(manifest['scripts']?.['test:all']).matchAll(/(?<=[ "])test\/[^ "]+/g).map(([pattern]) => pattern);
    const grouped = sources.filter(({ path }) => path.startsWith('test/groups/'))
      .flatMap(({ text }) => [...text.matchAll(/'(.+?\.test\.ts)'/g)].map(([, pattern]) => `test/${pattern}`));
    const run = [...given, ...grouped].flatMap((pattern) => globSync(pattern, { cwd: root }))
      .map((path) => path.replaceAll('\\', '/')).filter((path) => path.endsWith('.test.ts'));
    assert.deepEqual(run.toSorted(), sources.map(({ path }) => path).filter((path) => path.endsWith('.test.ts')).toSorted());
  });

  test('keeps registry addresses out of its lock file', () => {
    assert.doesNotMatch(readFileSync(join(root, 'package-lock.json'), 'utf8'), /"resolved"/);
  });
});

function folderOf(path: string): Folder {
  return folders.find((folder) => path.startsWith(`${folder}/`)) ?? (path === 'build.mjs' ? 'build' : 'root');
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/^(?:import|export)\s+(?:[\w*\s{},]+?\s+from\s+)?'([^']+)'|\b(?:import|require)\('([^']+)'\)/gm)]
    .map((match) => match[1] ?? match[2] ?? '');
}

/** The lines that are not comments. */
function code(text: string): string[] {
  return text.split('\n').filter((line) => !/^\s*(\/\/|\*|\/\*)/.test(line));
}
