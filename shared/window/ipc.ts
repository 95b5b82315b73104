// The contract between the window and the desktop: every call with its request and answer types, declared once.
//
// A window calls a channel with one request and gets an outcome, in which an error is a value with a code. Two parties
// answer: the desk (desktop/desk.ts: cache, sync and session, in their own process) and the shell around the window
// (Electron's main process, or the preview), which has dialogs, printing and the system. The shell calls the desk for what a
// window may not do: write to a file that the user chose. Every request is parsed where it arrives
// (shared/window/ipc-requests.ts); a channel without a handler or parser does not compile.

import { AppError, desktopErrorCodes, isWireErrorCode, type ErrorCode, type FailureKind } from '../errors.ts';
import type { JsonObject } from '../fields.ts';
import type { Problems } from '../problems.ts';
import type { SessionEntry, SignedInUser, WireRecord } from '../protocol.ts';
import type { ReportCell, ReportQuery } from '../report.ts';
import type { Mail } from './mail.ts';
import type {
  Attempt, CurrencySummary, CurrencyTotals, LineQuery, LineSuggestion, ListPage, ListQuery, ListSelection, ListSort, RecordView, Status,
  SyncError, SyncOutcome,
} from './views.ts';

export interface SignInRequest {
  /** As typed by the user; must be HTTPS, except for loopback. */
  readonly server: string;
  readonly email: string;
  readonly password: string;
  /**
   * Sets aside the cache of another account behind the same address. Without it such a sign-in fails with
   * `account_changed`, so that the person can be asked.
   */
  readonly replaceCache?: true;
}

/** A record, and the version that a change to it is based on. */
export interface RecordVersion {
  readonly collection: string;
  readonly id: string;
  readonly updatedAt: string;
}

/** What a server reveals before sign-in. */
export interface ServerInfo {
  readonly origin: string;
  readonly name: string;
  readonly version: string;
}

export const themes = ['system', 'light', 'dark'] as const;
export const languages = ['system', 'en', 'de'] as const;

export interface Settings {
  /** The origin of the server last signed in to, or null before the first sign-in. */
  readonly server: string | null;
  /** 1 to 60. */
  readonly syncEveryMinutes: number;
  readonly theme: (typeof themes)[number];
  readonly language: (typeof languages)[number];
}

/** The history of syncs and the contents of the cache. */
export interface SyncHealth {
  /** Newest first, at most 200. */
  readonly attempts: readonly Attempt[];
  /** Number of records per collection. */
  readonly counts: Readonly<Record<string, number>>;
  readonly sizeBytes: number;
  /** When the rows were last verified against their digest, in ms since 1970; null if never. */
  readonly lastVerifiedMs: number | null;
  /** The digest verified by the last completed pull: count and sum per collection. */
  readonly digest: Readonly<Record<string, { readonly count: number; readonly sum: number }>>;
}

/** A declared column with its heading, and the words for its values, if it has a few values that have words. */
export interface CsvColumn {
  readonly name: string;
  readonly title: string;
  readonly words?: Readonly<Record<string, string>>;
}

/** A list as a CSV file: these columns of these records, in this order, formatted for `locale`. */
export interface CsvRequest {
  /** The proposed file name, before the date; without one it is that of the collection. */
  readonly name?: string;
  readonly selection: ListSelection;
  readonly sort?: ListSort;
  readonly columns: readonly CsvColumn[];
  /** The day (YYYY-MM-DD) by which invoices have the statuses that are displayed; without it they have the stored ones. */
  readonly today?: string;
  /** A BCP 47 tag; determines the separator (comma or semicolon) and the decimal sign. */
  readonly locale: string;
}

/** A table that the window shows as a CSV file, formatted for `locale`. */
export interface TableRequest {
  /** The proposed file name, before the date. */
  readonly name: string;
  readonly titles: readonly string[];
  /** As many values in each as there are titles. */
  readonly rows: readonly (readonly TableValue[])[];
  /** A BCP 47 tag, as in a `CsvRequest`. */
  readonly locale: string;
}

/** Text, an amount in the currency's minor unit, or nothing. */
export type TableValue = string | { readonly amountMinor: number; readonly currency: string } | null;

