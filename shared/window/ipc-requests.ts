// Parses every request from the window where it arrives: a parser returns the type declared in shared/window/ipc.ts, and
// refuses anything else with a reason per field.

import { parseInstant } from '../clock.ts';
import { AppError } from '../errors.ts';
import { isObject, type JsonObject } from '../fields.ts';
import { reportBases } from '../report.ts';
import {
  languages, themes, type AllCalls, type Channel, type CsvColumn, type CsvRequest, type RecordVersion, type Settings,
  type TableRequest, type TableValue,
} from './ipc.ts';
import type { ListQuery, ListSelection, ListSort } from './views.ts';

type Parser<R> = (input: unknown) => R;

/** The parser of every channel; each throws `invalid_request`. The cache checks the details of list queries. */
export const requestParsers: { readonly [C in Channel]: Parser<AllCalls[C]['request']> } = {
  'sync.pullFromServer': nothing,
  'sync.getStatus': nothing,
  'sync.getOnlineStatus': nothing,
  'sync.setAuthToken': (input) => ({ token: text(input, 'token', 8192) }),
  'sync.cancel': nothing,
  'auth.signIn': (input) => ({
    server: text(input, 'server', 2048), email: text(input, 'email', 320), password: text(input, 'password', 1024),
    ...(member(input, 'replaceCache') === undefined ? {} : { replaceCache: choice(input, 'replaceCache', [true]) }),
  }),
  'auth.signOut': nothing,
  'auth.testConnection': (input) => ({ server: text(input, 'server', 2048) }),
  'auth.changePassword': (input) => ({ current: text(input, 'current', 4096), next: text(input, 'next', 4096) }),
  'auth.listSessions': (input) => ({ all: choice(input, 'all', [true, false]) }),
  'auth.endSession': (input) => ({ id: name(input, 'id') }),
  'data.listPage': listQuery,
  'data.getRecord': (input) => ({ collection: name(input, 'collection'), id: name(input, 'id') }),
  'data.counts': nothing,
  'data.summary': (input) => ({ today: text(input, 'today', 10) }),
  'data.selectionTotals': listSelection,
  'data.periodReport': (input) => ({
    basis: choice(input, 'basis', reportBases), from: text(input, 'from', 7), to: text(input, 'to', 7),
  }),
  'data.lineSuggestions': (input) => ({ text: anyText(input, 'text', 1000), currency: name(input, 'currency') }),
  'data.health': nothing,
  'data.report': nothing,
  'records.create': (input) => ({
    collection: name(input, 'collection'), fields: json(input, 'fields'),
    ...(member(input, 'key') === undefined ? {} : { key: name(input, 'key') }),
  }),
  'records.update': (input) => ({ ...version(input), patch: json(input, 'patch') }),
  'records.remove': version,
  'records.removeEntry': (input) => ({ ...version(input), list: name(input, 'list'), entry: name(input, 'entry') }),
  'records.act': (input) => ({
    ...version(input), action: name(input, 'action'), ...(member(input, 'body') === undefined ? {} : { body: json(input, 'body') }),
  }),
  'app.getSettings': nothing,
  'app.saveSettings': settingsChange,
  'app.resetLocalData': nothing,
  'app.getInfo': nothing,
  'app.exportCsv': csvFile,
  'app.chooseFolder': nothing,
  'app.exportPdf': (input) => ({
    name: text(input, 'name', 200),
    ...(member(input, 'isInFolder') === undefined ? {} : { isInFolder: choice(input, 'isInFolder', [true]) }),
  }),
  'app.exportEInvoice': (input) => ({ id: name(input, 'id') }),
  'app.openEmail': (input) => {
    const to = anyText(input, 'to', 320);
    // With a recipient, subject and text may be empty at first.
    const written = to === '' ? text : anyText;
    return { to, subject: written(input, 'subject', 1000), text: written(input, 'text', 10_000) };
  },
  'app.openPhone': (input) => ({ number: text(input, 'number', 100) }),
  'app.print': nothing,
  'app.backUp': nothing,
  'app.openFolder': (input) => ({ folder: choice(input, 'folder', ['data', 'logs']) }),
  'app.copyText': (input) => ({ text: text(input, 'text', 4 * 1024 * 1024) }),
  'app.setUnsaved': (input) => ({ isUnsaved: choice(input, 'isUnsaved', [true, false]) }),
  'file.writeCsv': (input) => ({ path: text(input, 'path', 32_768), csv: csvFile(member(input, 'csv')) }),
  'file.checkEInvoice': (input) => ({ id: name(input, 'id') }),
  'file.writeEInvoice': (input) => ({ path: text(input, 'path', 32_768), id: name(input, 'id') }),
  'file.backUp': (input) => ({ path: text(input, 'path', 32_768) }),
};

