CREATE TABLE account (
  account_id TEXT PRIMARY KEY,
  clock INTEGER NOT NULL,
  horizon INTEGER NOT NULL,
  digest TEXT NOT NULL,
  numbers TEXT NOT NULL
, epoch TEXT NOT NULL DEFAULT '', audited INTEGER NOT NULL DEFAULT 0, paused_ms INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE record (
  row_id INTEGER PRIMARY KEY,
  account_id TEXT NOT NULL,
  collection TEXT NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  payload TEXT,
  secret TEXT,
  refs TEXT NOT NULL,
  UNIQUE (account_id, collection, id)
) STRICT;
CREATE UNIQUE INDEX record_feed ON record (account_id, at);
CREATE INDEX record_tombstone ON record (account_id, at) WHERE payload IS NULL;
CREATE TABLE reference (
  account_id TEXT NOT NULL,
  collection TEXT NOT NULL,
  target_id TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (account_id, collection, target_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE directory (
  email TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  user_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE session (
  account_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  full_pull_from INTEGER NOT NULL, device TEXT, created_at_ms INTEGER NOT NULL DEFAULT 0, last_seen_at_ms INTEGER NOT NULL DEFAULT 0, synced_to INTEGER NOT NULL DEFAULT 0, token_id TEXT NOT NULL DEFAULT '', is_token_used INTEGER NOT NULL DEFAULT 1, previous_token_id TEXT, previous_ends_at_ms INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, session_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE answer (
  account_id TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  body TEXT NOT NULL,
  kept_at_ms INTEGER NOT NULL,
  PRIMARY KEY (account_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_age ON answer (account_id, kept_at_ms);
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
  account_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  entry TEXT NOT NULL,
  PRIMARY KEY (account_id, number)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'audit entries are never changed'); END;
CREATE TRIGGER audit_loses_the_oldest_only BEFORE DELETE ON audit
WHEN OLD.number > (SELECT min(number) FROM audit WHERE account_id = OLD.account_id)
BEGIN SELECT raise(ABORT, 'only the oldest audit entries are removed'); END;
CREATE TABLE sign_in_counter (
  key TEXT PRIMARY KEY,
  count INTEGER NOT NULL,
  ends_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX account_clock ON account (clock);
INSERT INTO account VALUES ('69a42a400000000000000001', 1772366640000004, 0, '{"users":{"count":2,"sum":5883431987},"plans":{"count":1,"sum":2065087461},"customers":{"count":3,"sum":6617041617},"invoices":{"count":6,"sum":13214872511}}', '{"INV-2026":4,"INV-2025":1}', '7CWH14S61DbpaKWv', 27, 0);
INSERT INTO account VALUES ('69a42a400000000000000010', 1772366700000002, 0, '{"users":{"count":1,"sum":4096028306},"customers":{"count":1,"sum":1619274105}}', '{}', 'HwtCdvU1dwlTTnlK', 3, 0);
INSERT INTO record VALUES (1, '69a42a400000000000000001', 'users', '69a42a400000000000000002', 1772366400000001, '{"email":"owner@first.test","name":"owner","role":"owner","disabled":false}', '{"passwordHash":"$argon2id$v=19$m=8,t=1,p=1$M2a75qgjEPYY5u8i8y6nHw$hFRL+4TspAgsht2gX0O4MfLacUlg2RtzU6WtQNLp5no"}', '[]');
INSERT INTO record VALUES (2, '69a42a400000000000000001', 'users', '69a42a7c0000000000000003', 1772366460000000, '{"email":"editor@first.test","name":"Ed","role":"editor","disabled":false}', '{"passwordHash":"$argon2id$v=19$m=8,t=1,p=1$Y8Isvog49SrDEFFzmSCiuw$yL3gOrcJUtTs+4zf0U8HA7w3o/cMqdTNL4GAEsaB6sI"}', '[]');
INSERT INTO record VALUES (3, '69a42a400000000000000001', 'plans', '69a42ab80000000000000004', 1772366520000000, '{"name":"Hosting","priceMinor":1900,"currency":"EUR","interval":"month","active":true}', NULL, '[]');
INSERT INTO record VALUES (4, '69a42a400000000000000001', 'customers', '69a42ab80000000000000005', 1772366640000003, '{"name":"Café Müller GmbH","contact":"Zoë","email":"zoe@cafe.test","phone":"+49 30 1","address":{"street":"Neue Str. 2","city":"Berlin","country":"DE"},"taxId":"DE123","currency":"EUR","planId":"69a42ab80000000000000004","notes":"Pays late.\nCall first."}', NULL, '["69a42ab80000000000000004"]');
INSERT INTO record VALUES (5, '69a42a400000000000000001', 'customers', '69a42ab80000000000000006', 1772366520000002, '{"name":"Plain Ltd","currency":"GBP"}', NULL, '[]');
INSERT INTO record VALUES (6, '69a42a400000000000000001', 'customers', '69a42ab80000000000000007', 1772366640000000, NULL, NULL, '[]');
INSERT INTO record VALUES (7, '69a42a400000000000000001', 'invoices', '69a42af40000000000000008', 1772366580000000, '{"customerId":"69a42ab80000000000000005","customerName":"Café Müller","status":"draft","issueDate":"2026-01-15","dueDate":"2026-02-14","currency":"EUR","lines":[{"description":"Work","quantityMilli":1000,"unitPriceMinor":10000,"taxRateBp":1900},{"description":"Book","quantityMilli":1500,"unit":"pcs","unitPriceMinor":10000,"taxRateBp":0}],"notes":"Thank you!","subtotalMinor":25000,"taxes":[{"rateBp":0,"netMinor":15000,"taxMinor":0},{"rateBp":1900,"netMinor":10000,"taxMinor":1900}],"totalMinor":26900,"paidMinor":0,"payments":[]}', NULL, '["69a42ab80000000000000005"]');
INSERT INTO record VALUES (8, '69a42a400000000000000001', 'invoices', '69a42af40000000000000009', 1772366580000002, '{"number":"INV-2026-00001","customerId":"69a42ab80000000000000005","customerName":"Café Müller","status":"sent","issueDate":"2026-01-15","dueDate":"2026-02-14","currency":"EUR","lines":[{"description":"Work","quantityMilli":1000,"unitPriceMinor":10000,"taxRateBp":1900}],"notes":"Please pay.","subtotalMinor":10000,"taxes":[{"rateBp":1900,"netMinor":10000,"taxMinor":1900}],"totalMinor":11900,"paidMinor":0,"payments":[]}', NULL, '["69a42ab80000000000000005"]');
INSERT INTO record VALUES (9, '69a42a400000000000000001', 'invoices', '69a42af4000000000000000a', 1772366580000006, '{"number":"INV-2026-00002","customerId":"69a42ab80000000000000005","customerName":"Café Müller","status":"sent","issueDate":"2026-01-15","dueDate":"2026-02-01","currency":"EUR","lines":[{"description":"Work","quantityMilli":1000,"unitPriceMinor":10000,"taxRateBp":1900},{"description":"Work","quantityMilli":1000,"unitPriceMinor":5000,"taxRateBp":700}],"subtotalMinor":15000,"taxes":[{"rateBp":700,"netMinor":5000,"taxMinor":350},{"rateBp":1900,"netMinor":10000,"taxMinor":1900}],"totalMinor":17250,"paidMinor":1500,"payments":[{"amountMinor":1000,"paidOn":"2026-01-20"},{"amountMinor":500,"paidOn":"2026-01-21"}]}', NULL, '["69a42ab80000000000000005"]');
INSERT INTO record VALUES (10, '69a42a400000000000000001', 'invoices', '69a42af4000000000000000b', 1772366580000009, '{"number":"INV-2026-00003","customerId":"69a42ab80000000000000006","customerName":"Plain Ltd","status":"paid","issueDate":"2026-01-15","dueDate":"2026-02-14","currency":"GBP","lines":[{"description":"Work","quantityMilli":1000,"unitPriceMinor":10000,"taxRateBp":0}],"subtotalMinor":10000,"taxes":[{"rateBp":0,"netMinor":10000,"taxMinor":0}],"totalMinor":10000,"paidMinor":10000,"payments":[{"amountMinor":10000,"paidOn":"2026-01-31"}]}', NULL, '["69a42ab80000000000000006"]');
INSERT INTO record VALUES (11, '69a42a400000000000000001', 'invoices', '69a42af4000000000000000c', 1772366580000012, '{"number":"INV-2026-00004","customerId":"69a42ab80000000000000005","customerName":"Café Müller","status":"void","issueDate":"2026-01-15","dueDate":"2026-02-14","currency":"EUR","lines":[{"description":"Work","quantityMilli":1000,"unitPriceMinor":10000,"taxRateBp":1900}],"subtotalMinor":10000,"taxes":[{"rateBp":1900,"netMinor":10000,"taxMinor":1900}],"totalMinor":11900,"paidMinor":0,"payments":[]}', NULL, '["69a42ab80000000000000005"]');
INSERT INTO record VALUES (12, '69a42a400000000000000001', 'invoices', '69a42af4000000000000000d', 1772366580000014, '{"number":"INV-2025-00001","customerId":"69a42ab80000000000000005","customerName":"Café Müller","status":"paid","issueDate":"2025-12-31","dueDate":"2026-02-14","currency":"EUR","lines":[{"description":"Work","quantityMilli":1000,"unitPriceMinor":0,"taxRateBp":1900}],"subtotalMinor":0,"taxes":[{"rateBp":1900,"netMinor":0,"taxMinor":0}],"totalMinor":0,"paidMinor":0,"payments":[]}', NULL, '["69a42ab80000000000000005"]');
INSERT INTO record VALUES (13, '69a42a400000000000000001', 'invoices', '69a42b30000000000000000e', 1772366640000002, NULL, NULL, '[]');
INSERT INTO record VALUES (14, '69a42a400000000000000001', 'customers', '69a42b30000000000000000f', 1772366640000004, '{"name":"Once","currency":"EUR"}', NULL, '[]');
INSERT INTO record VALUES (15, '69a42a400000000000000010', 'users', '69a42a400000000000000011', 1772366700000001, '{"email":"owner@second.test","name":"owner","role":"owner","disabled":false}', '{"passwordHash":"$argon2id$v=19$m=8,t=1,p=1$dAOT1d8W29YHFub8ZJBKMQ$pltgDOFlmH1HSdPhxgAbcSgLUY/wUp0hlfWqrKGgw7U"}', '[]');
INSERT INTO record VALUES (16, '69a42a400000000000000010', 'customers', '69a42b6c0000000000000012', 1772366700000002, '{"name":"Second","currency":"EUR","notes":"n"}', NULL, '[]');
INSERT INTO reference VALUES ('69a42a400000000000000001', 'customers', '69a42ab80000000000000004', '69a42ab80000000000000005');
INSERT INTO reference VALUES ('69a42a400000000000000001', 'invoices', '69a42ab80000000000000005', '69a42af40000000000000008');
INSERT INTO reference VALUES ('69a42a400000000000000001', 'invoices', '69a42ab80000000000000005', '69a42af40000000000000009');
INSERT INTO reference VALUES ('69a42a400000000000000001', 'invoices', '69a42ab80000000000000005', '69a42af4000000000000000a');
INSERT INTO reference VALUES ('69a42a400000000000000001', 'invoices', '69a42ab80000000000000005', '69a42af4000000000000000c');
INSERT INTO reference VALUES ('69a42a400000000000000001', 'invoices', '69a42ab80000000000000005', '69a42af4000000000000000d');
INSERT INTO reference VALUES ('69a42a400000000000000001', 'invoices', '69a42ab80000000000000006', '69a42af4000000000000000b');
INSERT INTO directory VALUES ('editor@first.test', '69a42a400000000000000001', '69a42a7c0000000000000003');
INSERT INTO directory VALUES ('owner@first.test', '69a42a400000000000000001', '69a42a400000000000000002');
INSERT INTO directory VALUES ('owner@second.test', '69a42a400000000000000010', '69a42a400000000000000011');
INSERT INTO session VALUES ('69a42a400000000000000001', '16d6b8b2f478eb5e93c0aadd2b725c5d', '69a42a400000000000000002', 1787918400000, 0, NULL, 1772366400000, 1772366700000, 1772366640000004, 'N-VkBgZxSOPA', 1, NULL, 0);
INSERT INTO session VALUES ('69a42a400000000000000010', 'c4980daa7e082653ce702510931a5dfb', '69a42a400000000000000011', 1787918700000, 0, NULL, 1772366700000, 1772366700000, 0, 'VjVmn3TABxkC', 1, NULL, 0);
INSERT INTO answer VALUES ('69a42a400000000000000001', '69a42a400000000000000002 one', 'YmKgl6JQd9I7jQc3AKD7-mTbDR5PER782k8v9fl-Dtk', '{"id":"69a42b30000000000000000f","updatedAt":"2026-03-01T12:04:00.000004Z","payload":{"name":"Once","currency":"EUR"}}', 1772366640000);
INSERT INTO setting VALUES ('fingerprint_key', 'iyC5Qfhx5_mxJmTYqa4n9KVitK5fTYhWHapFzZ_Sz4U');
INSERT INTO audit VALUES ('69a42a400000000000000001', 1, 1772366400000001, '{"action":"create","actor":"admin","email":null,"session":null,"peer":null,"request":null,"collection":"users","record":"69a42a400000000000000002","fields":["email","name","role","disabled","password"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 2, 1772366400000001, '{"action":"sign-in","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"de452f5d-058c-44da-9aa1-86899e80ee7a","collection":"sessions","record":"16d6b8b2f478eb5e93c0aadd2b725c5d","fields":[]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 3, 1772366460000000, '{"action":"create","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"f0588124-6e86-41f9-ba7b-4f4e4b720f81","collection":"users","record":"69a42a7c0000000000000003","fields":["email","name","role","disabled","password"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 4, 1772366520000000, '{"action":"create","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"ae5f6cc9-3664-4004-8c07-8cc64380e309","collection":"plans","record":"69a42ab80000000000000004","fields":["name","priceMinor","currency","interval","active"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 5, 1772366520000001, '{"action":"create","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"a53766a0-25c2-4d2d-b56b-f59bfc2388ac","collection":"customers","record":"69a42ab80000000000000005","fields":["name","contact","email","phone","address","taxId","currency","planId","notes"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 6, 1772366520000002, '{"action":"create","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"ea98ca9f-b04a-44a4-9690-3d341c8c3bb0","collection":"customers","record":"69a42ab80000000000000006","fields":["name","currency"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 7, 1772366520000003, '{"action":"create","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"22a0d5a2-01f2-49f0-9365-43a4c93b7312","collection":"customers","record":"69a42ab80000000000000007","fields":["name","currency"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 8, 1772366580000000, '{"action":"create","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"1eae88f3-90f7-41a9-a657-44e634ee08fc","collection":"invoices","record":"69a42af40000000000000008","fields":["customerId","customerName","status","issueDate","dueDate","currency","lines","notes","subtotalMinor","taxes","totalMinor","paidMinor","payments"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 9, 1772366580000001, '{"action":"create","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"a6f42798-9daa-446b-a928-d65fdd09a2d0","collection":"invoices","record":"69a42af40000000000000009","fields":["customerId","customerName","status","issueDate","dueDate","currency","lines","notes","subtotalMinor","taxes","totalMinor","paidMinor","payments"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 10, 1772366580000002, '{"action":"send","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"28b8a2b6-05c1-412b-ab67-8f99599db80b","collection":"invoices","record":"69a42af40000000000000009","fields":["number","status"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 11, 1772366580000003, '{"action":"create","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"174ec7f2-9757-4eb6-8189-4d368523fd2d","collection":"invoices","record":"69a42af4000000000000000a","fields":["customerId","customerName","status","issueDate","dueDate","currency","lines","subtotalMinor","taxes","totalMinor","paidMinor","payments"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 12, 1772366580000004, '{"action":"send","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"6cfd0c45-333e-4c31-98d6-11cc87bc1f56","collection":"invoices","record":"69a42af4000000000000000a","fields":["number","status"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 13, 1772366580000005, '{"action":"payments","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"d027fb72-2d2b-4112-b137-847a287dc738","collection":"invoices","record":"69a42af4000000000000000a","fields":["paidMinor","payments"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 14, 1772366580000006, '{"action":"payments","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"52fcf668-a18a-4d32-88cf-18950a1beecc","collection":"invoices","record":"69a42af4000000000000000a","fields":["paidMinor","payments"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 15, 1772366580000007, '{"action":"create","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"3c2aa045-deee-4603-9e40-5d93c6a103c4","collection":"invoices","record":"69a42af4000000000000000b","fields":["customerId","customerName","status","issueDate","dueDate","currency","lines","subtotalMinor","taxes","totalMinor","paidMinor","payments"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 16, 1772366580000008, '{"action":"send","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"80abc25d-3fb6-4fa5-b5b3-7343a688da95","collection":"invoices","record":"69a42af4000000000000000b","fields":["number","status"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 17, 1772366580000009, '{"action":"payments","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"471d43d8-946d-4520-b49d-60f802e7ac44","collection":"invoices","record":"69a42af4000000000000000b","fields":["status","paidMinor","payments"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 18, 1772366580000010, '{"action":"create","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"231623f0-2cef-4399-99eb-3d293b540306","collection":"invoices","record":"69a42af4000000000000000c","fields":["customerId","customerName","status","issueDate","dueDate","currency","lines","subtotalMinor","taxes","totalMinor","paidMinor","payments"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 19, 1772366580000011, '{"action":"send","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"25af97cb-e9e3-4509-bef0-f3a945af0c50","collection":"invoices","record":"69a42af4000000000000000c","fields":["number","status"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 20, 1772366580000012, '{"action":"void","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"bcda528e-0479-4d36-b440-74154640d83b","collection":"invoices","record":"69a42af4000000000000000c","fields":["status"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 21, 1772366580000013, '{"action":"create","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"e59b05ce-656f-4f39-b408-05b5699fc6c2","collection":"invoices","record":"69a42af4000000000000000d","fields":["customerId","customerName","status","issueDate","dueDate","currency","lines","subtotalMinor","taxes","totalMinor","paidMinor","payments"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 22, 1772366580000014, '{"action":"send","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"906d8e3b-024e-4eba-b671-7e0a9438b681","collection":"invoices","record":"69a42af4000000000000000d","fields":["number","status"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 23, 1772366640000000, '{"action":"delete","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"1d5f7545-d02e-4f4d-a279-86973fd61758","collection":"customers","record":"69a42ab80000000000000007","fields":[]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 24, 1772366640000001, '{"action":"create","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"5ca9ab64-d2ca-4083-bdf8-870dee451619","collection":"invoices","record":"69a42b30000000000000000e","fields":["customerId","customerName","status","issueDate","dueDate","currency","lines","subtotalMinor","taxes","totalMinor","paidMinor","payments"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 25, 1772366640000002, '{"action":"delete","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"b8229eee-003b-4f43-9dd0-302de5688249","collection":"invoices","record":"69a42b30000000000000000e","fields":[]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 26, 1772366640000003, '{"action":"update","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"570b0156-0fc3-419e-8754-6ac00e9a5e1b","collection":"customers","record":"69a42ab80000000000000005","fields":["name","address"]}');
INSERT INTO audit VALUES ('69a42a400000000000000001', 27, 1772366640000004, '{"action":"create","actor":"69a42a400000000000000002","email":"owner@first.test","session":"16d6b8b2f478eb5e93c0aadd2b725c5d","peer":"127.0.0.1","request":"0b5894e4-b712-456d-8a8d-a5add6521c2f","collection":"customers","record":"69a42b30000000000000000f","fields":["name","currency"]}');
INSERT INTO audit VALUES ('69a42a400000000000000010', 1, 1772366700000001, '{"action":"create","actor":"admin","email":null,"session":null,"peer":null,"request":null,"collection":"users","record":"69a42a400000000000000011","fields":["email","name","role","disabled","password"]}');
INSERT INTO audit VALUES ('69a42a400000000000000010', 2, 1772366700000001, '{"action":"sign-in","actor":"69a42a400000000000000011","email":"owner@second.test","session":"c4980daa7e082653ce702510931a5dfb","peer":"127.0.0.1","request":"8a3dee74-34f1-47b0-ab32-a533c074f375","collection":"sessions","record":"c4980daa7e082653ce702510931a5dfb","fields":[]}');
INSERT INTO audit VALUES ('69a42a400000000000000010', 3, 1772366700000002, '{"action":"create","actor":"69a42a400000000000000011","email":"owner@second.test","session":"c4980daa7e082653ce702510931a5dfb","peer":"127.0.0.1","request":"a45164a0-4659-45ee-a9c3-49b3d5d54992","collection":"customers","record":"69a42b6c0000000000000012","fields":["name","currency","notes"]}');
INSERT INTO sign_in_counter VALUES ('account 26565', 0, 1772367600000);
INSERT INTO sign_in_counter VALUES ('account 51833', 0, 1772367300000);
INSERT INTO sign_in_counter VALUES ('known 15523 15857951', 1, 1806926400000);
INSERT INTO sign_in_counter VALUES ('known 9872 11978866', 1, 1806926700000);
INSERT INTO sign_in_counter VALUES ('network 29584', 0, 1772367300000);
PRAGMA application_id = 1231976051;
PRAGMA user_version = 6;
