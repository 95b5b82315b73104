// The rules of the house that the type checker cannot hold: who may import whom, and how the code is written.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, test } from 'node:test';

const root = join(import.meta.dirname, '..');
const rooms = ['server', 'shared/window', 'shared', 'desktop/cache', 'desktop/sync', 'desktop/session', 'desktop/files',
  'desktop/electron', 'desktop/preview', 'desktop/installer', 'desktop', 'ui', 'demo', 'test'] as const;
/** `root` is the server's entry and `build` is build.mjs; a file belongs to the first room in the list that it lies in. */
type Room = (typeof rooms)[number] | 'root' | 'build';

/** The rooms that a file may import from besides its own. */
const mayImport: Readonly<Record<Room, readonly Room[]>> = {
  shared: [],
  'shared/window': ['shared'],
  server: ['shared'],
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
  root: ['server', 'shared'],
  build: ['desktop/installer'],
  demo: ['root', 'build', ...rooms],
  test: ['root', 'build', ...rooms],
};

const builders = ['esbuild', 'electron-builder', 'playwright-core'];

/** The packages that each room may load; those of the product at run time are `mongodb`, `lit` and Electron's own. */
const packagesOf: Readonly<Partial<Record<Room, readonly string[]>>> = {
  server: ['mongodb'], 'desktop/electron': ['electron'], ui: ['lit'], demo: ['mongodb'], build: builders, 'desktop/installer': builders,
  test: ['mongodb', 'fast-check', 'lit', 'axe-core', 'electron', 'resedit', '@electron/asar', ...builders],
};

const sources = readdirSync(root, { recursive: true, encoding: 'utf8', withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(ts|mts|cts|mjs)$/.test(entry.name))
  .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
  .filter((path) => !/^(node_modules|coverage|data|dist|release|\.mongodb|\.windows)\//.test(path))
  .map((path) => ({ path, room: roomOf(path), text: readFileSync(join(root, path), 'utf8') }));

describe('imports', () => {
  test('go only where the house allows', () => {
    assert.deepEqual(sources.flatMap(({ path, room, text }) =>
      importsOf(text)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => relative(root, resolve(root, dirname(path), specifier)).replaceAll('\\', '/'))
        .filter((target) => roomOf(target) !== room && !mayImport[room].includes(roomOf(target)))
        .map((target) => `${path} imports ${target}`)), []);
  });

  test('name Node modules with node: and packages only where they belong', () => {
    assert.deepEqual(sources.flatMap(({ path, room, text }) =>
      importsOf(text)
        .filter((specifier) => !specifier.startsWith('.') && !(specifier.startsWith('node:') && isBuiltin(specifier)))
        .filter((specifier) => !packagesOf[room]?.some((name) => specifier === name || specifier.startsWith(`${name}/`)))
        .map((specifier) => `${path} imports ${specifier}`)), []);
  });

  test('load the MongoDB driver only where MONGODB_URL asks for it', () => {
    const eager = sources.filter(({ room, path, text }) => (room === 'root' || path === 'server/embedded/store.ts')
      && /^import (?!type).*(mongodb|mongo)/m.test(text));
    assert.deepEqual(eager.map(({ path }) => path), []);
  });
});

describe('every source file', () => {
  const rules: readonly (readonly [title: string, isBroken: (text: string) => boolean])[] = [
    ['opens with what it is for', (text) => !/^(#!.*\n)?\/[/*]/.test(text)],
    ['has no line longer than 140 characters', (text) => text.split('\n').some((line) => line.length > 140)],
    ['has no trailing blanks or tabs, and ends with one line break', (text) => /[ \t]$|\t/m.test(text) || !/[^\n]\n$/.test(text)],
    // Written so that this file, which must name them, follows the rules itself.
    ['leaves nothing for later', (text) => /\b(TO[D]O|FIX[M]E|X{3})\b/.test(text)],
    ['skips no test by hand', (text) => /\b(test|it|describe)\.(skip|only|todo)\b/.test(text)],
    ['has no any and no non-null assertion without a reason', (text) => code(text).some((line) =>
      /(:|<|\bas|,|\|) *any\b/.test(line) || (/[\w)\]]!(?=[.;,)\]\[]|$)/.test(line) && !line.includes('//')))],
    ['suppresses no check', (text) => /@ts-(ignore|nocheck|expect-error)|eslint-(disable)/.test(text)],
    ['exports nothing by default', (text) => /^export default\b/m.test(text)],
  ];
  for (const [title, isBroken] of rules) {
    test(title, () => assert.deepEqual(sources.filter(({ text }) => isBroken(text)).map(({ path }) => path), []));
  }

  test('of the product has at most 450 lines', () => {
    assert.deepEqual(sources.filter(({ text }) => text.split('\n').length > 450).map(({ path }) => path), []);
  });
});

describe('the window', () => {
  const window = sources.filter(({ room }) => room === 'ui');
  const rules: readonly (readonly [title: string, isBroken: (lines: readonly string[], path: string) => boolean])[] = [
    ['defines one component in a file', (lines) => lines.filter((line) => line.startsWith('customElements.define(')).length > 1],
    ['writes no markup as text, and no style where its policy forbids one', (lines) =>
      lines.some((line) => /\b(innerHTML|outerHTML|insertAdjacentHTML|unsafe\w+|styleMap)\b|\sstyle=/.test(line))],
    ['takes its colours from the tokens', (lines) =>
      lines.some((line) => /:[^;]*(#[\da-f]{3,8}\b|\b(rgb|hsl|oklch|color)a?\()/i.test(line))],
    ['is laid out by start and end, not by left and right', (lines) => lines.some((line) =>
      /\b(margin|padding|border|inset)-(left|right)\b|[{;]\s*(left|right):\s|(text-align|float): *(left|right)\b/.test(line))],
    ['talks to the desktop in app.ts alone', (lines, path) => !['ui/app.ts', 'ui/preview-page.ts'].includes(path)
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

  test('depends on nothing at run time but mongodb and lit', () => {
    const extra = Object.keys(manifest['dependencies'] ?? {}).filter((name) => !['mongodb', 'lit'].includes(name));
    assert.deepEqual(extra, []);
  });

  test('names every version exactly', () => {
    const versions = Object.values({ ...manifest['dependencies'], ...manifest['devDependencies'] });
    assert.deepEqual(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(String(version))), []);
  });

  test('keeps registry addresses out of its lock file', () => {
    assert.doesNotMatch(readFileSync(join(root, 'package-lock.json'), 'utf8'), /"resolved"/);
  });
});

function roomOf(path: string): Room {
  return rooms.find((room) => path.startsWith(`${room}/`)) ?? (path === 'build.mjs' ? 'build' : 'root');
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/^(?:import|export)\s+(?:[\w*\s{},]+?\s+from\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm)]
    .map((match) => match[1] ?? match[2] ?? '');
}

/** The lines that are not comments. */
function code(text: string): string[] {
  return text.split('\n').filter((line) => !/^\s*(\/\/|\*|\/\*)/.test(line));
}
