// The contract between the window and the desktop behind it: every call with its request and its answer, once.
//
// A window calls a channel with one request and gets an outcome, in which an error is a value with its code. Two
// parties answer: the desk (desktop/api.ts: copy, sync, session, in a process of their own) and the shell around the
// window (Electron's main process, or the preview), which has dialogs, printing and the system. The shell in turn asks
// the desk for what a window may not: writing to a file that a person chose. A request is parsed where it arrives,
// whoever sent it; forgetting a channel's handler or parser does not compile.

import { AppError, desktopErrorCodes, isWireErrorCode, type ErrorCode } from './errors.ts';
import { isObject, type JsonObject } from './fields.ts';
import type { SignedInUser, WireRecord } from './protocol.ts';
import type {
  Attempt, CurrencySummary, CurrencyTotals, ListPage, ListQuery, ListSelection, ListSort, RecordView, Status, SyncOutcome,
} from './views.ts';

// ------------------------------------------------------------------------------------------------- what is exchanged

export interface SignInRequest {
  /** As a person typed it; must be HTTPS, loopback excepted. */
  readonly server: string;
  readonly email: string;
  readonly password: string;
}

/** Which record, and on which version a change of it is based. */
export interface RecordVersion {
  readonly collection: string;
  readonly id: string;
  readonly updatedAt: string;
}

/** What a server says of itself before anyone signs in. */
export interface ServerInfo {
  readonly origin: string;
  readonly name: string;
  readonly version: string;
}

export const themes = ['system', 'light', 'dark'] as const;
export const languages = ['system', 'en', 'de'] as const;

export interface Settings {
  /** The origin of the server last signed in to, or null. */
  readonly server: string | null;
  /** 1 to 60. */
  readonly syncEveryMinutes: number;
  readonly theme: (typeof themes)[number];
  readonly language: (typeof languages)[number];
}

/** How the syncs went and what the copy holds, as data. */
export interface SyncHealth {
  /** Newest first, at most 200. */
  readonly attempts: readonly Attempt[];
  /** Records held per collection. */
  readonly counts: Readonly<Record<string, number>>;
  readonly sizeBytes: number;
  /** When the rows were last read back and their digest proved, or null; ms since 1970. */
  readonly lastVerifiedMs: number | null;
  /** The digest that the last completed pull proved equal: collection to count and sum. */
  readonly digest: Readonly<Record<string, { readonly count: number; readonly sum: number }>>;
}

/** A list as a CSV file: these columns of these records, in this order, as people of `locale` write them. */
export interface CsvRequest {
  readonly selection: ListSelection;
  readonly sort?: ListSort;
  /** Declared columns, and what stands above each. */
  readonly columns: readonly { readonly name: string; readonly title: string }[];
  /** A BCP 47 tag; it decides between comma and semicolon, and how a decimal is written. */
  readonly locale: string;
}

/** The page that the window shows for printing, as a PDF. */
export interface PdfRequest {
  /** Proposed file name, without folder or ending. */
  readonly name: string;
}

export interface SavedFile {
  readonly path: string;
  readonly sizeBytes: number;
}

export interface AppInfo {
  readonly version: string;
  readonly platform: string;
  /** Where the copy and the logs are; null where the person has no access to the machine. */
  readonly dataFolder: string | null;
  readonly logFolder: string | null;
  /** What this shell cannot do, such as printing to PDF in a browser tab. */
  readonly lacks: readonly ('pdf' | 'secure token storage' | 'window chrome')[];
}

type Nothing = undefined;

