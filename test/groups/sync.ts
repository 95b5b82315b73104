// Random histories and what else shows that desktop and server agree.

import { group } from '../group.ts';

group('sync/*.test.ts');
