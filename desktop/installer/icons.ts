// Generates icon.ico, icon.png and the installer's sidebar image from icon.svg: `node desktop/installer/icons.ts`.
//
// Run it after changing the drawing, and commit the results: a build must not need a browser. Chromium (`CHROMIUM`, or
// /usr/bin/chromium) rasterizes each size. An icon file, in Microsoft's format, is a directory of images: bitmaps up to 64
// pixels, since old parts of Windows and NSIS read no others, and PNG above.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const folder = import.meta.dirname;
const iconSizes = [16, 20, 24, 32, 40, 48, 64, 128, 256];
const largestBitmap = 64;
/** On the installer's first and last page; NSIS expects 164 by 314 pixels. */
const side = { width: 164, height: 314, back: [0x2f, 0x56, 0xc8] } as const;

/** An image drawn by Chromium: RGBA pixels from the top left, and the same as PNG. */
interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Buffer;
  readonly png: Buffer;
}

const svg = await readFile(join(folder, 'icon.svg'), 'utf8');
const browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const pictures = [];
  for (const size of iconSizes) pictures.push(await draw(size, size));
  await writeFile(join(folder, 'icon.ico'), toIcon(pictures));
  await writeFile(join(folder, 'icon.png'), (await draw(512, 512)).png);
  await writeFile(join(folder, 'installerSidebar.bmp'), toBitmap(await draw(side.width, side.height)));
} finally {
  await browser.close();
}

/** Draws the icon centred on transparency; it fills a square image, and 60 % of the shorter side of any other. */
async function draw(width: number, height: number): Promise<Picture> {
  const page = await browser.newPage();
  const drawn = await page.evaluate(`(async () => {
    const image = new Image();
    image.src = 'data:image/svg+xml,' + encodeURIComponent(${JSON.stringify(svg)});
    await image.decode();
    const canvas = new OffscreenCanvas(${width}, ${height});
    const context = canvas.getContext('2d');
    const edge = ${width === height ? width : Math.round(Math.min(width, height) * 0.6)};
    context.drawImage(image, (${width} - edge) / 2, (${height} - edge) / 2, edge, edge);
    const png = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
    return { pixels: [...context.getImageData(0, 0, ${width}, ${height}).data], png: [...png] };
  })()`) as { readonly pixels: number[]; readonly png: number[] };
  await page.close();
  return { width, height, pixels: Buffer.from(drawn.pixels), png: Buffer.from(drawn.png) };
}

function toIcon(pictures: readonly Picture[]): Buffer {
  const header = Buffer.alloc(6);
  header.writeUInt16LE(1, 2);
  header.writeUInt16LE(pictures.length, 4);
  const bodies = pictures.map((picture) => (picture.width > largestBitmap ? picture.png : toIconBitmap(picture)));
  let offset = header.length + pictures.length * 16;
  const entries = pictures.map(({ width, height }, at) => {
    const entry = Buffer.alloc(16);
    entry.writeUInt8(width % 256, 0);
    entry.writeUInt8(height % 256, 1);
    entry.writeUInt16LE(1, 4);
    entry.writeUInt16LE(32, 6);
    const length = bodies[at]?.length ?? 0;
    entry.writeUInt32LE(length, 8);
    entry.writeUInt32LE(offset, 12);
    offset += length;
    return entry;
  });
  return Buffer.concat([header, ...entries, ...bodies]);
}

/** A bitmap in icon format: rows from the bottom, BGRA, then an all-zero mask of one bit per pixel. */
function toIconBitmap({ width, height, pixels }: Picture): Buffer {
  const header = bitmapHeader(width, height * 2, 32);
  const rows = rowsFromBottom({ width, height, pixels }, 4, (from, to) => {
    to.set([from[2] ?? 0, from[1] ?? 0, from[0] ?? 0, from[3] ?? 0]);
  });
  return Buffer.concat([header, rows, Buffer.alloc(Math.ceil(width / 32) * 4 * height)]);
}

/** A bitmap file with 24 bits per pixel, blended onto the installer's background colour. */
function toBitmap(picture: Picture): Buffer {
  const rows = rowsFromBottom(picture, 3, (from, to) => {
    const opacity = (from[3] ?? 0) / 255;
    for (const channel of [0, 1, 2] as const) {
      to[2 - channel] = Math.round((from[channel] ?? 0) * opacity + side.back[channel] * (1 - opacity));
    }
  });
  const file = Buffer.alloc(14);
  file.write('BM', 0, 'latin1');
  file.writeUInt32LE(14 + 40 + rows.length, 2);
  file.writeUInt32LE(14 + 40, 10);
  return Buffer.concat([file, bitmapHeader(picture.width, picture.height, 24), rows]);
}

/** A BITMAPINFOHEADER. */
function bitmapHeader(width: number, height: number, bitsPerPixel: number): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt32LE(40, 0);
  header.writeInt32LE(width, 4);
  header.writeInt32LE(height, 8);
  header.writeUInt16LE(1, 12);
  header.writeUInt16LE(bitsPerPixel, 14);
  return header;
}

/** Rows from the bottom, each pixel converted by `write`, each row padded to a multiple of four bytes. */
function rowsFromBottom(
  { width, height, pixels }: Pick<Picture, 'width' | 'height' | 'pixels'>, bytesPerPixel: number,
  write: (from: Uint8Array, to: Uint8Array) => void,
): Buffer {
  const rowBytes = Math.ceil((width * bytesPerPixel) / 4) * 4;
  const rows = Buffer.alloc(rowBytes * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const from = (y * width + x) * 4;
      const to = (height - 1 - y) * rowBytes + x * bytesPerPixel;
      write(pixels.subarray(from, from + 4), rows.subarray(to, to + bytesPerPixel));
    }
  }
  return rows;
}
