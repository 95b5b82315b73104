// Stand-ins for Electron's system modules: displays, theme, menu, dialogs, clipboard, shell, and encryption.

import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

import type { SafeStorage } from 'electron';

import type { App } from './app.ts';

export interface StandInMenuItem {
  readonly label?: string;
  readonly role?: string;
  readonly type?: string;
  readonly accelerator?: string;
  readonly click?: () => void;
  readonly submenu?: readonly StandInMenuItem[];
}

interface Menu {
  readonly items: readonly StandInMenuItem[];
}

/** The system's key store, which can be missing, only obfuscate, fail, and rotate its key. */
export class StandInSafeStorage {
  readonly #app: App;
  backend: ReturnType<SafeStorage['getSelectedStorageBackend']> = 'gnome_libsecret';
  isAvailable = true;
  /** If set, every operation throws it. */
  fault: Error | null = null;
  /** Number of encryptions. */
  encrypted = 0;
  #keys = [randomBytes(32)];

  constructor(app: App) {
    this.#app = app;
  }

  async isAsyncEncryptionAvailable(): Promise<boolean> {
    this.#check();
    return this.isAvailable;
  }

  getSelectedStorageBackend(): StandInSafeStorage['backend'] {
    return this.#app.isReady() ? this.backend : 'unknown';
  }

  async encryptStringAsync(plainText: string): Promise<Buffer> {
    this.#check();
    if (!this.isAvailable) throw new Error('Encryption is not available.');
    this.encrypted += 1;
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key(0), iv);
    const text = Buffer.concat([cipher.update(plainText, 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.from('v10'), iv, cipher.getAuthTag(), text]);
  }

  async decryptStringAsync(encrypted: Buffer): Promise<{ result: string; shouldReEncrypt: boolean }> {
    this.#check();
    for (const [age, key] of this.#keys.entries()) {
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, encrypted.subarray(3, 15));
        decipher.setAuthTag(encrypted.subarray(15, 31));
        const result = Buffer.concat([decipher.update(encrypted.subarray(31)), decipher.final()]).toString('utf8');
        return { result, shouldReEncrypt: age > 0 };
      } catch {
        // Try the next key.
      }
    }
    throw new Error('Error while decrypting the ciphertext provided to safeStorage.decryptStringAsync.');
  }

  /** Adds a new key; older ciphertexts can still be decrypted, and should be re-encrypted. */
  rotateKey(): void {
    this.#keys.unshift(randomBytes(32));
  }

  /** Simulates the same user on the same machine in another run. */
  useKeysOf(other: StandInSafeStorage): void {
    this.#keys = other.#keys;
  }

  /** Simulates another user or another machine: all old keys are gone. */
  loseKeys(): void {
    this.#keys = [randomBytes(32)];
  }

  #key(age: number): Buffer {
    const key = this.#keys[age];
    assert(key);
    return key;
  }

  #check(): void {
    assert(this.#app.isReady(), 'safeStorage can be used when the app is ready');
    if (this.fault) throw this.fault;
  }
}

interface Display {
  readonly workArea: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
}

export interface System {
  readonly safeStorage: StandInSafeStorage;
  readonly screen: { displays: Display[]; getAllDisplays(): Display[] };
  readonly nativeTheme: { themeSource: string; readonly shouldUseDarkColors: boolean };
  readonly Menu: { buildFromTemplate(items: StandInMenuItem[]): Menu; setApplicationMenu(menu: Menu | null): void };
  readonly clipboard: { writeText(text: string): void };
  readonly shell: { openExternal(url: string): Promise<void>; openPath(path: string): Promise<string> };
  readonly dialog: {
    showSaveDialog(window: unknown, options: object): Promise<{ canceled: boolean; filePath: string }>;
    showMessageBox(window: unknown, options: object): Promise<{ response: number }>;
  };
  /** What the program did to the system. */
  readonly seen: {
    menu: Menu | null;
    clipboard: string;
    readonly opened: string[];
    readonly folders: string[];
    readonly saveDialogs: object[];
    readonly messages: object[];
  };
  /** How the user and the system respond. */
  readonly person: {
    /** The path chosen in a save dialog; null cancels. */
    save: () => Promise<string | null>;
    /** The index of the button pressed in a message box. */
    press: () => Promise<number>;
    /** Why folders cannot be opened; '' if they can. */
    folderProblem: string;
  };
}

export function createSystem(app: App): System {
  const seen: System['seen'] = { menu: null, clipboard: '', opened: [], folders: [], saveDialogs: [], messages: [] };
  const person: System['person'] = { save: async () => null, press: async () => 1, folderProblem: '' };
  return {
    seen,
    person,
    safeStorage: new StandInSafeStorage(app),
    screen: {
      displays: [{ workArea: { x: 0, y: 0, width: 1920, height: 1040 } }],
      getAllDisplays() {
        assert(app.isReady(), 'screens are known when the app is ready');
        return this.displays;
      },
    },
    nativeTheme: {
      themeSource: 'system',
      get shouldUseDarkColors() { return this.themeSource === 'dark'; },
    },
    Menu: {
      buildFromTemplate(items) {
        items.forEach(checkItem);
        return { items };
      },
      setApplicationMenu(menu) {
        seen.menu = menu;
      },
    },
    clipboard: { writeText: (text) => void (seen.clipboard = text) },
    shell: {
      openExternal: async (url) => void seen.opened.push(url),
      async openPath(path) {
        seen.folders.push(path);
        return person.folderProblem;
      },
    },
    dialog: {
      async showSaveDialog(_window, options) {
        seen.saveDialogs.push(options);
        const path = await person.save();
        return { canceled: path === null, filePath: path ?? '' };
      },
      async showMessageBox(_window, options) {
        seen.messages.push(options);
        return { response: await person.press() };
      },
    },
  };
}

const roles = [
  'undo', 'redo', 'cut', 'copy', 'paste', 'selectall', 'zoomin', 'zoomout', 'resetzoom', 'togglefullscreen', 'toggledevtools', 'quit',
];

function checkItem({ label, role, type, accelerator, submenu }: StandInMenuItem): void {
  assert(label !== undefined || role !== undefined || type === 'separator', 'a menu item has a label or a role, or is a separator');
  if (role !== undefined) assert(roles.includes(role.toLowerCase()), `${role} is a known role`);
  if (accelerator !== undefined) assert.match(accelerator, /^(?:(?:CommandOrControl|Control|Alt|Shift)\+)*(?:[A-Z0-9,]|F\d{1,2})$/);
  submenu?.forEach(checkItem);
}
