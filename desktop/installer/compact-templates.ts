// Makes the window's templates smaller, which a minifier leaves alone: styles in css`…` as esbuild's own minifier writes
// them, and no indentation. A template that has a line break in it keeps it, as white space between words.

import { readFile } from 'node:fs/promises';

import { transform, type Plugin } from 'esbuild';

/** Of a style without parts filled in, all between the backticks. */
const styles = /(?<=\bcss`)([^`$]+)(?=`;|`\])/;

/** The window's sources, in `ui` and the folders below it. */
const sources = /[\\/]ui[\\/](?:[\w-]+[\\/])*[\w-]+\.ts$/;

export const compactTemplates: Plugin = {
  name: 'compact-templates',
  setup: ({ onLoad, initialOptions: { target = 'esnext' } }) => onLoad({ filter: sources }, async ({ path }) => {
    const parts = (await readFile(path, 'utf8')).split(styles);
    const warnings = [];
    // Every second part is a style.
    for (let index = 1; index < parts.length; index += 2) {
      const compact = await transform(parts[index] ?? '', { loader: 'css', minify: true, target, sourcefile: path });
      warnings.push(...compact.warnings);
      parts[index] = compact.code.trimEnd();
    }
    return { loader: 'ts', contents: parts.join('').replace(/\n[ \t]+/g, '\n'), warnings };
  }),
};
