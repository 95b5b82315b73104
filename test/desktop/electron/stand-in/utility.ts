// `electron` in a utility process: only what Electron declares for one.

import type * as Electron from 'electron/utility';

/**
 * What `net.isOnline()` says; set by the parent process. Requests really go out: a test breaks them on the way, with the
 * gate of test/network.ts.
 */
export const system = { isOnline: true };

export const { net } = {
  net: {
    fetch: (input: string | Request, init?: RequestInit): Promise<Response> => fetch(input, init),
    isOnline: () => system.isOnline,
  } satisfies { readonly [Name in keyof typeof Electron.net]?: unknown },
} satisfies { readonly [Name in keyof typeof Electron]?: unknown };
