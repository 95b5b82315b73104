// Imported before anything else by `npm test`. The test runner follows every timer, socket and promise to know which test an error
// belongs to that nobody handles; to follow promises takes a tenth of the whole run. Here it follows all but those, and such an error
// ends its process at once, and every file in it has then failed.

import asyncHooks, { type HookCallbacks } from 'node:async_hooks';

const { createHook } = asyncHooks;

/** Called by the runner alone, when it begins. */
asyncHooks.createHook = (callbacks: HookCallbacks) => {
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (error: unknown) => {
      console.error(`${event}:`, error);
      process.exit(1);
    });
  }
  return createHook({ ...callbacks, trackPromises: false });
};
