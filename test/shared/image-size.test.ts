// The size of an image in pixels, read without decoding it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { dataUrlImageSize, imageSize } from '../../shared/image-size.ts';
import { jpegOf, pngOf, toDataUrl } from './images.ts';

/** By itself, and as a record has it. */
function sizeOf(bytes: Uint8Array): ReturnType<typeof imageSize> {
  const size = imageSize(bytes);
  assert.deepEqual(dataUrlImageSize(toDataUrl('jpeg', Buffer.from(bytes))), size);
  return size;
}

describe('the size of an image', () => {
  test('is that of a PNG\'s header', () => {
    assert.deepEqual(sizeOf(pngOf(20_000, 3)), { width: 20_000, height: 3 });
    assert.deepEqual(dataUrlImageSize(toDataUrl('png', pngOf(1, 4001))), { width: 1, height: 4001 });
    assert.equal(sizeOf(pngOf(0, 1)), null);
    assert.equal(sizeOf(pngOf(1, 1).subarray(0, 20)), null);
  });

  test('is that of a JPEG\'s frame, after whatever other segments', () => {
    assert.deepEqual(sizeOf(jpegOf(640, 480)), { width: 640, height: 480 });
    // A thumbnail's frame inside of a segment, filling bytes, and bytes between segments.
    const frame = [0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0];
    const thumbnail = [0xff, 0xe1, 0, frame.length + 2, ...frame];
    const quantization = [0xff, 0xff, 0xff, 0xdb, 0, 3, 0xff];
    // Tables that are numbered like frames.
    const tables = [0xc4, 0xc8, 0xcc].flatMap((marker) => [0xff, marker, 0, 9, 8, 0, 3, 0, 3, 1, 1]);
    assert.deepEqual(sizeOf(jpegOf(640, 480, tables)), { width: 640, height: 480 });
    assert.deepEqual(sizeOf(jpegOf(65_535, 2, [...thumbnail, ...quantization, 1, 2, 3])), { width: 65_535, height: 2 });
    assert.deepEqual(dataUrlImageSize(toDataUrl('jpeg', jpegOf(9, 8, thumbnail))), { width: 9, height: 8 });
    assert.deepEqual(sizeOf(Uint8Array.from([0xff, 0xd8, 0xff, 0xc2, ...frame.slice(2)])), { width: 1, height: 1 });
  });

  test('is unknown where there is none', () => {
    const ends = [[], [0xff], [0xff, 0xe0], [0xff, 0xe0, 0], [0xff, 0xda, 0xff, 0xc0], [0xff, 0xd9]];
    ends.push([0xff, 0xda, 0, 2, 0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0]);
    for (const bytes of [[], ...ends.map((end) => [0xff, 0xd8, ...end])]) {
      assert.equal(sizeOf(Uint8Array.from(bytes)), null);
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom([0xff, 0xd8, 0xff], [...pngOf(1, 1).subarray(0, 8)]),
      (rest, start) => {
        const size = sizeOf(Uint8Array.from([...start, ...rest]));
        assert(size === null || (size.width > 0 && size.height > 0));
      }));
  });
});
