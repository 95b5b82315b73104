// `electron` in a utility process: only what Electron declares for one, and of `net` only what the desktop should use:
// `net.fetch` leaves answers that it cannot represent unanswered, and bodies that nobody reads running.

import type * as Electron from 'electron/utility';

import { ClientRequest } from './net.ts';

/**
 * What `net.isOnline()` says, which the parent process sets, and the system's proxy. Requests really go out: a test breaks
 * them on the way, with the gate of test/network.ts.
 */
export const system: { isOnline: boolean; proxy: string | null } = { isOnline: true, proxy: null };

export const { net } = {
  net: {
    request: (options: Electron.ClientRequestConstructorOptions | string) =>
      new ClientRequest(options, system.proxy) as unknown as Electron.ClientRequest,
    isOnline: () => system.isOnline,
  } satisfies Partial<Electron.Net>,
} satisfies { readonly [Name in keyof typeof Electron]?: unknown };
