// The server but for its wire contract and MongoDB.

import { group } from '../group.ts';

group('server/!(abuse-memory).test.ts', 'server/embedded/*.test.ts');
