// The wire contract: which bodies are JSON (RFC 8259). The cases are those of nst/JSONTestSuite (test_parsing), written
// anew: what it accepts must be parsed, what it rejects is 400, and what a parser may decide is never a fault of the server.
//
// All stores share the parser, so one of them is enough.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertError, type Reply } from '../../client.ts';
import { embedded, startServer, type TestServer } from '../harness.ts';

/** Each character is one byte. */
type Bytes = string;

const accepted: Readonly<Record<string, readonly Bytes[]>> = {
  arrays: [
    '[]', '[[]  ]', '[""]', '["b"]\n', '["b"]', '[false]', '[true]', '[null]', '[null, 2, "2", {}]', '[2\n]', ' [2]', '[3] ',
    '[2,null,null,null,3]', ' [] ', '[[[[]]], [{}]]', '[\t1\r\n,\t2 ]',
  ],
  numbers: [
    '[45]', '[0]', '[0e1]', '[0e+2]', '[0E-3]', '[ 5]', `[-0.${'0'.repeat(78)}1]`, '[30e1]', '[-0]', '[-45]', '[-2]', '[-0.0]', '[2E22]',
    '[2E-2]', '[2E+2]', '[45e45]', '[45.678e78]', '[2e-2]', '[2e+2]', '[45.678901]', '[45e65]', '[1.0]', '[10]', '[9007199254740993]',
  ],
  objects: [
    '{"qwe":"rty"}', '{"qwe":"rty", "uio":"pas"}', '{"c":"d","c":"e"}', '{"c":"d","c":"d"}', '{}', '{"":1}', '{"qwe\\u0000rty": 7}',
    '{ "least": -2.0e+28, "most": 2.0e+28 }', `{"y":[{"key": "${'y'.repeat(40)}"}], "key": "${'y'.repeat(40)}"}`, '{"c":[]}',
    '{"name":"\\u0418\\u043c\\u044f \\u0438 \\u0444" }', '{\n"c": "d"\n}', '{"__proto__":{"x":1}}', '{"c":{"d":{"e":[]}}}',
  ],
  strings: [
    '["\\u0061\\u013b\\u13Bc"]', '["\\uD802\\udc38"]', '["\\ud83d\\ude3a\\ud83d\\udc8e"]', '["\\"\\\\\\/\\b\\f\\n\\r\\t"]',
    '["\\\\u0000"]', '["\\""]', '["b/*c*/d/*e//f"]', '["\\\\b"]', '["\\\\r"]', '["\\u0013"]', '["\\uFFFF"]', '["qwe"]', '[ "qwe"]',
    '["\\uDBFF\\uDFFF"]', '["old\\u00A0row"]', '["\xf4\x8f\xbf\xbf"]', '["\xef\xbf\xbf"]', '["\\u0000"]', '["\\u002d"]',
    '["\xcf\x81"]', '["\xf0\x9b\xbf\xbf"]', '["qwe "]', '" "', '["\\uD834\\uDd1f"]', '["\\u0822"]', '["\\u0124"]',
    '["\xe2\x80\xa8"]', '["\xe2\x80\xa9"]', '["\\u0062\\u30ab\\u30Cd\\u30b0"]', '["old\\u000Arow"]', '["\x7f"]', '["\\uA66E"]',
    '["\\u005c"]', '["\xe2\x8d\x83\xe3\x88\xb5\xe2\x8d\x83"]', '["\\uDBFF\\uDFFE"]', '["\\uD83F\\uDFFF"]', '["\\u200B"]', '["\\u2064"]',
    '["\\uFDD1"]', '["\\uFFFE"]', '["\\u0022"]', '["\xe2\x82\xac\xf0\x9d\x84\x9f"]', '["b\x7fb"]', '["\xed\x9f\xbf"]', '["\xee\x80\x80"]',
  ],
  values: ['false', '43', '-0.2', 'null', '"qwe"', 'true', '""', '\t\r\n 1 \n\r\t'],
};

