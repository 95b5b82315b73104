// What the cache makes of text: words to search, and keys to sort names by. SQL calls the former on every connection, also on other
// threads, and the latter on those of this thread.
//
// Invariants: texts that people take for the same have the same words: case and accents (the full-text index ignores these), ß and
// ss, ł and l, ø and o, wide letters, invisible marks. Where a script has no spaces between its words, each character is a word, so
// that any part of a text is found. The end of a number is a word of its own: 7416 of INV-2025-07416. Emojis are words.
// A change here needs a new `textVersion`, with which the lists are built again.

import type { DatabaseSync } from 'node:sqlite';

export const textVersion = 2;

/**
 * The text of a value: `words` for the full-text index, `search` for a search in it, which has no ends of numbers of its own, `key` what
 * a name is sorted by: its letters without case and accents, from the first letter or digit on. Null if the value is not text. It runs
 * on other threads, too, from its source, and so uses nothing but what is in it.
 */
function foldText(value: unknown, as: 'words' | 'search' | 'key'): string | null {
  if (typeof value !== 'string') return null;
  const isKey = as === 'key';
  // Most texts: one test, instead of all that follow, shows that they stay as they are.
  if (!isKey && !/[^\t\n\r\x20-\x7eÀ-ÅÇ-ÏÑ-×Ù-Ýà-åç-ïñ-÷ù-ýÿ]|\d{4}/.test(value)) return value;
  let text = isKey ? value.slice(0, 60).toWellFormed() : value;
  // For words, the full-text index itself ignores the accents of these letters.
  const plain = isKey ? /^[\x20-\x7e]*$/ : /^[\t\n\r\x20-\x7eÀ-ÅÇ-ÏÑ-×Ù-Ýà-åç-ïñ-÷ù-ýÿ]*$/;
  if (!plain.test(text)) {
    const letters: Readonly<Record<string, string>> = {
      ß: 'ss', ẞ: 'ss', æ: 'ae', Æ: 'ae', œ: 'oe', Œ: 'oe', ø: 'o', Ø: 'o', ł: 'l', Ł: 'l', đ: 'd', Đ: 'd', ð: 'd', Ð: 'd', þ: 'th',
      Þ: 'th', ħ: 'h', Ħ: 'h', ı: 'i', ŧ: 't', Ŧ: 't',
    };
    text = isKey ? text.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').normalize('NFC') : text.normalize('NFKC');
    text = text.replace(/[ßẞæÆœŒøØłŁđĐðÐþÞħĦıŧŦ]/g, (letter) => letters[letter] ?? letter);
    // Only beyond these characters, since testing each one takes long.
    if (/[^\x20-\x7e\u00c0-\u058f]/.test(text)) text = text.replace(/\p{Default_Ignorable_Code_Point}/gu, '');
  }
  if (isKey) return (/^[a-z]/i.test(text) ? text : text.replace(/^[^\p{L}\p{N}]+(?=[\p{L}\p{N}])/u, '')).toLowerCase();
  if (/[^\x20-\x7e\u00c0-\u058f]/.test(text)) {
    text = text.replace(/(?![\d#*])[\p{Extended_Pictographic}\p{So}]/gu, (sign) => ` zx${sign.codePointAt(0)?.toString(16)} `)
      .replace(/[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/gu, ' $& ');
  }
  if (as === 'search') return text;
  for (const digits of text.match(/\d{4,}/g) ?? []) {
    // Years are in every other number.
    if (digits.length > 12 || (digits.length < 5 && !digits.startsWith('0'))) continue;
    for (let start = 1; start <= digits.length - 3; start += 1) text += ` ${digits.slice(start)}`;
    const value = digits.replace(/^0+/, '');
    if (value !== '' && value.length < 3) text += ` ${value}`;
  }
  return text;
}

/** A function that remembers what it made of many short texts, since the same customers are named in most records. */
function remembering(fold: (value: unknown) => string | null): (value: unknown) => string | null {
  const known = new Map<string, string | null>();
  return (value) => {
    if (typeof value !== 'string' || value.length > 100) return fold(value);
    let folded = known.get(value);
    if (folded === undefined) {
      folded = fold(value);
      if (known.size === 4000) known.clear();
      known.set(value, folded);
    }
    return folded;
  };
}

/** Lets the SQL on a connection call `search_text` and `sort_key`. */
export function defineTextFunctions(db: DatabaseSync): void {
  db.function('search_text', { deterministic: true }, (value) => foldText(value, 'words'));
  db.function('sort_key', { deterministic: true }, remembering((value) => foldText(value, 'key')));
}

/** JavaScript that lets the SQL on a connection called `db` call `search_text`, which other threads need to index rows. */
export const textFunctionsSource = `
  const foldText = ${foldText.toString()};
  db.function('search_text', { deterministic: true }, (value) => foldText(value, 'words'));
`;

interface SearchWord {
  readonly word: string;
  /** Its form in the full-text index. */
  readonly phrase: string;
}

/** The words of a search, each in the spellings of which any may match; none if there is nothing to search for. */
export function searchWords(search: string): readonly (readonly SearchWord[])[] {
  return splitWords(search).map((typed) => spellings(typed).flatMap((word) => {
    const phrase = (foldText(word, 'search') ?? '').replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}\p{M}]+$/gu, '');
    return phrase === '' ? [] : [{ word, phrase }];
  })).filter((words) => words.length > 0);
}

const umlauts: Readonly<Record<string, string>> = { ae: 'ä', oe: 'ö', ue: 'ü', ä: 'ae', ö: 'oe', ü: 'ue' };
/** Eight spellings. */
const maxUmlauts = 3;

/** A word as it was typed, and with its umlauts written out, or its ae, oe and ue, unless they follow a vowel, as umlauts. */
function spellings(typed: string): readonly string[] {
  const parts = typed.normalize('NFC').split(/((?<![aeiouq])[aou]e|[äöü])/i);
  // "ue" alone would find every word that begins with u.
  if (parts.length === 1 || /^[aou]e$/i.test(typed)) return [typed];
  return parts.reduce<readonly string[]>((words, part, index) => {
    const other = index % 2 === 1 && index < 2 * maxUmlauts ? umlauts[part.toLowerCase()] : undefined;
    if (other === undefined) return words.map((word) => word + part);
    const isUpper = part.charAt(0) !== part.charAt(0).toLowerCase();
    return words.flatMap((word) => [word + part, word + (isUpper ? other.charAt(0).toUpperCase() + other.slice(1) : other)]);
  }, ['']);
}

/** Splits at whitespace and control characters, without invisible marks, and strips surrounding punctuation. */
function splitWords(search: string): string[] {
  const edge = '[^\\p{L}\\p{N}\\p{Extended_Pictographic}\\p{So}]';
  return search.replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c\u00ad\u200b\ufeff]/g, '').split(/[\s\p{Cc}]+/u)
    .map((word) => word.replace(new RegExp(`^${edge}+|(?!\\p{M})${edge}+$`, 'gu'), ''))
    .filter((word) => word !== '');
}
