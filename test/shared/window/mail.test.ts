// The link of an e-mail: nothing but a `mailto:` link comes of any recipient, subject and text.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { requestParsers } from '../../../shared/window/ipc-requests.ts';
import { mailLink } from '../../../shared/window/mail.ts';

/** The parts of a link as RFC 6068 has them. */
function parts(link: string): { to: string; subject: string | null; body: string | null } {
  const url = new URL(link);
  return { to: decodeURIComponent(url.pathname), subject: url.searchParams.get('subject'), body: url.searchParams.get('body') };
}

describe('the link of an e-mail', () => {
  test('has its recipient, subject and text', () => {
    const link = mailLink({ to: 'a+b@kunde.test', subject: 'Rechnung 1 & mehr?', text: 'Grüße,\nÄ #1 % "x" 🧾' });
    assert.equal(link, 'mailto:a%2Bb@kunde.test?subject=Rechnung%201%20%26%20mehr%3F'
      + '&body=Gr%C3%BC%C3%9Fe%2C%0D%0A%C3%84%20%231%20%25%20%22x%22%20%F0%9F%A7%BE');
    assert.deepEqual(parts(link), { to: 'a+b@kunde.test', subject: 'Rechnung 1 & mehr?', body: 'Grüße,\r\nÄ #1 % "x" 🧾' });
    assert.equal(mailLink({ to: '', subject: 'x', text: 'y' }), 'mailto:?subject=x&body=y');
  });

  test('is of one e-mail program and of one length, whatever the texts hold', () => {
    const anything = fc.oneof(fc.string({ unit: 'binary', maxLength: 3000 }), fc.string({ unit: 'grapheme', maxLength: 300 }));
    fc.assert(fc.property(anything, anything, (subject, text) => {
      const link = mailLink({ to: 'a@kunde.test', subject, text });
      assert.match(link, /^mailto:a@kunde\.test\?subject=(?:[\w.~-]|%[0-9A-F]{2})*&body=(?:[\w.~-]|%[0-9A-F]{2})*$/);
      assert(link.length <= 2081);
      assert.equal(parts(link).to, 'a@kunde.test');
    }), { numRuns: 50 });
  });

  test('is refused for a recipient that is not an address, or is several', () => {
    for (const to of ['x', 'a@b.test,c@d.test', 'a@b.test?bcc=c@d.test', 'a@b.test\n', 'https://evil.example/@x y', '-a b@c.test']) {
      assert.throws(() => mailLink({ to, subject: '', text: '' }), { code: 'invalid_request' }, to);
    }
  });

  test('is made only from a request whose text has a bounded length', () => {
    const parse = requestParsers['app.openEmail'];
    assert.deepEqual(parse({ to: '', subject: 'x', text: 'y', url: 'file:///etc' }), { to: '', subject: 'x', text: 'y' });
    for (const request of [
      null, {}, { to: 'a@b.test' }, { to: 7, subject: 'x', text: 'y' }, { to: '', subject: '', text: 'y' },
      { to: '', subject: 'x', text: '' },
      { to: 'a'.repeat(321), subject: 'x', text: 'y' }, { to: '', subject: 'x'.repeat(1001), text: 'y' },
      { to: '', subject: 'x', text: 'y'.repeat(10_001) }, { to: ['a@b.test'], subject: 'x', text: 'y' },
    ]) assert.throws(() => parse(request), { code: 'invalid_request' }, JSON.stringify(request));
  });
});
