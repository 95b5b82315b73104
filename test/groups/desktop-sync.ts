// The desktop's sync.

import { group } from '../group.ts';

group('desktop/sync/*.test.ts');
