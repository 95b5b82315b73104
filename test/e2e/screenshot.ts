// Takes a screenshot of the window: starts everything, signs in, and writes screenshots/window.png (which Git ignores) or
// the file that `--out` names. `npm run picture` makes the README's picture with it.
//
//   node test/e2e/screenshot.ts [--invoices 300] [--lang de-DE] [--dark] [--width 1280] [--height 800] [--forced-colors]
//                               [--as owner|editor|viewer|nobody] [--offline] [--path invoices] [--click <selector>]...
//                               [--wait <selector>] [--out <file.png>]
//
// `--path` goes after the `#` of the address; `--click`s run in order; console errors are printed.

import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

import { startEnv, signIn, waitForState, windowApi, type CleanupScope } from './harness.ts';

const { values } = parseArgs({
  options: {
    invoices: { type: 'string', default: '300' },
    lang: { type: 'string', default: 'en-GB' },
    dark: { type: 'boolean', default: false },
    width: { type: 'string', default: '1280' },
    height: { type: 'string', default: '800' },
    'forced-colors': { type: 'boolean', default: false },
    as: { type: 'string', default: 'owner' },
    offline: { type: 'boolean', default: false },
    path: { type: 'string' },
    click: { type: 'string', multiple: true, default: [] },
    wait: { type: 'string' },
    out: { type: 'string', default: join(import.meta.dirname, '..', '..', 'screenshots', 'window.png') },
  },
});

const cleanups: (() => void | Promise<void>)[] = [];
const scope: CleanupScope = { after: (run) => void cleanups.push(run) };

async function takeScreenshot(): Promise<string> {
  const env = await startEnv({ invoices: Number(values.invoices) });
  try {
    const desktop = await env.openDesktop(scope);
    const page = await desktop.openPage(scope, {
      lang: values.lang, isDark: values.dark, hasForcedColors: values['forced-colors'],
      width: Number(values.width), height: Number(values.height),
    });
    const who = [env.owner, env.editor, env.viewer].find(({ role }) => role === values.as);
    if (who) await signIn(page, env, who);
    if (values.offline) {
      await env.stopServer();
      await windowApi(page).sync.pullFromServer();
      await waitForState(page, 'offline', 'unreachable');
    }
    if (values.path !== undefined) {
      await page.goto(`${desktop.preview().origin}/#${values.path}`);
      // The window reads its address only when it starts.
      await page.reload();
    }
    for (const selector of values.click) await page.click(selector);
    await (values.wait === undefined ? page.waitForLoadState('networkidle', { timeout: 2000 }).catch(() => undefined)
      : page.waitForSelector(values.wait));
    mkdirSync(dirname(values.out), { recursive: true });
    await page.screenshot({ path: values.out });
    return values.out;
  } finally {
    const results = await Promise.allSettled(cleanups.map((run) => run()));
    for (const result of results) if (result.status === 'rejected') console.error(String(result.reason));
    await env.close();
  }
}

console.log(await takeScreenshot());
