// Electron's `net.request` (net-client-request.ts), over the stand-in for Chromium's network service.
//
// Invariants: as in Electron, a request is a stream that is closed once it is sent, so `close` says nothing about the answer;
// an `error` that nobody hears throws, after the answer, too; a body that is given up or cancelled keeps its connection until
// `abort`; and a request with a body starts a tick after `end`, even if `abort` came in between.

import type { AuthInfo, ClientRequestConstructorOptions } from 'electron/utility';
import { Readable, Writable } from 'node:stream';

import { UrlLoader, type ResponseHead } from './net-loader.ts';

/** Header names of which Node, and so Electron, keeps the first value only. */
const single = new Set(['content-type', 'content-length', 'etag', 'last-modified', 'location', 'retry-after', 'age', 'expires', 'server']);

class IncomingMessage extends Readable {
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** What has arrived and is not wanted yet; null for the end. */
  readonly #arrived: (Buffer | null)[] = [];
  #resume: (() => void) | null = null;
  #isWanted = false;

  constructor({ statusCode, statusMessage, headers }: ResponseHead) {
    super();
    this.statusCode = statusCode;
    this.statusMessage = statusMessage;
    this.headers = Object.fromEntries(Object.entries(headers).map(([name, values]) =>
      [name, name === 'set-cookie' ? [...values] : single.has(name) ? values[0] ?? '' : values.join(', ')]));
  }

  receive(chunk: Buffer | null, resume: (() => void) | null): void {
    this.#resume = resume;
    this.#arrived.push(chunk);
    this.#pass();
  }

  #pass(): void {
    while (this.#isWanted && this.#arrived.length > 0) this.#isWanted = this.push(this.#arrived.shift());
    if (!this.#isWanted) return;
    const resume = this.#resume;
    this.#resume = null;
    resume?.();
  }

  override _read(): void {
    this.#isWanted = true;
    this.#pass();
  }
}

export class ClientRequest extends Writable {
  readonly #options: ClientRequestConstructorOptions & { readonly url: string };
  readonly #proxy: string | null;
  readonly #headers = new Map<string, readonly [name: string, value: string]>();
  readonly #body: Buffer[] = [];
  #loader: UrlLoader | null = null;
  #response: IncomingMessage | null = null;
  #isAborted = false;

  constructor(options: ClientRequestConstructorOptions | string, proxy: string | null) {
    super({ autoDestroy: true });
    const { url = '', ...rest } = typeof options === 'string' ? { url: options } : options;
    if (!/^https?:$/.test(new URL(url).protocol)) throw new Error('ClientRequest only supports http: and https: protocols');
    this.#options = { ...rest, url };
    this.#proxy = proxy;
    for (const [name, value] of Object.entries(rest.headers ?? {})) this.setHeader(name, String(value));
  }

  setHeader(name: string, value: string): void {
    if (this.#loader || this.#body.length > 0) throw new Error('Can\'t set headers after they are sent');
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) throw new Error(`Invalid header name: '${name}'`);
    if (/[\0\r\n]/.test(value)) throw new Error(`Invalid value for header '${name}': '${value}'`);
    this.#headers.set(name.toLowerCase(), [name, value]);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#body.push(chunk);
    callback();
  }

  override _final(callback: () => void): void {
    if (this.#body.length > 0) process.nextTick(() => this.#start());
    else this.#start();
    callback();
  }

  abort(): void {
    if (!this.#isAborted) process.nextTick(() => this.emit('abort'));
    this.#isAborted = true;
    this.#die();
  }

  #start(): void {
    const { method = 'GET', url, credentials, redirect = 'follow' } = this.#options;
    const loader = this.#loader = new UrlLoader({
      method: method.toUpperCase(), url, credentials, proxy: this.#proxy, headers: Object.fromEntries(this.#headers.values()),
      body: this.#body.length > 0 ? Buffer.concat(this.#body) : null,
    });
    loader.on('response-started', (head) => {
      this.#response = new IncomingMessage(head);
      this.emit('response', this.#response);
    });
    loader.on('data', (chunk, resume) => this.#response?.receive(chunk, resume));
    loader.on('complete', () => this.#response?.receive(null, null));
    loader.on('error', (netError) => {
      const error = new Error(netError);
      this.#response?.destroy(error);
      this.#die(error);
    });
    loader.on('login', (authInfo: AuthInfo, answer) => {
      if (!this.emit('login', authInfo, answer)) answer();
    });
    loader.on('redirect', ({ statusCode, newMethod, newUrl }, { headers }) => {
      if (redirect === 'error') this.#die(new Error('Attempted to redirect, but redirect policy was \'error\''));
      else if (redirect === 'manual') throw new Error('the desktop follows no redirect by hand');
      else this.emit('redirect', statusCode, newMethod, newUrl, headers);
    });
  }

  #die(error?: Error): void {
    if (this.destroyed && error) this.emit('error', error);
    this.destroy(error);
    if (!this.#loader) return;
    this.#loader.cancel();
    this.#response?.destroy(error);
  }
}
