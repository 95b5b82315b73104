// Documents of MongoDB read where they lie in a reply, without building their texts: a payload goes from the database's
// bytes to the page's bytes, and the driver would decode it only for us to encode it again (a third of a pull's
// processor time).
//
// Format: https://bsonspec.org/spec.html. Only the types that the feed's projections bring are known; another one is a
// defect of ours. A place is an index into the reply's bytes; that of a document or an array is where its length stands.

const DOUBLE = 0x01;
const STRING = 0x02;
const DOCUMENT = 0x03;
const ARRAY = 0x04;
const INT32 = 0x10;
const TIMESTAMP = 0x11;
const INT64 = 0x12;

/** The places of the documents in a member that is an array of them. Throws where it is missing or something else. */
export function documentsIn(bytes: Buffer, document: number, name: string): number[] {
  const places: number[] = [];
  for (let at = placeOf(bytes, document, name, ARRAY) + 4; bytes[at] !== 0;) {
    if (bytes[at] !== DOCUMENT) throw new TypeError(`an element of ${name} has the BSON type ${bytes[at]}`);
    const place = endOfName(bytes, at + 1) + 1;
    places.push(place);
    at = place + bytes.readInt32LE(place);
  }
  return places;
}

/** The place of a member that is a document. */
export function documentIn(bytes: Buffer, document: number, name: string): number {
  return placeOf(bytes, document, name, DOCUMENT);
}

/** The UTF-8 of a member that is text, a view into the bytes. */
export function textIn(bytes: Buffer, document: number, name: string): Buffer {
  const place = placeOf(bytes, document, name, STRING);
  // The length counts the zero behind the text.
  return bytes.subarray(place + 4, place + 3 + bytes.readInt32LE(place));
}

/** A member that is a 64-bit integer, which must be one that a number holds exactly. */
export function integerIn(bytes: Buffer, document: number, name: string): number {
  const place = placeOf(bytes, document, name, INT64);
  return bytes.readInt32LE(place + 4) * 2 ** 32 + bytes.readUInt32LE(place);
}

function placeOf(bytes: Buffer, document: number, name: string, type: number): number {
  let at = document + 4;
  for (let found = bytes[at]; found !== 0 && found !== undefined; found = bytes[at]) {
    const start = at + 1;
    const nameEnd = endOfName(bytes, start);
    if (isName(bytes, start, nameEnd, name)) {
      if (found !== type) throw new TypeError(`the member ${name} has the BSON type ${found}`);
      return nameEnd + 1;
    }
    at = nameEnd + 1 + sizeOf(bytes, found, nameEnd + 1);
  }
  throw new TypeError(`there is no member ${name}`);
}

function endOfName(bytes: Buffer, start: number): number {
  let end = start;
  while (end < bytes.length && bytes[end] !== 0) end += 1;
  return end;
}

function isName(bytes: Buffer, start: number, end: number, name: string): boolean {
  if (end - start !== name.length) return false;
  for (let index = 0; index < name.length; index += 1) {
    if (bytes[start + index] !== name.charCodeAt(index)) return false;
  }
  return true;
}

function sizeOf(bytes: Buffer, type: number, value: number): number {
  switch (type) {
    case STRING: return 4 + bytes.readInt32LE(value);
    case DOCUMENT: case ARRAY: return bytes.readInt32LE(value);
    case INT32: return 4;
    case DOUBLE: case INT64: case TIMESTAMP: return 8;
    default: throw new TypeError(`a member has the BSON type ${type}`);
  }
}
