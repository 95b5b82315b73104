// Whether the desktop is told that something would be lost with the window.

import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';

import { askEvent, type Call } from '../../../ui/base/ask.ts';
import { Unsaved } from '../../../ui/base/unsaved.ts';

/** What the desktop is told, by way of the window's root. */
function listen(t: TestContext): unknown[] {
  const told: unknown[] = [];
  const root = new EventTarget();
  root.addEventListener(askEvent, (event) => {
    const { channel, request, respond } = (event as CustomEvent<Call>).detail;
    told.push([channel, request]);
    respond(Promise.resolve({ ok: true, value: null }));
  });
  const document = { querySelector: (name: string) => name === 'invoify-app' ? root : null };
  Object.defineProperty(globalThis, 'document', { configurable: true, value: document });
  t.after(() => Reflect.deleteProperty(globalThis, 'document'));
  return told;
}

/** A form that updates whenever its input changes. */
function openForm(): { type(isChanged: boolean): void; close(): void } {
  let isUnsaved = false;
  const host = { addController: () => undefined, removeController: () => undefined, requestUpdate: () => undefined,
    updateComplete: Promise.resolve(true) };
  const unsaved = new Unsaved(host, () => isUnsaved);
  return {
    type(isChanged) {
      isUnsaved = isChanged;
      unsaved.hostUpdated();
    },
    close: () => unsaved.hostDisconnected(),
  };
}

describe('input that is not saved', () => {
  const told = (isUnsaved: boolean): unknown => ['app.setUnsaved', { isUnsaved }];

  test('is told of when there is some, and when it is as it was', (t) => {
    const seen = listen(t);
    const form = openForm();
    form.type(false);
    assert.deepEqual(seen, []);
    form.type(true);
    form.type(true);
    assert.deepEqual(seen, [told(true)]);
    form.type(false);
    assert.deepEqual(seen, [told(true), told(false)]);
  });

  test('is gone with the form that had it, and not with another one', (t) => {
    const seen = listen(t);
    const [one, other, untouched] = [openForm(), openForm(), openForm()];
    one.type(true);
    other.type(true);
    untouched.close();
    one.close();
    assert.deepEqual(seen, [told(true)]);
    other.close();
    assert.deepEqual(seen, [told(true), told(false)]);
  });
});
