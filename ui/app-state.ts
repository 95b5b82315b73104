// What the window shows, as one value that is replaced and never changed: the screen, what each list is about, and the
// record beside it.

import { visibleTo, type Role } from '../shared/collections.ts';
import type { JsonObject } from '../shared/fields.ts';
import type { Command } from '../shared/window/ipc.ts';
import type { Status } from '../shared/window/views.ts';

/** A collection's list, or one of the two screens about the program itself. */
export type Screen = string;

export const settingsScreen = 'settings';
export const healthScreen = 'health';

export interface DetailView {
  readonly collection: string;
  /** Null: a new one. */
  readonly id: string | null;
  readonly from: JsonObject | null;
}

/** The lists a person of this role may open, in the order of the sidebar. */
export function listScreens(role: Role | null): readonly string[] {
  const order = ['invoices', 'customers', 'plans', 'users'];
  const rank = (name: string): number => order.includes(name) ? order.indexOf(name) : order.length;
  return visibleTo(role ?? 'viewer').map(({ name }) => name).toSorted((a, b) => rank(a) - rank(b));
}

/** The screen to show where `wanted` is none, or none any more. */
export function allowedScreen(wanted: Screen, role: Role | null): Screen {
  const lists = listScreens(role);
  return wanted === settingsScreen || wanted === healthScreen || lists.includes(wanted) ? wanted : lists[0] ?? settingsScreen;
}

/** Whether there is nothing to show but the sign-in: no copy of anyone's, or one that was never filled. */
export function needsSignIn({ user, state, error }: Status): boolean {
  if (user === null) return state === 'never_synced' || state === 'session_expired';
  return state === 'never_synced' && (error?.code === 'signed_out' || error?.code === 'unauthorized');
}

/** Where the key of a command has no place in the window, it is one of these. */
export function commandOfKey({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyPress): Command | null {
  if (altKey || shiftKey) return null;
  if (key === 'F5') return 'refresh';
  if (!ctrlKey && !metaKey) return null;
  switch (key.toLowerCase()) {
    case 'f': return 'search';
    case 'n': return 'new';
    case 'p': return 'print';
    default: return null;
  }
}

export interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}
