// An esbuild plugin that minifies the window's templates, which minifiers leave alone: minifies styles in css`…` with esbuild,
// and removes indentation. Line breaks in templates stay, since they may separate words.

import { readFile } from 'node:fs/promises';

import { transform, type Plugin } from 'esbuild';

/** A style without expressions: everything between the backticks. */
const styles = /(?<=\bcss`)([^`$]+)(?=`;|`\])/;

/** The window's sources, in `ui` and its subfolders. */
const sources = /[\\/]ui[\\/](?:[\w-]+[\\/])*[\w-]+\.ts$/;

export const compactTemplates: Plugin = {
  name: 'compact-templates',
  setup: ({ onLoad, initialOptions: { target = 'esnext' } }) => onLoad({ filter: sources }, async ({ path }) => {
    const parts = (await readFile(path, 'utf8')).split(styles);
    const warnings = [];
    // Every second part is a style, as `split` includes the captured group.
    for (let index = 1; index < parts.length; index += 2) {
      const compact = await transform(parts[index] ?? '', { loader: 'css', minify: true, target, sourcefile: path });
      warnings.push(...compact.warnings);
      parts[index] = compact.code.trimEnd();
    }
    return { loader: 'ts', contents: parts.join('').replace(/\n[ \t]+/g, '\n'), warnings };
  }),
};
