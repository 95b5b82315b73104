// What server and desktop share, and the window without a browser.

import { group } from '../group.ts';

group('shared/**/*.test.ts', 'ui/**/!(bundle|i18n).test.ts');
