// The events that components send up, each with what it carries. They bubble and leave shadow trees, so that whoever
// stands above may listen, and the root does.

import type { JsonObject } from '../../shared/fields.ts';
import type { Settings } from '../../shared/window/ipc.ts';
import type { ListSelection } from '../../shared/window/views.ts';
import type { Screen } from '../app-state.ts';

export interface AppEvents {
  /** A line about something that a person started. */
  readonly toast: { readonly text: string; readonly tone: 'ok' | 'bad' };
  /** For screen readers only: what is listed has changed. */
  readonly announce: { readonly text: string };
  readonly 'open-record': { readonly collection: string; readonly id: string };
  /** A form for a new record, filled with `from`. */
  readonly 'new-record': { readonly collection: string; readonly from?: JsonObject };
  /** A list with these filters, and what stands for them in the toolbar. */
  readonly 'show-list': {
    readonly collection: string;
    readonly filters: NonNullable<ListSelection['filters']>;
    readonly label: string;
  };
  readonly 'close-detail': null;
  readonly navigate: { readonly screen: Screen };
  /** A person asks for a sync, to stop one, or to sign in again. */
  readonly refresh: null;
  readonly 'cancel-sync': null;
  readonly 'sign-in': null;
  readonly 'dismiss-notice': null;
  readonly 'settings-saved': { readonly settings: Settings };
}

export function emit<E extends keyof AppEvents>(
  element: EventTarget, name: E, ...[detail]: AppEvents[E] extends null ? [] : [detail: AppEvents[E]]
): void {
  element.dispatchEvent(new CustomEvent(name, { detail: detail ?? null, bubbles: true, composed: true }));
}