function nothing(input: unknown): undefined {
  if (input !== undefined && input !== null) throw invalid('The call', 'takes no request');
  return undefined;
}

function member(input: unknown, key: string): unknown {
  if (!isObject(input)) throw invalid('The request', 'must be an object');
  return Object.hasOwn(input, key) ? input[key] : undefined;
}

function text(input: unknown, key: string, max: number): string {
  const value = anyText(input, key, max);
  if (value === '') throw invalid(key, 'must be text');
  return value;
}

/** Text that may be empty. */
function anyText(input: unknown, key: string, max: number): string {
  const value = member(input, key);
  if (typeof value !== 'string') throw invalid(key, 'must be text');
  if (value.length > max) throw invalid(key, `must have at most ${max} characters`);
  return value;
}

function name(input: unknown, key: string): string {
  const value = text(input, key, 100);
  if (!/^[\w-]+$/.test(value)) throw invalid(key, 'must be a name or an id');
  return value;
}

function choice<V extends string | boolean>(input: unknown, key: string, values: readonly V[]): V {
  const value = member(input, key);
  const found = values.find((one) => one === value);
  if (found === undefined) throw invalid(key, `must be one of ${values.join(', ')}`);
  return found;
}

function version(input: unknown): RecordVersion {
  const updatedAt = text(input, 'updatedAt', 64);
  if (parseInstant(updatedAt) === null) throw invalid('updatedAt', 'must be the version of a record');
  return { collection: name(input, 'collection'), id: name(input, 'id'), updatedAt };
}

/** An object of JSON values; refuses what structured cloning also allows (dates, maps, cycles). */
function json(input: unknown, key: string): JsonObject {
  const value = member(input, key);
  if (!isObject(value) || !isJson(value, 0)) throw invalid(key, 'must be an object of plain values');
  return value as JsonObject;
}

function isJson(value: unknown, depth: number): boolean {
  if (depth > 64) return false;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every((entry) => isJson(entry, depth + 1));
  if (!isObject(value) || ![Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null)) return false;
  return Object.values(value).every((entry) => isJson(entry, depth + 1));
}

function listSelection(input: unknown): ListSelection {
  const filters = member(input, 'filters');
  const search = member(input, 'search');
  if (search !== undefined && typeof search !== 'string') throw invalid('search', 'must be text');
  return {
    collection: name(input, 'collection'),
    ...(search === undefined ? {} : { search }),
    ...(member(input, 'amount') === undefined ? {} : { amount: text(input, 'amount', 40) }),
    ...(member(input, 'today') === undefined ? {} : { today: text(input, 'today', 10) }),
    ...(filters === undefined ? {} : { filters: json(input, 'filters') as NonNullable<ListSelection['filters']> }),
  };
}

function listSort(input: unknown): ListSort {
  const descending = member(input, 'descending');
  if (descending !== undefined && typeof descending !== 'boolean') throw invalid('descending', 'must be true or false');
  return { column: name(input, 'column'), ...(descending === undefined ? {} : { descending }) };
}