/** The proposed name of a CSV file, before the date. */
export function csvName(csv: CsvRequest | TableRequest): string {
  return 'selection' in csv ? csv.name ?? csv.selection.collection : csv.name;
}

/** The window's print view as a PDF. */
export interface PdfRequest {
  /** The proposed file name, without folder or extension. */
  readonly name: string;
  /** Saves it in the folder that the user chose last, beside what is there, without asking. */
  readonly isInFolder?: true;
}

export interface SavedFile {
  readonly path: string;
  readonly sizeBytes: number;
}

export interface AppInfo {
  readonly version: string;
  readonly platform: string;
  /** Where the cache and the logs are; null if the user has no access to the machine. */
  readonly dataFolder: string | null;
  readonly logFolder: string | null;
  /** The system's regional format as a BCP 47 tag, which may be of another language than the texts; null if it is not known. */
  readonly locale: string | null;
  /** What this shell cannot do, such as saving a PDF in a browser tab. */
  readonly lacks: readonly ('pdf' | 'token_storage' | 'window_chrome')[];
}

type Nothing = undefined;

/** The calls that the desk answers. */
export interface DeskCalls {
  'sync.pullFromServer': { request: Nothing; answer: SyncOutcome };
  'sync.getStatus': { request: Nothing; answer: Status };
  'sync.getOnlineStatus': { request: Nothing; answer: boolean };
  'sync.setAuthToken': { request: { readonly token: string }; answer: null };
  'sync.cancel': { request: Nothing; answer: null };
  'auth.signIn': { request: SignInRequest; answer: SignedInUser };
  'auth.signOut': { request: Nothing; answer: null };
  'auth.testConnection': { request: { readonly server: string }; answer: ServerInfo };
  /** Ends the user's other sessions. */
  'auth.changePassword': { request: { readonly current: string; readonly next: string }; answer: null };
  /** The user's own sessions or (`all`, for owners) the account's. */
  'auth.listSessions': { request: { readonly all: boolean }; answer: readonly SessionEntry[] };
  'auth.endSession': { request: { readonly id: string }; answer: null };
  'data.listPage': { request: ListQuery; answer: ListPage };
  'data.getRecord': { request: { readonly collection: string; readonly id: string }; answer: RecordView | null };
  'data.counts': { request: Nothing; answer: Readonly<Record<string, number>> };
  'data.summary': { request: { readonly today: string }; answer: readonly CurrencySummary[] };
  'data.selectionTotals': { request: ListSelection; answer: readonly CurrencyTotals[] };
  /** What was invoiced and received in a period. */
  'data.periodReport': { request: ReportQuery; answer: readonly ReportCell[] };
  'data.lineSuggestions': { request: LineQuery; answer: readonly LineSuggestion[] };
  'data.health': { request: Nothing; answer: SyncHealth };
  /** The health as text for support: no personal data, no token. */
  'data.report': { request: Nothing; answer: string };
  /** `key` is the form's own: whatever happens, even to the desktop's process, no two records are made under it. */
  'records.create': { request: { readonly collection: string; readonly fields: JsonObject; readonly key?: string }; answer: WireRecord };
  'records.update': { request: RecordVersion & { readonly patch: JsonObject }; answer: WireRecord };
  'records.remove': { request: RecordVersion; answer: WireRecord };
  /** Removes an entry of one of the record's lists, such as a payment (docs/protocol.md). */
  'records.removeEntry': { request: RecordVersion & { readonly list: string; readonly entry: string }; answer: WireRecord };
  'records.act': { request: RecordVersion & { readonly action: string; readonly body?: JsonObject }; answer: WireRecord };
  'app.getSettings': { request: Nothing; answer: Settings };
  'app.saveSettings': { request: Partial<Omit<Settings, 'server'>>; answer: Settings };
  'app.resetLocalData': { request: Nothing; answer: null };
}

