// What the window shows, as one value that is replaced and never changed: the screen, what each list is about, and the
// record beside it.

import { visibleTo, type Role } from '../shared/collections.ts';
import type { JsonObject } from '../shared/fields.ts';
import type { Status } from '../shared/views.ts';

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

/** Whether there is anything to show but the sign-in: without a copy and a user there is not. */
export function needsSignIn(status: Status): boolean {
  return status.user === null || (status.state === 'never_synced' && status.error?.code === 'signed_out');
}

/** Who may see a list may not always change it. */
export function isTyping(target: EventTarget | undefined): boolean {
  const { tagName = '', isContentEditable = false } = (target ?? {}) as { tagName?: string; isContentEditable?: boolean };
  return isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(tagName);
}
