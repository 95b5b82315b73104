// Shows the window as it is now: starts everything, signs in, and writes a picture into screenshots/ (which Git ignores).
//
//   node test/e2e/look.ts [--invoices 300] [--lang de-DE] [--dark] [--width 1280] [--height 800] [--forced-colors]
//                         [--as owner|editor|viewer|nobody] [--offline] [--path invoices] [--click <selector>]...
//                         [--wait <selector>] [--out name]
//
// `--path` is put behind the `#` of the address; each `--click` is done in turn; what the console said is printed.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { openScene, signIn, untilState, windowApi, type Ending } from './harness.ts';

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
    out: { type: 'string', default: 'window' },
  },
});

const endings: (() => void | Promise<void>)[] = [];
const ending: Ending = { after: (run) => void endings.push(run) };

async function look(): Promise<string> {
  const scene = await openScene({ invoices: Number(values.invoices) });
  try {
    const desktop = await scene.openDesktop(ending);
    const page = await desktop.openPage(ending, {
      lang: values.lang, isDark: values.dark, hasForcedColors: values['forced-colors'],
      width: Number(values.width), height: Number(values.height),
    });
    const who = [scene.owner, scene.editor, scene.viewer].find(({ role }) => role === values.as);
    if (who) await signIn(page, scene, who);
    if (values.offline) {
      await scene.stopServer();
      await windowApi(page).sync.pullFromServer();
      await untilState(page, 'offline', 'unreachable');
    }
    if (values.path !== undefined) await page.goto(`${desktop.preview().origin}/#${values.path}`);
    for (const selector of values.click) await page.click(selector);
    await (values.wait === undefined ? page.waitForLoadState('networkidle', { timeout: 2000 }).catch(() => undefined)
      : page.waitForSelector(values.wait));
    const folder = join(import.meta.dirname, '..', '..', 'screenshots');
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${values.out}.png`);
    await page.screenshot({ path });
    return path;
  } finally {
    const ended = await Promise.allSettled(endings.map((run) => run()));
    for (const end of ended) if (end.status === 'rejected') console.error(String(end.reason));
    await scene.close();
  }
}

console.log(await look());
