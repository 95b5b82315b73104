// What Electron's main process and the worker that owns the database and the network say to each other.
//
// What always holds: both ends are ours, of one version and one build, so a message has the type it says; what came from
// a window travels in it as `unknown` and is parsed by the desk. Everything in a message survives structured cloning.

import type { DeskCalls, FileCalls, Outcome } from '../../shared/window/ipc.ts';
import type { Status } from '../../shared/window/views.ts';
import type { DeskOptions, SystemEvent } from '../desk.ts';
import type { PlainFacts } from '../files/redact.ts';
import type { StoredToken } from '../session/token-vault.ts';

export type DeskChannel = keyof DeskCalls | keyof FileCalls;

export type ToWorker =
  /** The first one. */
  | { readonly kind: 'open'; readonly options: DeskOptions }
  | { readonly kind: 'call'; readonly id: number; readonly channel: DeskChannel; readonly request: unknown }
  | { readonly kind: 'notice'; readonly event: SystemEvent }
  /** What the vault answered to the worker's question of this number. */
  | { readonly kind: 'vault'; readonly id: number; readonly outcome: Outcome<StoredToken | null> }
  /** The last one: the worker ends when everything is closed. */
  | { readonly kind: 'close' };

export type FromWorker =
  | { readonly kind: 'answer'; readonly id: number; readonly outcome: Outcome<unknown> }
  | { readonly kind: 'status'; readonly status: Status }
  | { readonly kind: 'log'; readonly event: string; readonly facts: PlainFacts }
  | { readonly kind: 'vault'; readonly id: number; readonly question: VaultQuestion };

export type VaultQuestion =
  | { readonly ask: 'load' }
  | { readonly ask: 'save'; readonly kept: StoredToken }
  | { readonly ask: 'clear' };
