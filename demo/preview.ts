// The window in a browser tab, for a server of one's own: prints a link that opens it once. The data stays in its folder, the token in
// memory.
//
//   npm run preview -- [--data <folder>]     by default `.invoify-preview` in the user's home folder

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { startWindow } from './window.ts';

const { values } = parseArgs({ options: { data: { type: 'string', default: join(homedir(), '.invoify-preview') } } });

const folder = resolve(values.data);
const preview = await startWindow(folder);
process.stdout.write(`Its data is in ${folder}. Ctrl+C ends it. This link opens the window, once:\n${preview.newLink()}\n`);
const quit = (): void => void preview.close().then(() => process.exit(0));
process.once('SIGINT', quit).once('SIGTERM', quit);
