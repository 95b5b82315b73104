// The link of a phone number: digits and nothing else come of what people write.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { requestParsers } from '../../../shared/window/ipc-requests.ts';
import { phoneLink, requirePhoneLink } from '../../../shared/window/phone.ts';

describe('the link of a phone number', () => {
  test('has the number as people write it', () => {
    const numbers = {
      '+49 (0) 30 / 123 45-67': 'tel:+49301234567', '030 1234, ext. 5': 'tel:0301234', '(555) 010-0199': 'tel:5550100199',
      '\u202a+44 20 7946\u00a00000\u202c': 'tel:+442079460000', '０３-１２３４': 'tel:031234', '112': 'tel:112', '0 30 12': 'tel:03012',
    };
    for (const [text, link] of Object.entries(numbers)) assert.equal(phoneLink(text), link, text);
  });

  test('is refused for what is not a number', () => {
    const others = ['', '12', 'call me', '*21*0301234#', '030#1', '#31#0301234', 'tel:030123', '1'.repeat(21), '+', 'javascript:1234'];
    for (const text of others) {
      assert.equal(phoneLink(text), null, text);
      assert.throws(() => requirePhoneLink(text), { code: 'invalid_request' }, text);
    }
  });

  test('is one of digits, whatever the text is', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.stringMatching(/^[+\d ()*#;,/a-z=?&:-]{0,40}$/));
    fc.assert(fc.property(text, (number) => {
      assert.match(phoneLink(number) ?? 'tel:000', /^tel:\+?\d{3,20}$/);
    }), { numRuns: 300 });
  });

  test('is made only from a request whose text has a bounded length', () => {
    const parse = requestParsers['app.openPhone'];
    assert.deepEqual(parse({ number: '030', url: 'file:///etc' }), { number: '030' });
    for (const request of [null, {}, { number: 7 }, { number: '' }, { number: '1'.repeat(101) }]) {
      assert.throws(() => parse(request), { code: 'invalid_request' }, JSON.stringify(request));
    }
  });
});
