// Which screens there are, who may see them and who may write, when the window asks for sign-in, and what its keyboard shortcuts do.

import { findCollection, visibleTo, type Role } from '../shared/collections.ts';
import type { JsonObject } from '../shared/fields.ts';
import type { Command } from '../shared/window/ipc.ts';
import type { ListSelection, Status } from '../shared/window/views.ts';

/** The name of a collection, for its list, or one of the screens below. */
export type Screen = string;

/** What was invoiced and received in a period. */
export const reportScreen = 'report';
export const settingsScreen = 'settings';
export const healthScreen = 'health';
/** The company's own record, which has a screen instead of a list. */
export const companyScreen = 'company';
/** For owners. */
export const computersScreen = 'computers';

export interface DetailView {
  readonly collection: string;
  /** Null for a new record. */
  readonly id: string | null;
  readonly from: JsonObject | null;
}

/** A record to show, and an action that begins on it. */
export interface RecordLink {
  readonly collection: string;
  readonly id: string;
  /** `complete` is `edit` for a draft that was made for it: cancelling removes the draft. */
  readonly act?: 'edit' | 'complete' | 'issue' | 'eInvoice' | 'pay' | 'print' | 'pdf';
  /** For `edit`. */
  readonly lead?: Lead;
}

/** A list to show with these filters; `label` stands for them in the toolbar. */
export interface ListLink {
  readonly collection: string;
  readonly filters: NonNullable<ListSelection['filters']>;
  readonly label: string;
}

/** What a form was opened for: the field that was missing, and where to go once it is saved. */
export interface Lead {
  /** The field's path, or that of the object it is part of. */
  readonly field: string;
  readonly back: RecordLink | ListLink;
}

/** The lists that a role may open, in the order of the sidebar. */
export function listScreens(role: Role | null): readonly string[] {
  const order = ['invoices', 'customers', 'plans', 'users'];
  const rank = (name: string): number => order.includes(name) ? order.indexOf(name) : order.length;
  return visibleTo(role ?? 'viewer').filter(({ single }) => !single).map(({ name }) => name).toSorted((a, b) => rank(a) - rank(b));
}

/** `wanted`, or the first list if that screen does not exist or is not allowed. */
export function allowedScreen(wanted: Screen, role: Role | null): Screen {
  const lists = listScreens(role);
  const allowed = [...lists, reportScreen, companyScreen, settingsScreen, healthScreen, ...role === 'owner' ? [computersScreen] : []];
  return allowed.includes(wanted) ? wanted : lists[0] ?? settingsScreen;
}

export function mayWrite(collection: string, role: Role): boolean {
  return findCollection(collection)?.writes.includes(role) ?? false;
}

/** Whether to show only the sign-in form: there is no cache, or it was never filled and the session has ended. */
export function needsSignIn({ user, state, error }: Status): boolean {
  if (user === null) return state === 'never_synced' || state === 'session_expired';
  return state === 'never_synced' && ['signed_out', 'unauthorized', 'session_refused', 'sign_in_locked'].includes(error?.code ?? '');
}

/** The command of a keyboard shortcut, or null. */
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
