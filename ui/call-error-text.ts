// What went wrong with a call, in the language of the person where the catalogue knows it and in the server's words where
// those say more.

import type { CallError } from '../shared/ipc.ts';
import { isKey, tryText } from './i18n.ts';
import type { FlowError } from './record-flow.ts';

/** What went wrong, and what to do. */
export function callErrorText({ code, message }: CallError | FlowError): string {
  return isKey(`error.${code}`) ? tryText('error', code) : message;
}