function listQuery(input: unknown): ListQuery {
  const sort = member(input, 'sort');
  return {
    ...listSelection(input),
    ...(sort === undefined ? {} : { sort: listSort(sort) }),
    ...number(input, 'offset'),
    ...number(input, 'limit'),
  };
}

function number<K extends string>(input: unknown, key: K): { readonly [key in K]?: number } {
  const value = member(input, key);
  if (value === undefined) return {};
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw invalid(key, 'must be a whole number');
  return { [key]: value } as { readonly [key in K]: number };
}

function settingsChange(input: unknown): Partial<Omit<Settings, 'server'>> {
  const { syncEveryMinutes } = number(input, 'syncEveryMinutes');
  if (syncEveryMinutes !== undefined && (syncEveryMinutes < 1 || syncEveryMinutes > 60)) {
    throw invalid('syncEveryMinutes', 'must be from 1 to 60');
  }
  return {
    ...(syncEveryMinutes === undefined ? {} : { syncEveryMinutes }),
    ...(member(input, 'theme') === undefined ? {} : { theme: choice(input, 'theme', themes) }),
    ...(member(input, 'language') === undefined ? {} : { language: choice(input, 'language', languages) }),
  };
}

function csvFile(input: unknown): CsvRequest | TableRequest {
  return member(input, 'rows') === undefined ? csvRequest(input) : tableRequest(input);
}

function tableRequest(input: unknown): TableRequest {
  const titles = member(input, 'titles');
  const rows = member(input, 'rows');
  if (!Array.isArray(titles) || titles.length === 0 || titles.length > 1000) throw invalid('titles', 'must be 1 to 1000 titles');
  if (!Array.isArray(rows) || rows.length > 100_000) throw invalid('rows', 'must be at most 100000 rows');
  return {
    name: text(input, 'name', 100),
    titles: titles.map((title: unknown) => cellText(title)),
    rows: rows.map((row: unknown) => {
      if (!Array.isArray(row) || row.length !== titles.length) throw invalid('rows', 'must have a value for each title');
      return row.map((value: unknown) => tableValue(value));
    }),
    locale: text(input, 'locale', 100),
  };
}

function cellText(value: unknown): string {
  return anyText({ text: value }, 'text', 1000);
}

function tableValue(value: unknown): TableValue {
  if (value === null) return null;
  if (!isObject(value)) return cellText(value);
  const { amountMinor } = number(value, 'amountMinor');
  if (amountMinor === undefined) throw invalid('amountMinor', 'must be a whole number');
  return { amountMinor, currency: text(value, 'currency', 3) };
}

function csvRequest(input: unknown): CsvRequest {
  const columns = member(input, 'columns');
  const sort = member(input, 'sort');
  const fileName = member(input, 'name');
  if (!Array.isArray(columns) || columns.length === 0 || columns.length > 100) throw invalid('columns', 'must be 1 to 100 columns');
  return {
    ...(fileName === undefined ? {} : { name: text(input, 'name', 100) }),
    selection: listSelection(member(input, 'selection')),
    ...(sort === undefined ? {} : { sort: listSort(sort) }),
    columns: columns.map((column: unknown) => csvColumn(column)),
    ...(member(input, 'today') === undefined ? {} : { today: text(input, 'today', 10) }),
    locale: text(input, 'locale', 100),
  };
}

function csvColumn(input: unknown): CsvColumn {
  const words = member(input, 'words');
  if (words !== undefined && !isObject(words)) throw invalid('words', 'must be an object');
  const entries = Object.entries(words ?? {});
  if (entries.length > 100) throw invalid('words', 'must be at most 100');
  return {
    name: name(input, 'name'), title: text(input, 'title', 200),
    ...(words && { words: Object.fromEntries(entries.map(([value, word]) => [value, cellText(word)])) }),
  };
}

function invalid(what: string, reason: string): AppError {
  return new AppError('invalid_request', `${what} ${reason}.`, { fields: { [what]: { code: 'invalid', message: reason } } });
}