const rejected: Readonly<Record<string, readonly Bytes[]>> = {
  arrays: [
    '[2 true]', '[b\xe5]', '["": 2]', '["q"],', '[,2]', '[2,,3]', '["y",,]', '["y"]]', '["q",]', '["y"', '[y', '[4[5]]', '[\xff]',
    '[2:3]', '[,]', '[-]', '[   , "q"]', '["b",\n5\n,2,', '[2,]', '[2,,]', '["\x0bb"\\f]', '[+]', '[""', '[2,', '[2,\n2\n,2', '[{}',
    '[4 5]', '[{}{}]', '[]]', '[[]',
  ],
  literals: [
    '[fal]', '[nu]', '[tr]', '[True]', '[FALSE]', '[Null]', '[nil]', '[undefined]', '[truefalse]', 'nulll', 'tru', 'fals', 'nul', 't',
  ],
  numbers: [
    '45\x00', '[++45]', '[+2]', '[+Inf]', '[-02]', '[-2.0.]', '[-3.]', '[-NaN]', '[.-2]', '[.3e-3]', '[0.2.3]', '[0.4e+]', '[0.4e]',
    '[0.e2]', '[0E+]', '[0E]', '[0e+]', '[0e]', '[2.0e+]', '[2.0e-]', '[2.0e]', '[2 000.0]', '[2eE3]', '[3.e+3]', '[3.e-3]', '[3.e3]',
    '[8.e+]', '[Inf]', '[NaN]', '[\xef\xbc\x92]', '[2+3]', '[0x2]', '[0x43]', '[Infinity]', '[0e+-2]', '[-45.678bar]', '[45\xe5]',
    '[2e2\xe5]', '[0\xe5]\n', '[-Infinity]', '[-bar]', '[- 2]', '[-013]', '[-.45]', '[-2y]', '[2eb]', '[2e\xe5]', '[2.]', '[.45]',
    '[2.3b-4]', '[2.801H-308]', '[013]', '-', '00', '1e', '.5', '1_000', '1n', '0b1', '0o7', '\xd9\xa1',
  ],
  objects: [
    '["y", verity]', '{[: "y"}\n', '{"y", null}', '{"y"::"c"}', '{\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa}', '{"c":"c" 45}',
    '{qwe: \'rty\'}', '{"\xb8":"1",}', '{"c" d}', '{:"c"}', '{"c" "d"}', '{"c":', '{"c"', '{2:2}', '{8888E8888:2}',
    '{null:null,null:null}', '{"no":1,,,,,}', '{\'c\':1}', '{"no":1,}', '{"c":"d"}/**/', '{"c":"d"}/**//', '{"c":"d"}//',
    '{"c":"d"}/', '{"c":"d",,"e":"f"}', '{c: "d"}', '{"c":"c', '{ "bar" : "baz", "c" }', '{"c":"d"}#', '{,"c":1}', '{"c":1 "d":2}',
    '{"c":}', '{"c":1,"d"}', '{true:1}', '{{}:1}', '{"c":1;"d":2}', '{"c"=1}',
  ],
  strings: [
    '["\\uD801\\"]', '["\\uD801\\u"]', '["\\uD801\\u2"]', '["\\uD801\\u2y"]', '[\xc3\xa8]', '["\\\x00"]', '["\\x01"]', '["\\\\\\"]',
    '["\\\t"]', '["\\\xf0\x9f\x8c\x81"]', '["\\"]', '["\\u00B"]', '["\\uD835\\uDe"]', '["\\uD801\\uD801\\y"]', '["\\u\xe5"]',
    '["\\b\\c"]', '["\\urrrr"]', '["\\\xe5"]', '[\\u0020"qwe"]', '[\\r]', '"', '[\'one quote\']', 'qwe', '["\\', '["b\x00b"]',
    '["old\nrow"]', '["\t"]', '["\r"]', '["\x1f"]', '["\x01"]', '"\\UA66E"', '""y', '["\\\'"]', '["\\0"]', '["\\v"]', '["\\u{61}"]',
    '["\\u 061"]', '["\\u-061"]', '`qwe`', '["b" "c"]', '["b"+"c"]',
  ],
  structure: [
    '['.repeat(100_000), '[{"":'.repeat(50_000), '[\xe2\x81\xa0]', '\xef\xbb\xbf', '<.>', '[<null>]', '[2]y', '[2]]', '["qwe', 'b\xc3\xa5',
    '2]', '{"y": true,', '[][]', ']', '\xef\xbb{}', '\xe5', '[', '', ' ', '\n', '[\x00]', '3@', '{}}', '{"":', '{"c":/*a note*/"d"}',
    '{"c": true} "y"', '[\'', '[,', '[{', '["b', '["b"', '{', '{]', '{,', '{[', '{"b', '{\'b\'', '["\\{["\\{["\\{["\\{', '\xe9', '*',
    '{"c":"d"}#{}', '[\\u000A""]', '[2', '[ false, nu', '[ true, fal', '[ false, tr', '{"qwe":"qwe"', '\xc3\xa5', '[\xc2\xa0]',
    '[\x0c]', '[\x0b]', '[]\x00', '\x00', '}', ',', ':', '{}{}', '{} []', 'null null', '// no\n{}', '# no\n{}', '[1]\xe2\x80\xa8',
    '\x1e{}\n', ')]}\',\n{}', 'x={}', '({})', '[\xef\xbb\xbf1]', '---\nc: 1', '<?xml version="1.0"?><c/>',
  ],
};

