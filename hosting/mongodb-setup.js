// Run by mongosh in MongoDB's container as its health check (compose.yaml): succeeds if this node is the primary of its
// one-node replica set and both users exist, and makes what is missing. An interruption leaves what the next run completes.
//
// Until the first user exists, MongoDB lets anyone who connects from the container itself create one; after that nobody.

const { readFileSync } = require('node:fs');

const secret = (name) => readFileSync(`/run/secrets/${name}`, 'utf8').trim();
const admin = db.getSiblingDB('admin');

if (!db.hello().setName) rs.initiate({ _id: 'rs0', members: [{ _id: 0, host: 'mongodb:27017' }] });
for (let tries = 0; tries < 50 && !db.hello().isWritablePrimary; tries += 1) sleep(200);
if (!db.hello().isWritablePrimary) {
  print('The node is not the primary yet.');
  quit(1);
}

const adminPassword = secret('mongodb_admin_password');
try {
  admin.createUser({ user: 'admin', pwd: adminPassword, roles: ['root'] });
} catch (error) {
  if (error.codeName !== 'Unauthorized') throw error; // The user exists already.
}
admin.auth('admin', adminPassword);
if (!admin.getUser('invoify')) {
  admin.createUser({ user: 'invoify', pwd: secret('mongodb_password'), roles: [{ role: 'readWrite', db: 'invoify' }] });
}
