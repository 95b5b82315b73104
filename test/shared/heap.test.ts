// Freeing buffers: a large one entirely, one in shared memory not at all.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { releaseBuffer } from '../../shared/heap.ts';

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
