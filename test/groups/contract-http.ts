// The wire contract, as requests and answers.

import { group } from '../group.ts';

group('server/contract/!(clock|csv-import|many-servers|migration|process|restored|service|transfer|verify*).test.ts');
