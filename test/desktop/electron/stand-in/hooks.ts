// Lets the desktop's bundles run under Node: `electron` is the stand-in beside this file.
//
// An entry that is loaded as `…?app=<n>` has an Electron of its own, so that one test can start the program several times.
// To be loaded before any of them, by `import` or by `node --import`.

import { registerHooks } from 'node:module';

const standIn = new URL('./electron.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== 'electron') return next(specifier, context);
    const mark = context.parentURL === undefined ? '' : URL.parse(context.parentURL)?.search ?? '';
    return { url: `${standIn}${mark}`, format: 'module-typescript', shortCircuit: true };
  },
});