/** What the desk answers to the window. */
export interface DeskCalls {
  'sync.pullFromServer': { request: Nothing; answer: SyncOutcome };
  'sync.getStatus': { request: Nothing; answer: Status };
  'sync.getOnlineStatus': { request: Nothing; answer: boolean };
  'sync.setAuthToken': { request: { readonly token: string }; answer: null };
  'sync.cancel': { request: Nothing; answer: null };
  'auth.signIn': { request: SignInRequest; answer: SignedInUser };
  'auth.signOut': { request: Nothing; answer: null };
  'auth.testConnection': { request: { readonly server: string }; answer: ServerInfo };
  'data.listPage': { request: ListQuery; answer: ListPage };
  'data.getRecord': { request: { readonly collection: string; readonly id: string }; answer: RecordView | null };
  'data.counts': { request: Nothing; answer: Readonly<Record<string, number>> };
  'data.summary': { request: { readonly today: string }; answer: readonly CurrencySummary[] };
  'data.selectionTotals': { request: ListSelection; answer: readonly CurrencyTotals[] };
  'data.health': { request: Nothing; answer: SyncHealth };
  /** The health as text to hand on: no personal data, no token. */
  'data.report': { request: Nothing; answer: string };
  'records.create': { request: { readonly collection: string; readonly fields: JsonObject }; answer: WireRecord };
  'records.update': { request: RecordVersion & { readonly patch: JsonObject }; answer: WireRecord };
  'records.remove': { request: RecordVersion; answer: WireRecord };
  'records.act': { request: RecordVersion & { readonly action: string; readonly body?: JsonObject }; answer: WireRecord };
  'app.getSettings': { request: Nothing; answer: Settings };
  'app.saveSettings': { request: Partial<Omit<Settings, 'server'>>; answer: Settings };
  'app.resetLocalData': { request: Nothing; answer: null };
}

/** What the shell around the window answers. Null: the person changed their mind. */
export interface ShellCalls {
  'app.getInfo': { request: Nothing; answer: AppInfo };
  'app.exportCsv': { request: CsvRequest; answer: SavedFile | null };
  'app.exportPdf': { request: PdfRequest; answer: SavedFile | null };
  'app.print': { request: Nothing; answer: null };
  'app.backUp': { request: Nothing; answer: SavedFile | null };
  'app.openFolder': { request: { readonly folder: 'data' | 'logs' }; answer: null };
  'app.copyText': { request: { readonly text: string }; answer: null };
}

/** What the shell asks of the desk, for a file that a person chose; no window can. */
export interface FileCalls {
  'file.writeCsv': { request: { readonly path: string; readonly csv: CsvRequest }; answer: SavedFile };
  'file.backUp': { request: { readonly path: string }; answer: SavedFile };
}

export type WindowCalls = DeskCalls & ShellCalls;
export type AllCalls = WindowCalls & FileCalls;
export type Channel = keyof AllCalls;

/** What answers a set of calls. */
export type Handlers<Calls> = {
  readonly [C in keyof Calls]: Calls[C] extends { request: infer Q; answer: infer A } ? (request: Q) => Promise<A> : never;
};

/** What a window hears without asking. */
export interface Events {
  /** The sync's state has changed. */
  readonly status: Status;
  /** A key or a menu entry that the shell saw. */
  readonly command: Command;
}
export type Command = 'refresh' | 'search' | 'new' | 'print' | 'settings';

// ------------------------------------------------------------------------------------------------------ the outcome

export interface CallError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** The present record, with `precondition_failed`. */
  readonly current?: WireRecord;
  readonly retryAfterS?: number;
}

export type Outcome<A> = { readonly ok: true; readonly value: A } | { readonly ok: false; readonly error: CallError };

const unexpected = 'Something went wrong on this computer. Try again; if it stays, see the log.';

/** Runs a handler; whatever it throws becomes a value. An error that is not ours loses its text: that is for the log. */
export async function toOutcome<A>(run: () => Promise<A>, log: (error: unknown) => void): Promise<Outcome<A>> {
  try {
    return { ok: true, value: await run() };
  } catch (error) {
    if (!(error instanceof AppError)) {
      log(error);
      return { ok: false, error: { code: 'internal', message: unexpected } };
    }
    const { fields, current, retryAfterS } = error.details;
    return {
      ok: false,
      error: {
        code: error.code,
        message: error.message,
        ...(fields && { fields }),
        ...(current === undefined ? {} : { current: current as WireRecord }),
        ...(retryAfterS === undefined ? {} : { retryAfterS }),
      },
    };
  }
}

/** The answer in an outcome; throws the error in it as an AppError. */
export function fromOutcome<A>(outcome: Outcome<A>): A {
  if (outcome.ok) return outcome.value;
  const { code, message, ...details } = outcome.error;
  throw new AppError(isErrorCode(code) ? code : 'internal', message, details);
}

