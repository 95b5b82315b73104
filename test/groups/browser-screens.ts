// The window's screens in a real browser. Among the first of the groups, because the browser's take the longest.

import { browserGroup } from '../e2e/group.ts';

await browserGroup('e2e/window-!(offline|stability|sync|writes).test.ts');