/** A parser may accept or reject these. */
const undecided: readonly Bytes[] = [
  '[45.678e-789]', `[0.5e00${'9'.repeat(120)}]`, '[-2e+9999]', '[2.5e+9999]', '[-45e100000]', '[45e100000]', '[45e-10000000]',
  `[-${'45'.repeat(15)}]`, '[200000000000000000000]', `[-${'123456789'.repeat(6)}]`, '{"\\uDFAB":1}', '["\\uDADB"]', '["\\uD889\\u1235"]',
  '\xff\xfe[\x00"\x00\xe8\x00"\x00]\x00', '["\xe6\x97\xa6\xd1\x89\xfb"]', '["\xed\xa0\x81"]', '["\\uD801\\r"]', '["\\uDd1fb"]',
  '["\\uD801\\uD801\\r"]', '["\\ud801"]', '["\\ud801bcd"]', '["\xfe"]', '["\\uDd1f\\uD834"]', '["\xe8"]', '["\\uDFAB"]', '["\x82"]',
  '["\xf4\xbf\xbf\xbe"]', '["\xc0\xae"]', '["\xfc\x83\xbf\xbf\xbf\xbe"]', '["\xfc\x80\x80\x80\x80\x81"]', '["\xe1\xff"]',
  '\x00[\x00"\x00\xe8\x00"\x00]', '[\x00"\x00\xe8\x00"\x00]\x00', '['.repeat(500) + ']'.repeat(500), '\xef\xbb\xbf{}',
];

describe('a body', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer(embedded);
  });
  after(() => server.stop());

  const send = (bytes: Bytes): Promise<Reply> =>
    server.owner.send('POST', '/api/plans', { raw: Buffer.from(bytes, 'latin1'), headers: { 'Content-Type': 'application/json' } });
  const inShort = (bytes: Bytes): string => JSON.stringify(bytes.slice(0, 60));

  for (const [what, bodies] of Object.entries(accepted)) {
    test(`that is JSON is parsed: ${what}`, async () => {
      for (const body of bodies) {
        const reply = await send(body);
        // None of them is a plan, so what is wrong with them is not that they are no JSON.
        assertError(reply, 'invalid_request');
        assert.notEqual(reply.body.error.fields?.['.']?.code, 'json', inShort(body));
      }
    });
  }

  for (const [what, bodies] of Object.entries(rejected)) {
    test(`that is not JSON is refused as such: ${what}`, async () => {
      for (const body of bodies) {
        const reply = await send(body);
        assert.equal(reply.status, 400, inShort(body));
        // An empty body is no body.
        assert.equal(reply.body.error.fields?.['.']?.code, body === '' ? 'object' : 'json', inShort(body));
      }
    });
  }

  test('that parsers may take or refuse is refused or validated', async () => {
    for (const body of undecided) assert.equal((await send(body)).status, 400, inShort(body));
  });

  test('that was refused has changed nothing and is no fault of the server', async () => {
    assert.deepEqual((await server.owner.pull()).body.changes.filter(({ collection }) => collection === 'plans'), []);
    assert.deepEqual(server.lines.filter((line) => line.includes('"level":"error"')), []);
  });

  test('that cannot be parsed is not quoted in the log, even at debug level', async () => {
    const response = await fetch(`${server.url}/api/auth/login`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"email":"a@b.example","password":hunter22secret}',
    });
    assert.equal(response.status, 400);
    assert(server.lines.some((line) => line.includes('not valid JSON')), 'the refusal is logged');
    assert(!server.lines.some((line) => line.includes('hunter22')));
  });
});
