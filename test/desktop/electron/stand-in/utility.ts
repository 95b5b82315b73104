// `electron` as a utility process sees it: only what Electron declares for such a process.

import type * as Electron from 'electron/utility';

import { network } from './utility-network.ts';

export const { net } = {
  net: {
    fetch: (input: string | Request, init?: RequestInit): Promise<Response> => fetch(input, init),
    isOnline: () => network.isOnline,
  } satisfies { readonly [Name in keyof typeof Electron.net]?: unknown },
} satisfies { readonly [Name in keyof typeof Electron]?: unknown };
