// A document of MongoDB as it arrived, read without building its texts: a payload goes from the database's bytes to the
// page's bytes, and the driver would decode it only for us to encode it again (a third of a pull's processor time).
//
// Format: https://bsonspec.org/spec.html. Only the types that the feed's projections bring are read; another one is a
// defect of ours.

/** A text is its UTF-8, a view into the document's bytes. */
export type RawValue = Buffer | number | RawDocument;
export interface RawDocument { readonly [name: string]: RawValue }

const DOUBLE = 0x01;
const STRING = 0x02;
const DOCUMENT = 0x03;
const INT32 = 0x10;
const INT64 = 0x12;

/** The members of a BSON document; 64-bit integers must be ones that a number holds exactly. Throws for what is none. */
export function readRawDocument(bytes: Uint8Array): RawDocument {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return readMembers(buffer, 0, buffer.length);
}

function readMembers(buffer: Buffer, start: number, end: number): RawDocument {
  const members: Record<string, RawValue> = {};
  let at = start + 4;
  while (at < end) {
    const type = buffer.readUInt8(at);
    if (type === 0) return members;
    const nameEnd = buffer.indexOf(0, at + 1);
    const name = buffer.toString('latin1', at + 1, nameEnd);
    at = nameEnd + 1;
    switch (type) {
      case STRING: {
        const length = buffer.readInt32LE(at);
        // The length counts the zero behind the text.
        members[name] = buffer.subarray(at + 4, at + 3 + length);
        at += 4 + length;
        break;
      }
      case DOCUMENT: {
        const length = buffer.readInt32LE(at);
        members[name] = readMembers(buffer, at, at + length);
        at += length;
        break;
      }
      case INT64:
        members[name] = buffer.readInt32LE(at + 4) * 2 ** 32 + buffer.readUInt32LE(at);
        at += 8;
        break;
      case INT32:
        members[name] = buffer.readInt32LE(at);
        at += 4;
        break;
      case DOUBLE:
        members[name] = buffer.readDoubleLE(at);
        at += 8;
        break;
      default:
        throw new TypeError(`the member ${name} has the BSON type ${type}`);
    }
  }
  throw new TypeError('the document does not end');
}

/** A member that is text; anything else is a defect of ours. */
export function rawText(document: RawDocument, name: string): Buffer {
  const value = document[name];
  if (!Buffer.isBuffer(value)) throw new TypeError(`the member ${name} is not text`);
  return value;
}

/** A member of the member `of` that is a number. */
export function rawNumber(document: RawDocument, of: string, name: string): number {
  const inner = document[of];
  const value = typeof inner === 'object' && !Buffer.isBuffer(inner) ? inner[name] : undefined;
  if (typeof value !== 'number') throw new TypeError(`the member ${of}.${name} is not a number`);
  return value;
}
