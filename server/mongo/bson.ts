// Documents of MongoDB read without building their texts: a payload goes from the database's bytes to the page's bytes,
// and the driver would decode it only for us to encode it again (a third of a pull's processor time).
//
// Format: https://bsonspec.org/spec.html. Only the types that the feed's projections bring are known; another one is a
// defect of ours. A place is an index into the document's bytes, where a value stands.

const STRING = 0x02;
const DOCUMENT = 0x03;
const INT64 = 0x12;

/** The UTF-8 of a member that is text, a view into the document. Throws where it is missing or something else. */
export function readString(document: Buffer, name: string): Buffer {
  const place = placeOf(document, 0, name, STRING);
  // The length counts the zero behind the text.
  return document.subarray(place + 4, place + 3 + document.readInt32LE(place));
}

/**
 * The member `name` of the member `of`, a 64-bit integer that must be one that a number holds exactly. Throws where
 * either is missing or something else.
 */
export function readInt64(document: Buffer, of: string, name: string): number {
  const place = placeOf(document, placeOf(document, 0, of, DOCUMENT), name, INT64);
  return document.readInt32LE(place + 4) * 2 ** 32 + document.readUInt32LE(place);
}

/** The place of a member's value; that of a document is where its length stands, as `start` is. */
function placeOf(document: Buffer, start: number, name: string, type: number): number {
  let at = start + 4;
  for (let found = document[at]; found !== 0 && found !== undefined; found = document[at]) {
    const nameEnd = endOfName(document, at + 1);
    if (isName(document, at + 1, nameEnd, name)) {
      if (found !== type) throw new TypeError(`the member ${name} has the BSON type ${found}`);
      return nameEnd + 1;
    }
    at = nameEnd + 1 + sizeOf(document, found, nameEnd + 1);
  }
  throw new TypeError(`there is no member ${name}`);
}

function endOfName(document: Buffer, start: number): number {
  let end = start;
  while (end < document.length && document[end] !== 0) end += 1;
  return end;
}

function isName(document: Buffer, start: number, end: number, name: string): boolean {
  if (end - start !== name.length) return false;
  for (let index = 0; index < name.length; index += 1) {
    if (document[start + index] !== name.charCodeAt(index)) return false;
  }
  return true;
}

function sizeOf(document: Buffer, type: number, place: number): number {
  switch (type) {
    case STRING: return 4 + document.readInt32LE(place);
    case DOCUMENT: return document.readInt32LE(place);
    case INT64: return 8;
    default: throw new TypeError(`a member has the BSON type ${type}`);
  }
}