function isErrorCode(code: unknown): code is ErrorCode {
  return isWireErrorCode(code) || desktopErrorCodes.some((known) => known === code);
}

// ------------------------------------------------------------------------------------------------------- the parsers

type Parser<R> = (input: unknown) => R;

/** Every channel's parser; each throws `invalid_request`. What a list may ask for in detail the copy itself checks. */
export const requestParsers: { readonly [C in Channel]: Parser<AllCalls[C]['request']> } = {
  'sync.pullFromServer': nothing,
  'sync.getStatus': nothing,
  'sync.getOnlineStatus': nothing,
  'sync.setAuthToken': (input) => ({ token: text(input, 'token', 8192) }),
  'sync.cancel': nothing,
  'auth.signIn': (input) => ({
    server: text(input, 'server', 2048), email: text(input, 'email', 320), password: text(input, 'password', 1024),
  }),
  'auth.signOut': nothing,
  'auth.testConnection': (input) => ({ server: text(input, 'server', 2048) }),
  'data.listPage': listQuery,
  'data.getRecord': (input) => ({ collection: name(input, 'collection'), id: name(input, 'id') }),
  'data.counts': nothing,
  'data.summary': (input) => ({ today: text(input, 'today', 10) }),
  'data.selectionTotals': listSelection,
  'data.health': nothing,
  'data.report': nothing,
  'records.create': (input) => ({ collection: name(input, 'collection'), fields: json(input, 'fields') }),
  'records.update': (input) => ({ ...version(input), patch: json(input, 'patch') }),
  'records.remove': version,
  'records.act': (input) => ({
    ...version(input), action: name(input, 'action'), ...(member(input, 'body') === undefined ? {} : { body: json(input, 'body') }),
  }),
  'app.getSettings': nothing,
  'app.saveSettings': settingsChange,
  'app.resetLocalData': nothing,
  'app.getInfo': nothing,
  'app.exportCsv': csvRequest,
  'app.exportPdf': (input) => ({ name: text(input, 'name', 200) }),
  'app.print': nothing,
  'app.backUp': nothing,
  'app.openFolder': (input) => ({ folder: choice(input, 'folder', ['data', 'logs']) }),
  'app.copyText': (input) => ({ text: text(input, 'text', 4 * 1024 * 1024) }),
  'file.writeCsv': (input) => ({ path: text(input, 'path', 32_768), csv: csvRequest(member(input, 'csv')) }),
  'file.backUp': (input) => ({ path: text(input, 'path', 32_768) }),
};

/** True for the name of a channel that a window may call. */
export function isWindowChannel(value: unknown): value is keyof WindowCalls {
  return typeof value === 'string' && Object.hasOwn(requestParsers, value) && !value.startsWith('file.');
}

const shellChannels: readonly string[] = [
  'app.getInfo', 'app.exportCsv', 'app.exportPdf', 'app.print', 'app.backUp', 'app.openFolder', 'app.copyText',
] satisfies readonly (keyof ShellCalls)[];

/** True for a channel that the shell answers itself; every other one is the desk's. */
export function isShellChannel(channel: Channel): channel is keyof ShellCalls {
  return shellChannels.includes(channel);
}

function nothing(input: unknown): undefined {
  if (input !== undefined && input !== null) throw invalid('The call', 'takes nothing');
  return undefined;
}

function member(input: unknown, key: string): unknown {
  if (!isObject(input)) throw invalid('The request', 'must be an object');
  return Object.hasOwn(input, key) ? input[key] : undefined;
}

function text(input: unknown, key: string, max: number): string {
  const value = member(input, key);
  if (typeof value !== 'string' || value === '') throw invalid(key, 'must be text');
  if (value.length > max) throw invalid(key, `must have at most ${max} characters`);
  return value;
}

function name(input: unknown, key: string): string {
  const value = text(input, key, 100);
  if (!/^[\w-]+$/.test(value)) throw invalid(key, 'must be a name or an id');
  return value;
}

