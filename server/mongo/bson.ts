// Reads fields from raw BSON documents. A payload goes from the database's bytes to the page's bytes; having the driver
// decode it, only to encode it again, took a third of a pull's CPU time.
//
// Format: https://bsonspec.org/spec.html. Supports only the types in the feed's projections; any other type is a bug.

const STRING = 0x02;
const DOCUMENT = 0x03;
const INT64 = 0x12;

/** The UTF-8 bytes of a string field, as a view into the document. Throws `TypeError` if it is missing or of another type. */
export function readString(document: Buffer, name: string): Buffer {
  const offset = findValue(document, 0, name, STRING);
  // The stored length includes the terminating zero.
  return document.subarray(offset + 4, offset + 3 + document.readInt32LE(offset));
}

/**
 * The 64-bit integer field `name` of the embedded document `parent`; its value must be a safe integer. Throws
 * `TypeError` if either is missing or of another type.
 */
export function readInt64(document: Buffer, parent: string, name: string): number {
  const offset = findValue(document, findValue(document, 0, parent, DOCUMENT), name, INT64);
  return document.readInt32LE(offset + 4) * 2 ** 32 + document.readUInt32LE(offset);
}

/** The offset of a field's value. A document, also the one at `start`, begins with its length. */
function findValue(document: Buffer, start: number, name: string, type: number): number {
  let at = start + 4;
  for (let found = document[at]; found !== 0 && found !== undefined; found = document[at]) {
    const nameEnd = findNameEnd(document, at + 1);
    if (equalsName(document, at + 1, nameEnd, name)) {
      if (found !== type) throw new TypeError(`the field ${name} has the BSON type ${found}`);
      return nameEnd + 1;
    }
    at = nameEnd + 1 + sizeOf(document, found, nameEnd + 1);
  }
  throw new TypeError(`there is no field ${name}`);
}

function findNameEnd(document: Buffer, start: number): number {
  let end = start;
  while (end < document.length && document[end] !== 0) end += 1;
  return end;
}

function equalsName(document: Buffer, start: number, end: number, name: string): boolean {
  if (end - start !== name.length) return false;
  for (let index = 0; index < name.length; index += 1) {
    if (document[start + index] !== name.charCodeAt(index)) return false;
  }
  return true;
}

function sizeOf(document: Buffer, type: number, offset: number): number {
  switch (type) {
    case STRING: return 4 + document.readInt32LE(offset);
    case DOCUMENT: return document.readInt32LE(offset);
    case INT64: return 8;
    default: throw new TypeError(`a field has the BSON type ${type}`);
  }
}
