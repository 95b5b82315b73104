// The desktop but for its sync and Electron.

import { group } from '../group.ts';

group('desktop/*.test.ts', 'desktop/{cache,files,session}/*.test.ts', 'desktop/preview/!(theft).test.ts');
