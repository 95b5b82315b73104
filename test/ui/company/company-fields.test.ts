// The company's form: its IBAN while it is typed, and the file that is chosen as its logo.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { plainIban, typedIban } from '../../../ui/company/iban-text.ts';
import { maxLogoBytes, maxLogoSide, readLogo, sizeOfLogo } from '../../../ui/company/logo-file.ts';
import { jpegOf, pngOf, toDataUrl } from '../../shared/images.ts';

describe('an IBAN', () => {
  test('is grouped by four while it is typed or pasted', () => {
    const typed = [...'de89370400440532013000'].reduce((text, key) => typedIban(text, text + key), '');
    assert.equal(typed, 'DE89 3704 0044 0532 0130 00');
    assert.equal(typedIban('', 'DE89370400440532013000'), typed);
    assert.equal(plainIban(typed), 'DE89370400440532013000');
  });

  test('stays as it is where something is removed, or added in the middle', () => {
    assert.equal(typedIban('DE89 3704 0', 'DE89 3704 '), 'DE89 3704 ');
    assert.equal(typedIban('DE89 3704', 'DE89 13704'), 'DE89 13704');
  });
});

describe('a logo', () => {
  const png = [...pngOf(1, 1)];
  const jpeg = [...jpegOf(1, 1)];
  const file = (bytes: readonly number[], size = bytes.length): Blob =>
    new Blob([Uint8Array.from(bytes), new Uint8Array(size - bytes.length)]);
  const isImage = async (): Promise<boolean> => true;

  test('is a PNG or a JPEG by its content', async () => {
    assert.deepEqual(await readLogo(file(png), isImage), { url: toDataUrl('png', Buffer.from(png)) });
    assert.deepEqual(await readLogo(file(jpeg), isImage), { url: toDataUrl('jpeg', Buffer.from(jpeg)) });
    assert.deepEqual(await readLogo(file([...'<svg>'].map((letter) => letter.charCodeAt(0))), isImage), { problem: 'type' });
    assert.deepEqual(await readLogo(file([]), isImage), { problem: 'type' });
  });

  test('is not larger than its field takes, and can be drawn', async () => {
    const largest = await readLogo(file(png, maxLogoBytes), isImage);
    assert('url' in largest);
    assert.equal(sizeOfLogo(largest.url), maxLogoBytes);
    assert.deepEqual(await readLogo(file(png, maxLogoBytes + 1), isImage), { problem: 'size' });
    assert.deepEqual(await readLogo(file(png), async () => false), { problem: 'unreadable' });
    assert.deepEqual(await readLogo(file(png.slice(0, 8)), isImage), { problem: 'unreadable' });
  });

  test('is complete', async () => {
    for (const bytes of [png, jpeg]) {
      assert.deepEqual(await readLogo(file(bytes.slice(0, -1)), isImage), { problem: 'unreadable' });
      assert('url' in await readLogo(file([...bytes, 1, 2, 3]), isImage));
    }
    const [preview, scan] = [[0xff, 0xd8, 0xff, 0xda, 0x00, 0xff, 0xd9], [0xff, 0xda, 0x00]];
    const withPreview = [...jpegOf(1, 1, [0xff, 0xe1, 0, 2 + preview.length, ...preview]).subarray(0, -2), ...scan];
    assert.deepEqual(await readLogo(file(withPreview), isImage), { problem: 'unreadable' });
    assert('url' in await readLogo(file([...withPreview, 0xff, 0xd9]), isImage));
  });

  test('is not drawn if it has more pixels than its field takes', async () => {
    const never = (): Promise<boolean> => assert.fail('drawn');
    assert('url' in await readLogo(new Blob([Uint8Array.from(pngOf(maxLogoSide, maxLogoSide))]), isImage));
    for (const [width, height] of [[20_000, 20_000], [maxLogoSide + 1, 1], [1, maxLogoSide + 1]] as const) {
      assert.deepEqual(await readLogo(new Blob([Uint8Array.from(pngOf(width, height))]), never), { problem: 'pixels', width, height });
    }
  });
});
