// A file that is chosen as the logo, as the data URL that the company's record keeps.

import { findCollection } from '../../shared/collections.ts';
import { imageSize, isAt } from '../../shared/image-size.ts';

/** What keeps a file from being the logo. */
export type LogoProblem =
  | { readonly problem: 'type' | 'size' | 'unreadable' }
  | { readonly problem: 'pixels'; readonly width: number; readonly height: number };

const field = findCollection('company')?.fields['logo'];
/** The largest file that the record takes. */
export const maxLogoBytes = field?.kind === 'image' ? field.max : 0;
/** The most pixels that it takes in width and in height. */
export const maxLogoSide = field?.kind === 'image' ? field.maxSide : 0;

/**
 * How a file of each type begins, and the end that must follow its data: browsers draw what there is of one that was cut off. A JPEG may
 * hold another one, as a preview, ahead of its own data.
 */
const types = [
  {
    type: 'png', start: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    data: [0x49, 0x44, 0x41, 0x54], end: [0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82],
  },
  { type: 'jpeg', start: [0xff, 0xd8, 0xff], data: [0xff, 0xda], end: [0xff, 0xd9] },
] as const;

/**
 * The data URL of a PNG or JPEG, known by its first bytes whatever the file is called, or what is wrong with it. `isImage` tells
 * whether it can be drawn, and is asked only if it has few enough pixels for that.
 */
export async function readLogo(
  file: Blob, isImage: (file: Blob) => Promise<boolean>,
): Promise<{ readonly url: string } | LogoProblem> {
  const first = new Uint8Array(await file.slice(0, 8).arrayBuffer());
  const found = types.find(({ start }) => isAt(first, 0, start));
  if (found === undefined) return { problem: 'type' };
  if (file.size > maxLogoBytes) return { problem: 'size' };
  const bytes = new Uint8Array(await file.arrayBuffer());
  const size = imageSize(bytes);
  if (size === null) return { problem: 'unreadable' };
  if (size.width > maxLogoSide || size.height > maxLogoSide) return { problem: 'pixels', ...size };
  if (lastIndexOf(bytes, found.end) <= lastIndexOf(bytes, found.data) || !await isImage(file)) return { problem: 'unreadable' };
  return { url: `data:image/${found.type};base64,${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}` };
}

function lastIndexOf(bytes: Uint8Array, part: readonly number[]): number {
  return bytes.findLastIndex((_, index) => isAt(bytes, index, part));
}

/** The size of the image in a data URL. */
export function sizeOfLogo(url: string): number {
  const base64 = url.slice(url.indexOf(',') + 1).replace(/=+$/, '');
  return Math.floor(base64.length * 3 / 4);
}
