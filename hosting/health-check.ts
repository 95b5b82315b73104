// The container's health check: exits 0 if the server in this container answers, otherwise 1. It asks over loopback, so it does
// not check whose name the certificate has.

import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

const { PORT, TLS_CERT } = process.env;
const where = { host: '127.0.0.1', port: PORT || 4380, path: '/api/health', timeout: 4000 };
const request = TLS_CERT ? requestHttps({ ...where, rejectUnauthorized: false }) : requestHttp(where);
request
  .on('response', (response) => process.exit(response.statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1))
  .end();
