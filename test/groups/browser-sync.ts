// The preview and the window between server and cache, in a real browser.

import { browserGroup } from '../e2e/group.ts';

await browserGroup('e2e/!(window-*).test.ts', 'e2e/window-{offline,stability,sync,writes}.test.ts');
