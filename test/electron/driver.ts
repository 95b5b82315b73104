// What the scenario asks of a running program, whatever runs it: Electron itself (real-app.ts), or the stand-in for Electron
// (stand-in-app.ts).

import type { SyncState, Status } from '../../shared/window/views.ts';
import type { RemoteApi } from '../e2e/page.ts';
import type { ProcessInfo } from './processes.ts';

/** One way to run the program, in one data folder. */
export interface Driver {
  /** For the table. */
  readonly title: string;
  /** Why it cannot reach some steps, by their titles. Those are listed and never count as passed. */
  readonly unreached: Readonly<Record<string, string>>;
  /** Starts the program and resolves when its page has loaded. */
  start(): Promise<Running>;
  /** Whether each fuse of the executable is set, by its name in Electron's schema. */
  fuses(): Promise<Readonly<Record<string, boolean>>>;
}

export interface Running {
  readonly api: RemoteApi;
  /** What runs it, such as Electron and its version. */
  readonly engine: string;
  readonly windows: () => Promise<number>;
  readonly url: () => string;
  /** Whether a person can see the window. */
  isVisible(): Promise<boolean>;
  /** The fields of a date input in this language, in their order. */
  dateFields(lang: string): Promise<readonly string[]>;
  /** Resolves with the first status in one of these states, the current one included. */
  waitForState(...states: readonly SyncState[]): Promise<Status>;
  /** As a person does: at the form, if there is one. */
  signIn(server: string, email: string, password: string): Promise<void>;
  /** The path that the person chooses in every save dialog from now on. */
  chooseFile(path: string): Promise<void>;
  /** Starts the program a second time on the same folder, and resolves when that start has ended, with its exit code. */
  startAgain(): Promise<number | null>;
  processes(): Promise<readonly ProcessInfo[]>;
  killDataProcess(): Promise<void>;
  /** Kills the page's process and resolves when the page has loaded again; the page cannot be used from here after that. */
  killPage(): Promise<void>;
  /** The names of Node that the page's scripts can see. */
  namesOfNode(): Promise<readonly string[]>;
  /** The window's preferences as Electron applies them. */
  preferences(): Promise<Readonly<Record<string, unknown>>>;
  /** The permissions, of those that pages ask for, which the page has or gets. */
  permissions(): Promise<readonly string[]>;
  /** What a hostile page achieves with this address: to go there, to open, to embed, to load it. */
  intrude(url: string): Promise<readonly string[]>;
  /** Errors and warnings that the page has reported. */
  readonly problems: () => readonly string[];
  /** Closes the window, as a person does, and resolves with the exit code when the program has ended. */
  close(): Promise<number | null>;
  /** Ends the program, whatever state it is in; does nothing if it has ended. */
  kill(): Promise<void>;
}
