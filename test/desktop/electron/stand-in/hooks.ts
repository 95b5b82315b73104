// Lets the desktop's bundles run under Node: `electron` resolves to the stand-in beside this file.
//
// An entry loaded as `…?app=<n>` gets its own Electron, so one test can start the program several times. Import this first.

import { registerHooks } from 'node:module';

const standIn = new URL('./electron.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== 'electron') return next(specifier, context);
    const query = context.parentURL === undefined ? '' : URL.parse(context.parentURL)?.search ?? '';
    return { url: `${standIn}${query}`, format: 'module-typescript', shortCircuit: true };
  },
});