function choice<V extends string>(input: unknown, key: string, values: readonly V[]): V {
  const value = member(input, key);
  const found = values.find((one) => one === value);
  if (found === undefined) throw invalid(key, `must be one of ${values.join(', ')}`);
  return found;
}

function version(input: unknown): RecordVersion {
  return { collection: name(input, 'collection'), id: name(input, 'id'), updatedAt: text(input, 'updatedAt', 64) };
}

/** An object of JSON values; whatever cloning may carry besides (dates, maps, cycles) is refused. */
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

function csvRequest(input: unknown): CsvRequest {
  const columns = member(input, 'columns');
  const sort = member(input, 'sort');
  if (!Array.isArray(columns) || columns.length === 0 || columns.length > 100) throw invalid('columns', 'must be 1 to 100 columns');
  return {
    selection: listSelection(member(input, 'selection')),
    ...(sort === undefined ? {} : { sort: listSort(sort) }),
    columns: columns.map((column: unknown) => ({ name: name(column, 'name'), title: text(column, 'title', 200) })),
    locale: text(input, 'locale', 100),
  };
}

function invalid(what: string, reason: string): AppError {
  return new AppError('invalid_request', `${what} ${reason}.`, { fields: { [what]: reason } });
}

// ---------------------------------------------------------------------------------------------- what the window sees

type Ask<Calls, C extends keyof Calls> = Calls[C] extends { request: infer Q; answer: infer A }
  ? Q extends undefined ? () => Promise<Outcome<A>> : (request: Q) => Promise<Outcome<A>>
  : never;

/** The calls of one group, such as `auth.signIn` of `auth`, under their short names. */
type Group<Prefix extends string> = {
  readonly [C in keyof WindowCalls as C extends `${Prefix}.${infer Name}` ? Name : never]: Ask<WindowCalls, C>;
};

/** `window.electron`. The four functions of `sync` answer as they are; the others answer with an outcome. */
export interface WindowApi {
  readonly sync: {
    /** Starts a pull or joins the one under way; what went wrong is in its outcome. */
    pullFromServer(): Promise<SyncOutcome>;
    getStatus(): Promise<Status>;
    getOnlineStatus(): Promise<boolean>;
    setAuthToken(token: string): Promise<void>;
    /** Calls back with each change of the status; returns how to stop that. */
    onStatus(listener: (status: Status) => void): () => void;
  };
  readonly auth: Group<'auth'>;
  readonly data: Group<'data'>;
  readonly records: Group<'records'>;
  readonly app: Group<'app'> & {
    cancelSync(): Promise<Outcome<null>>;
    onCommand(listener: (command: Command) => void): () => void;
  };
}

/** How a window reaches the other side: one request, one outcome, and the events. */
export interface Wire {
  call(channel: keyof WindowCalls, request?: unknown): Promise<Outcome<unknown>>;
  listen<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void;
}

/** Builds `window.electron` over a wire; the preload and the preview's page share it. */
export function createWindowApi({ call, listen }: Wire): WindowApi {
  const group = (prefix: string): Record<string, (request?: unknown) => Promise<Outcome<unknown>>> =>
    Object.fromEntries(Object.keys(requestParsers).filter((channel) => channel.startsWith(`${prefix}.`)).map((channel) =>
      [channel.slice(prefix.length + 1), (request?: unknown) => call(channel as keyof WindowCalls, request)]));
  const ask = async <A>(channel: keyof WindowCalls, request?: unknown): Promise<A> => fromOutcome(await call(channel, request)) as A;
  const api = {
    sync: {
      pullFromServer: () => ask('sync.pullFromServer'),
      getStatus: () => ask('sync.getStatus'),
      getOnlineStatus: () => ask('sync.getOnlineStatus'),
      setAuthToken: async (token: string) => void await ask('sync.setAuthToken', { token }),
      onStatus: (listener: (status: Status) => void) => listen('status', listener),
    },
    auth: group('auth'),
    data: group('data'),
    records: group('records'),
    app: {
      ...group('app'),
      cancelSync: () => call('sync.cancel'),
      onCommand: (listener: (command: Command) => void) => listen('command', listener),
    },
  };
  // The groups are made from the parsers' names, of which the type above is made too.
  return api as unknown as WindowApi;
}