/** The calls that the shell answers. Null: the user cancelled. */
export interface ShellCalls {
  'app.getInfo': { request: Nothing; answer: AppInfo };
  'app.exportCsv': { request: CsvRequest | TableRequest; answer: SavedFile | null };
  /** The folder that the PDFs of several invoices go to. */
  'app.chooseFolder': { request: Nothing; answer: string | null };
  'app.exportPdf': { request: PdfRequest; answer: SavedFile | null };
  /** An issued invoice as an e-invoice. What it lacks is refused with `invalid_request` before a dialog opens. */
  'app.exportEInvoice': { request: { readonly id: string }; answer: SavedFile | null };
  /** Opens a new e-mail in the user's own program; nothing is sent. */
  'app.openEmail': { request: Mail; answer: null };
  /** Calls a phone number with the user's own program. */
  'app.openPhone': { request: { readonly number: string }; answer: null };
  'app.print': { request: Nothing; answer: null };
  'app.backUp': { request: Nothing; answer: SavedFile | null };
  'app.openFolder': { request: { readonly folder: 'data' | 'logs' }; answer: null };
  'app.copyText': { request: { readonly text: string }; answer: null };
  /** Whether something would be lost with the window, which then asks before it closes. */
  'app.setUnsaved': { request: { readonly isUnsaved: boolean }; answer: null };
}

/** The shell's calls to the desk, for a file that the user chose; the window cannot make them. */
export interface FileCalls {
  'file.writeCsv': { request: { readonly path: string; readonly csv: CsvRequest | TableRequest }; answer: SavedFile };
  /** Fails like `file.writeEInvoice`, and writes nothing. Answers the invoice's number. */
  'file.checkEInvoice': { request: { readonly id: string }; answer: string };
  'file.writeEInvoice': { request: { readonly path: string; readonly id: string }; answer: SavedFile };
  'file.backUp': { request: { readonly path: string }; answer: SavedFile };
}

export type WindowCalls = DeskCalls & ShellCalls;
export type AllCalls = WindowCalls & FileCalls;
export type Channel = keyof AllCalls;

/** The channels that a window may call; omitting one does not compile. */
const windowChannels: { readonly [C in keyof WindowCalls]: 'desk' | 'shell' } = {
  'sync.pullFromServer': 'desk', 'sync.getStatus': 'desk', 'sync.getOnlineStatus': 'desk', 'sync.setAuthToken': 'desk',
  'sync.cancel': 'desk', 'auth.signIn': 'desk', 'auth.signOut': 'desk', 'auth.testConnection': 'desk', 'auth.changePassword': 'desk',
  'auth.listSessions': 'desk', 'auth.endSession': 'desk', 'data.listPage': 'desk',
  'data.getRecord': 'desk', 'data.counts': 'desk', 'data.summary': 'desk', 'data.selectionTotals': 'desk',
  'data.periodReport': 'desk', 'data.lineSuggestions': 'desk', 'data.health': 'desk',
  'data.report': 'desk', 'records.create': 'desk', 'records.update': 'desk', 'records.remove': 'desk', 'records.act': 'desk',
  'records.removeEntry': 'desk',
  'app.getSettings': 'desk', 'app.saveSettings': 'desk', 'app.resetLocalData': 'desk', 'app.getInfo': 'shell',
  'app.exportCsv': 'shell', 'app.chooseFolder': 'shell', 'app.exportPdf': 'shell', 'app.exportEInvoice': 'shell',
  'app.openEmail': 'shell', 'app.openPhone': 'shell', 'app.print': 'shell',
  'app.backUp': 'shell', 'app.openFolder': 'shell', 'app.copyText': 'shell', 'app.setUnsaved': 'shell',
};

/** Whether this is the name of a channel that a window may call. */
export function isWindowChannel(value: unknown): value is keyof WindowCalls {
  return typeof value === 'string' && Object.hasOwn(windowChannels, value);
}

/** Whether the shell answers this channel; the desk answers the others. */
export function isShellChannel(channel: keyof WindowCalls): channel is keyof ShellCalls {
  return windowChannels[channel] === 'shell';
}

/** The handlers for a set of calls. */
export type Handlers<Calls> = {
  readonly [C in keyof Calls]: Calls[C] extends { request: infer Q; answer: infer A } ? (request: Q) => Promise<A> : never;
};

