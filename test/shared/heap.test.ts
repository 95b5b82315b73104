// V8's flags as they are set, and freeing buffers: a large one entirely, one in shared memory not at all.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';

import { releaseBuffer } from '../../shared/heap.ts';

describe('the flags that keep the heap small', () => {
  const heap = new URL('../../shared/heap.ts', import.meta.url).href;

  /** V8's flags, as its own list of them says, in a process that keeps its heap small. Fails if V8 complained. */
  function flagsIn(v8: string): Map<string, string> {
    const script = `
      Object.defineProperty(process, 'versions', { value: { ...process.versions, v8: ${JSON.stringify(v8)} } });
      const { keepHeapSmall } = await import(${JSON.stringify(heap)});
      keepHeapSmall();
      (await import('node:v8')).setFlagsFromString('--help');`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
    assert.equal(stderr, '', 'V8 knows every flag');
    return new Map([...stdout.matchAll(/default: --(no-)?([\w-]+)(?:=(\S*))?$/gm)].map(([, no, name = '', value]) =>
      [name, value ?? (no ? 'off' : 'on')]));
  }

  test('are all set in this Node', () => {
    const flags = flagsIn(process.versions.v8);
    assert.deepEqual(
      ['semi-space-growth-factor', 'heap-growing-percent', 'external-memory-accounted-in-global-limit'].map((name) => flags.get(name)),
      ['1', '30', 'on']);
  });

  test('are only those that Electron\'s V8 has, in it', () => {
    for (const [v8, buffers] of [['14.7.173.16', 'on'], ['14.8.0.1', 'off'], ['15.3.90.1-electron.0', 'off']] as const) {
      const flags = flagsIn(v8);
      assert.deepEqual([flags.get('heap-growing-percent'), flags.get('external-memory-accounted-in-global-limit')], ['30', buffers], v8);
    }
  });
});

test('a large buffer is freed with all its views', () => {
  const buffer = Buffer.concat([Buffer.alloc(1_000_000, 'a'), Buffer.alloc(1_000_000, 'b')]);
  const view = buffer.subarray(10, 20);
  releaseBuffer(buffer);
  assert.deepEqual([buffer.length, view.length, buffer.buffer.byteLength], [0, 0, 0]);
});

test('a buffer in shared memory is kept, as are the others in it', () => {
  const [small, neighbour] = [Buffer.from('one'), Buffer.from('two')];
  assert.equal(small.buffer, neighbour.buffer);
  const part = Buffer.alloc(1_000_000, 'c').subarray(0, 999_999);
  for (const buffer of [small, part]) releaseBuffer(buffer);
  assert.equal(`${small} ${neighbour}`, 'one two');
  assert.equal(part.length, 999_999);
});
