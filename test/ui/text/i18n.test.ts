// The catalogues: every text in every language with the same parameters, and the choice of locale.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { collections, invoiceStatuses, roles } from '../../../shared/collections.ts';
import { desktopErrorCodes, failureKinds, wireErrorCodes } from '../../../shared/errors.ts';
import type { JsonObject } from '../../../shared/fields.ts';
import type { Message } from '../../../ui/text/catalogue.ts';
import { callErrorText, syncErrorText, tooManyAttemptsText } from '../../../ui/text/call-error-text.ts';
import { problemMessage } from '../../../ui/text/messages.ts';
import { chooseLocale, isKey, loadLaterTexts, loadTexts, setLocale, t, tryText } from '../../../ui/text/i18n.ts';

const placeholders = (message: Message): readonly string[] =>
  (typeof message === 'string' ? [message] : Object.values(message)).map((text) =>
    [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''))].sort().join(' '));

type Texts = Readonly<Record<string, Message>>;
const catalogues = await Promise.all(Object.entries(loadTexts).map(async ([language, { shell, later }]): Promise<[string, Texts]> =>
  [language, { ...await shell(), ...await later() }]));

describe('every translation', () => {
  const english = Object.fromEntries(catalogues)['en'] ?? {};
  for (const [language, texts] of catalogues) {
    test(`into ${language} has every text, none of them empty`, () => {
      assert.deepEqual(Object.keys(texts).sort(), Object.keys(english).sort());
      const empty = Object.entries(texts).filter(([, message]) =>
        (typeof message === 'string' ? [message] : Object.values(message)).some((text) => text.trim() === ''));
      assert.deepEqual(empty, []);
    });

    test(`into ${language} uses the parameters of the English text`, () => {
      const different = Object.entries(texts).filter(([key, message]) => {
        const wanted = placeholders(english[key] ?? '').at(-1);
        // The singular may leave out the number.
        return placeholders(message).at(-1) !== wanted;
      });
      assert.deepEqual(different.map(([key]) => key), []);
    });
  }

  test('names every list, its visible columns, every status and role, and every kind of failed connection', () => {
    const hasText = (name: string): boolean => Object.hasOwn(english, name);
    const names = [
      ...collections.map(({ name }) => `collection.${name}`),
      ...collections.filter(({ single }) => !single).flatMap(({ name, columns }) => [
        `count.${name}`, `list.new.${name}`, `list.none.${name}`,
        ...columns.filter(({ shown }) => shown).map((column) => `column.${column.name}`),
      ]),
      ...invoiceStatuses.map((status) => `status.${status}`), ...roles.map((role) => `role.${role}`),
      ...failureKinds.map((kind) => `failure.${kind}`),
    ];
    assert.deepEqual(names.filter((name) => !hasText(name)), []);
  });
});

describe('a text', () => {
  test('uses the plural and the number format of the locale', async () => {
    await setLocale({ language: 'de', format: 'de-DE' });
    assert.equal(t('count.invoices', { count: 1 }), '1 Rechnung');
    assert.equal(t('count.invoices', { count: 48_210 }), '48.210 Rechnungen');
    await setLocale({ language: 'en', format: 'en-IN' });
    assert.equal(t('count.invoices', { count: 1_234_567 }), '12,34,567 invoices');
  });

  test('names the wait after too many attempts in minutes from 90 seconds on', async () => {
    await setLocale({ language: 'de', format: 'de-DE' });
    assert.deepEqual([1, 89, 90, 890].map((waitS) => /in (\d+ \w+)/.exec(tooManyAttemptsText(waitS))?.[1]),
      ['1 Sekunde', '89 Sekunden', '2 Minuten', '15 Minuten']);
    await setLocale({ language: 'en', format: 'en-GB' });
    assert.deepEqual([1, 89, 90, 890].map((waitS) => /in (\d+ \w+)/.exec(tooManyAttemptsText(waitS))?.[1]),
      ['1 second', '89 seconds', '2 minutes', '15 minutes']);
  });

  test('from the part loaded later is in the current language, also after a change of language', async () => {
    await setLocale({ language: 'de', format: 'de' });
    assert.equal(isKey('detail.loading'), false);
    await loadLaterTexts();
    assert.equal(t('detail.loading'), 'Wird geladen …');
    await setLocale({ language: 'en', format: 'en' });
    assert.equal(t('detail.loading'), 'Loading…');
  });

  test('follows the locale set last, even if an earlier one takes longer to load', async () => {
    await Promise.all([setLocale({ language: 'de', format: 'de' }), setLocale({ language: 'en', format: 'en' })]);
    assert.equal(t('detail.loading'), 'Loading…');
  });

  test('that is missing falls back to the name in its key', () => {
    assert.equal(tryText('column', 'newColumn'), 'newColumn');
  });
});

