// How many pixels a PNG or JPEG has, from its first bytes: what it takes to draw it follows from that, not from the file's size.
//
// PNG: ISO/IEC 15948, 11.2.2. JPEG: ITU-T T.81, B.1 and B.2.2; bytes between segments are skipped, as decoders do.

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Null if no decoder could find it, either. */
export function imageSize(bytes: Uint8Array): ImageSize | null {
  const size = isAt(bytes, 0, pngStart) ? pngSize(bytes) : isAt(bytes, 0, jpegStart) ? jpegSize(bytes) : null;
  return size && size.width > 0 && size.height > 0 ? size : null;
}

/** Of an image as a data URL in base64, which must be well-formed. */
export function dataUrlImageSize(url: string): ImageSize | null {
  return imageSize(Uint8Array.from(atob(url.slice(url.indexOf(',') + 1)), (character) => character.charCodeAt(0)));
}

const pngStart = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const headerName = [0x49, 0x48, 0x44, 0x52];
const jpegStart = [0xff, 0xd8];

/** Whether these bytes are at `index`. */
export function isAt(bytes: Uint8Array, index: number, part: readonly number[]): boolean {
  return part.every((byte, offset) => bytes[index + offset] === byte);
}

/** The header is the first chunk, after the signature and its own length. */
function pngSize(bytes: Uint8Array): ImageSize | null {
  if (!isAt(bytes, 12, headerName)) return null;
  return { width: bigEndian(bytes, 16, 4), height: bigEndian(bytes, 20, 4) };
}

/** From the frame's header, which comes before the first scan. */
function jpegSize(bytes: Uint8Array): ImageSize | null {
  // Past the end the length of a segment is NaN, and so is the place after it.
  for (let index = 2; index < bytes.length;) {
    if (bytes[index] !== 0xff) {
      index += 1;
      continue;
    }
    while (bytes[index] === 0xff) index += 1;
    const marker = bytes[index] ?? 0;
    index += 1;
    if (isFrame(marker)) return { width: bigEndian(bytes, index + 5, 2), height: bigEndian(bytes, index + 3, 2) };
    // The end of the image, or the start of a scan without a frame.
    if (marker === 0xd9 || marker === 0xda) return null;
    // Neither a stuffed zero nor these markers begin a segment with a length.
    const isAlone = marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    if (!isAlone) index += Math.max(2, bigEndian(bytes, index, 2));
  }
  return null;
}

/** SOF0 to SOF15, but for the tables and the extension that are numbered among them. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** NaN if some of it is past the end. */
function bigEndian(bytes: Uint8Array, index: number, length: number): number {
  let value = 0;
  for (let offset = 0; offset < length; offset += 1) value = value * 256 + (bytes[index + offset] ?? Number.NaN);
  return value;
}
