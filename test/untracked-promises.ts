// Imported before anything else by `npm test`: the test runner follows every timer and socket to know which test an error belongs to,
// but no promise, which would cost one seventh of the whole run. An error that nobody handles still fails its file.

import asyncHooks, { type HookCallbacks } from 'node:async_hooks';

const { createHook } = asyncHooks;
asyncHooks.createHook = (callbacks: HookCallbacks) => createHook({ ...callbacks, trackPromises: false } as HookCallbacks);