/** The events that a window receives. */
export interface Events {
  /** Every new sync status. */
  readonly status: Status;
  /** A menu entry or its shortcut. */
  readonly command: Command;
}
export type Command = 'refresh' | 'search' | 'new' | 'print' | 'settings';

export interface CallError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fields?: Readonly<Problems>;
  /** The current record, with `precondition_failed`. */
  readonly current?: WireRecord;
  readonly retryAfterS?: number;
  /** Why no answer from the server arrived, where that is known. */
  readonly kind?: FailureKind;
}

export type Outcome<A> = { readonly ok: true; readonly value: A } | { readonly ok: false; readonly error: CallError };

const unexpected = 'Something went wrong on this computer. Try again; if it keeps happening, see the log.';

/** Why a sync failed, as the window sees it. The text of any error other than an AppError stays in the log. */
export function toSyncError(error: unknown): SyncError {
  if (!(error instanceof AppError)) return { code: 'internal', message: 'Something went wrong on this computer. Try again.' };
  const { code, message, details: { kind, retryAfterS } } = error;
  return { code, message, ...(kind && { kind }), ...(retryAfterS !== undefined && { retryAfterS }) };
}

/** Runs a handler and turns what it throws into a value. The text of any error other than an AppError goes to the log only. */
export async function toOutcome<A>(run: () => Promise<A>, log: (error: unknown) => void): Promise<Outcome<A>> {
  try {
    return { ok: true, value: await run() };
  } catch (error) {
    if (!(error instanceof AppError)) {
      log(error);
      return { ok: false, error: { code: 'internal', message: unexpected } };
    }
    const { fields, current, retryAfterS, kind } = error.details;
    return {
      ok: false,
      error: {
        code: error.code,
        message: error.message,
        ...(fields && { fields }),
        ...(current === undefined ? {} : { current: current as WireRecord }),
        ...(retryAfterS === undefined ? {} : { retryAfterS }),
        ...(kind && { kind }),
      },
    };
  }
}

/** The answer of a call that answers nothing. */
export async function toNull(done: Promise<void>): Promise<null> {
  await done;
  return null;
}

/** Returns the answer in an outcome, or throws its error as an AppError. */
export function fromOutcome<A>(outcome: Outcome<A>): A {
  if (outcome.ok) return outcome.value;
  const { code, message, ...details } = outcome.error;
  throw new AppError(isErrorCode(code) ? code : 'internal', message, details);
}

function isErrorCode(code: unknown): code is ErrorCode {
  return isWireErrorCode(code) || desktopErrorCodes.some((known) => known === code);
}

type Ask<Calls, C extends keyof Calls> = Calls[C] extends { request: infer Q; answer: infer A }
  ? [Q] extends [undefined] ? () => Promise<Outcome<A>> : (request: Q) => Promise<Outcome<A>>
  : never;

/** The calls of one group, without its prefix: `signIn` for `auth.signIn`. */
type Group<Prefix extends string> = {
  readonly [C in keyof WindowCalls as C extends `${Prefix}.${infer Name}` ? Name : never]: Ask<WindowCalls, C>;
};

/** `window.electron`. The functions of `sync` return plain answers and reject with an AppError; the others return outcomes. */
export interface WindowApi {
  readonly sync: {
    /** Starts a pull or joins the one in progress; failures are in the outcome. */
    pullFromServer(): Promise<SyncOutcome>;
    getStatus(): Promise<Status>;
    getOnlineStatus(): Promise<boolean>;
    setAuthToken(token: string): Promise<void>;
    /** Calls back with every new status; returns a function that stops that. */
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

/** The transport between window and desktop: one request, one outcome, and the events. */
export interface Transport {
  call(channel: keyof WindowCalls, request?: unknown): Promise<Outcome<unknown>>;
  listen<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void;
}

/** Builds `window.electron` over a transport; used by the preload and the preview's page. */
export function createWindowApi({ call, listen }: Transport): WindowApi {
  const group = (prefix: string): Record<string, (request?: unknown) => Promise<Outcome<unknown>>> =>
    Object.fromEntries(Object.keys(windowChannels).filter((channel) => channel.startsWith(`${prefix}.`)).map((channel) =>
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
  // The groups are built from the channels' names, as in the type.
  return api as unknown as WindowApi;
}
