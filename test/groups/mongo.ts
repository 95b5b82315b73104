// The server on MongoDB: adoption, watching and migration, which mostly wait.

import { group } from '../group.ts';

group('server/mongo/!(store).test.ts');