describe('the locale', () => {
  const cases = [
    ['system', ['de-AT', 'en'], null, { language: 'de', format: 'de-AT' }],
    ['system', [], null, { language: 'en', format: 'en' }],
    ['en', ['de-DE', 'en-US'], null, { language: 'en', format: 'en-DE' }],
    ['en', ['de'], null, { language: 'en', format: 'en-DE' }],
    ['de', ['en-US'], null, { language: 'de', format: 'de' }],
    // The system's regional format decides where it is known.
    ['system', ['en-US', 'de'], 'de-DE', { language: 'en', format: 'en-DE' }],
    ['system', ['en-US'], 'en-DE', { language: 'en', format: 'en-DE' }],
    ['system', ['en-US'], 'en-GB', { language: 'en', format: 'en-GB' }],
    ['en', ['de-DE'], 'de-AT', { language: 'en', format: 'en-AT' }],
    ['system', ['de-DE'], 'en-DE', { language: 'de', format: 'de-DE' }],
    ['system', ['de-DE'], 'en-US', { language: 'de', format: 'de' }],
    ['de', ['fr-CH'], 'fr-CH', { language: 'de', format: 'de-CH' }],
    // Intl knows no English of Brazil or Luxembourg, and that of Canada has another decimal sign than its French.
    ['system', ['pt-BR'], 'pt-BR', { language: 'en', format: 'pt-BR-u-ca-gregory-nu-latn' }],
    ['en', ['de-LU'], 'de-LU', { language: 'en', format: 'de-LU-u-ca-gregory-nu-latn' }],
    ['system', ['fr-CA'], 'fr-CA', { language: 'en', format: 'fr-CA-u-ca-gregory-nu-latn' }],
  ] as const;
  for (const [setting, preferred, system, wanted] of cases) {
    const where = `that prefers ${preferred.join(', ') || 'nothing'}${system === null ? '' : ` and formats as in ${system}`}`;
    test(`for setting ${setting} on a system ${where} is ${wanted.format}`, () => {
      assert.deepEqual(chooseLocale(setting, preferred, system), wanted);
    });
  }
});

describe('an error', () => {
  const message = 'What a server or the desktop says, in English.';
  const codes = [...wireErrorCodes, ...desktopErrorCodes];

  test('is in the language of the user, whatever its code, kind and fields, before and after the later texts are loaded', async () => {
    await setLocale({ language: 'de', format: 'de-DE' });
    const texts = (): string[] => [
      ...codes.flatMap((code) => [callErrorText({ code, message }), syncErrorText({ code, message })]),
      ...failureKinds.flatMap((kind) => [callErrorText, syncErrorText].map((textOf) => textOf({ code: 'offline', message, kind }))),
      problemMessage('name', { code: 'of a later server', message }, 'EUR'),
      callErrorText({ code: 'invalid_request', message, fields: { path: { code: 'invalid', message } } }),
    ];
    const early = texts();
    await loadLaterTexts();
    const late = texts();
    await setLocale({ language: 'en', format: 'en-GB' });
    const english = new Set([message, ...texts()]);
    assert.deepEqual([...early, ...late].filter((text) => english.has(text) || text === ''), []);
  });

  test('about a record that was changed meanwhile names who did, if that is known', async () => {
    await loadLaterTexts();
    const current = (payload: JsonObject) => ({ id: '1', updatedAt: '', payload });
    const text = (payload: JsonObject): string => callErrorText({ code: 'precondition_failed', message, current: current(payload) });
    assert.match(text({ changedBy: { id: '1', name: 'A Colleague' } }), /^A Colleague has changed this/);
    assert.match(text({}), /^Someone else has changed this/);
  });

  test('says in English what is in the way, where its code does not', () => {
    for (const code of ['conflict', 'invalid_request', 'resync_required'] as const) assert.equal(callErrorText({ code, message }), message);
    assert.equal(problemMessage('name', { code: 'of a later server', message }, 'EUR'), message);
  });
});
