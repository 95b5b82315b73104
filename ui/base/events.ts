// The events that components send up, with their details. They bubble and cross shadow roots, so any ancestor can listen.

import type { LitElement } from 'lit';

import type { JsonObject } from '../../shared/fields.ts';
import type { Settings } from '../../shared/window/ipc.ts';
import type { Lead, ListLink, RecordLink, Screen } from '../app-state.ts';
import type { WriteBlock } from '../sync/sync-view.ts';

/** What a toast says, and offers to do next. */
export interface ToastText {
  readonly text: string;
  readonly tone: 'ok' | 'bad';
  /** Why writing is not possible: the toast disappears as soon as that no longer holds. */
  readonly block?: WriteBlock;
  /** `run` is called with an element from which the desktop can be asked, whatever has been closed meanwhile. */
  readonly action?: { readonly label: string; readonly run: (element: LitElement) => void };
}

export interface AppEvents {
  /** The result of something the user started. */
  readonly toast: ToastText;
  /** For screen readers only: the list has changed. */
  readonly announce: { readonly text: string };
  /** Shows a record, and begins an action on it. */
  readonly 'open-record': RecordLink;
  /** Opens the form for a new record, prefilled with `from`. */
  readonly 'new-record': { readonly collection: string; readonly from?: JsonObject };
  readonly 'show-list': ListLink;
  readonly 'close-detail': null;
  /** Goes back to the list; the record stays open beside it. */
  readonly 'leave-detail': null;
  readonly navigate: { readonly screen: Screen; readonly lead?: Lead };
  /** Starts a sync. */
  readonly refresh: null;
  readonly 'cancel-sync': null;
  readonly 'sign-in': null;
  readonly 'settings-saved': { readonly settings: Settings };
}

export function emit<E extends keyof AppEvents>(
  element: EventTarget, name: E, ...[detail]: AppEvents[E] extends null ? [] : [detail: AppEvents[E]]
): void {
  element.dispatchEvent(new CustomEvent(name, { detail: detail ?? null, bubbles: true, composed: true }));
}

/** Shows what a form was opened from. */
export function goBack(element: EventTarget, { back }: Lead): void {
  if ('id' in back) emit(element, 'open-record', back);
  else emit(element, 'show-list', back);
}
