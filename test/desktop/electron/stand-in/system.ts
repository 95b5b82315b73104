// Stand-ins for Electron's system modules: displays, theme, menu, dialogs, clipboard, shell, power, and encryption.
//
// Invariants: what the program can call has Electron's own types, or this does not compile.

import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';

import type * as Electron from 'electron';
import type { MenuItemConstructorOptions, SafeStorage } from 'electron';

import type { App } from './app.ts';

/** An item of the menu's template, which a test can click. */
export interface StandInMenuItem extends Pick<MenuItemConstructorOptions, 'label' | 'type' | 'accelerator' | 'visible' | 'enabled'> {
  readonly role?: string;
  readonly click?: () => void;
  readonly submenu?: readonly StandInMenuItem[];
}

interface Menu {
  readonly items: readonly StandInMenuItem[];
}

/**
 * The system's key store, which can be broken, locked or silent, only obfuscate, and rotate its key. As in Electron, only the
 * operations themselves tell: `isAsyncEncryptionAvailable` never resolves with false once the app is ready.
 */
export class StandInSafeStorage implements Pick<
  SafeStorage, 'isAsyncEncryptionAvailable' | 'encryptStringAsync' | 'decryptStringAsync' | 'getSelectedStorageBackend'
> {
  readonly #app: Pick<App, 'isReady'>;
  backend: ReturnType<SafeStorage['getSelectedStorageBackend']> = 'gnome_libsecret';
  /** As with a damaged DPAPI: nothing can be encrypted, nor decrypted. */
  isBroken = false;
  /** Whether the key is temporarily unavailable to runs that ask for it now. */
  isLocked = false;
  /** Whether the system never answers. */
  isSilent = false;
  /** Number of encryptions. */
  encrypted = 0;
  #keys = [randomBytes(32)];
  /** Whether this run got no key. Electron asks for it once, at the first operation; null before that. */
  #isWithoutKey: boolean | null = null;

  constructor(app: Pick<App, 'isReady'>, platform: NodeJS.Platform) {
    this.#app = app;
    // Electron has this method on Linux only.
    if (platform !== 'linux') Object.defineProperty(this, 'getSelectedStorageBackend', { value: undefined });
  }

  async isAsyncEncryptionAvailable(): Promise<boolean> {
    return this.#app.isReady();
  }

  getSelectedStorageBackend(): StandInSafeStorage['backend'] {
    return this.#app.isReady() ? this.backend : 'unknown';
  }

  async encryptStringAsync(plainText: string): Promise<Buffer> {
    this.#requireReady();
    if (this.isSilent) return new Promise(() => undefined);
    if (this.isBroken) throw new Error('Error while encrypting the text provided to safeStorage.encryptStringAsync.');
    this.encrypted += 1;
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key(0), iv);
    const text = Buffer.concat([cipher.update(plainText, 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.from('v10'), iv, cipher.getAuthTag(), text]);
  }

  async decryptStringAsync(encrypted: Buffer): ReturnType<SafeStorage['decryptStringAsync']> {
    this.#requireReady();
    assert(Buffer.isBuffer(encrypted), 'Expected the first argument of decryptStringAsync() to be a buffer');
    if (encrypted.length === 0) return { result: '', shouldReEncrypt: false };
    if (this.isSilent) return new Promise(() => undefined);
    if (this.#isWithoutKey ??= this.isLocked) {
      throw new Error('safeStorage.decryptStringAsync is temporarily unavailable. Please try again.');
    }
    for (const [age, key] of this.isBroken ? [] : this.#keys.entries()) {
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

  /** The next run of the program asks for the key again. */
  startRun(): void {
    this.#isWithoutKey = null;
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

  #requireReady(): void {
    assert(this.#app.isReady(), 'safeStorage cannot be used before app is ready');
  }
}

type Box = Electron.Rectangle;

export interface System {
  readonly safeStorage: StandInSafeStorage;
  readonly screen: Pick<Electron.Screen, 'getAllDisplays'>;
  readonly nativeTheme: Pick<Electron.NativeTheme, 'themeSource' | 'shouldUseDarkColors'>;
  readonly Menu: Pick<typeof Electron.Menu, 'buildFromTemplate' | 'setApplicationMenu'>;
  readonly clipboard: Pick<Electron.Clipboard, 'writeText'>;
  readonly shell: Pick<Electron.Shell, 'openExternal' | 'openPath'>;
  readonly dialog: Pick<Electron.Dialog, 'showOpenDialog' | 'showSaveDialog' | 'showMessageBox' | 'showErrorBox'>;
  /** What the program did to the system. */
  readonly seen: {
    menu: Menu | null;
    /** The menus that opened at the pointer. */
    readonly popups: Menu[];
    clipboard: string;
    readonly opened: string[];
    readonly folders: string[];
    readonly saveDialogs: Electron.SaveDialogOptions[];
    readonly messages: Electron.MessageBoxOptions[];
    readonly errors: { readonly title: string; readonly content: string }[];
  };
  /** How the user and the system respond. */
  readonly person: {
    /** The path chosen in a save dialog; null cancels. */
    save: () => Promise<string | null>;
    /** The folder chosen; null cancels. */
    chooseFolder: () => Promise<string | null>;
    /** The index of the button pressed in a message box; null cancels it, as with Esc. */
    press: () => Promise<number | null>;
    /** Why folders cannot be opened; '' if they can. */
    folderProblem: string;
    /** Lets the clipboard take a text. */
    copy: () => Promise<void>;
    /** The parts of the displays that windows can use. */
    displays: Box[];
  };
}

export function createSystem(app: App): System {
  const seen: System['seen'] = {
    menu: null, popups: [], clipboard: '', opened: [], folders: [], saveDialogs: [], messages: [], errors: [],
  };
  const person: System['person'] = {
    save: async () => null,
    chooseFolder: async () => null,
    press: async () => 1,
    folderProblem: '',
    copy: async () => undefined,
    displays: [{ x: 0, y: 0, width: 1920, height: 1040 }],
  };
  return {
    seen,
    person,
    safeStorage: new StandInSafeStorage(app, process.platform),
    screen: {
      getAllDisplays() {
        assert(app.isReady(), 'screens are known when the app is ready');
        return person.displays.map((workArea) => ({ workArea }) as Electron.Display);
      },
    },
    nativeTheme: {
      themeSource: 'system',
      get shouldUseDarkColors() { return this.themeSource === 'dark'; },
    },
    Menu: {
      buildFromTemplate(items) {
        (items as readonly unknown[] as readonly StandInMenuItem[]).forEach(checkItem);
        const menu = { items: items as readonly unknown[] as readonly StandInMenuItem[] };
        const popup: Electron.Menu['popup'] = ({ window, x, y } = {}) => {
          assert.equal(x === undefined, y === undefined, 'a position has both coordinates');
          assert(window && !window.isDestroyed(), 'the menu belongs to a window that is there');
          seen.popups.push(menu);
        };
        return { ...menu, popup } as unknown as Electron.Menu;
      },
      setApplicationMenu(menu) {
        seen.menu = menu as unknown as Menu | null;
      },
    },
    clipboard: {
      async writeText(text) {
        await person.copy();
        seen.clipboard = text;
      },
    },
    shell: {
      openExternal: async (url) => void seen.opened.push(url),
      async openPath(path) {
        seen.folders.push(path);
        return person.folderProblem;
      },
    },
    dialog: {
      async showSaveDialog(...args: [Electron.BaseWindow | Electron.SaveDialogOptions, Electron.SaveDialogOptions?]) {
        seen.saveDialogs.push(ofWindow(...args));
        const path = await person.save();
        return { canceled: path === null, filePath: path ?? '' };
      },
      async showOpenDialog(...args: [Electron.BaseWindow | Electron.OpenDialogOptions, Electron.OpenDialogOptions?]) {
        assert(ofWindow(...args).properties?.includes('openDirectory'));
        const path = await person.chooseFolder();
        return { canceled: path === null, filePaths: path === null ? [] : [path] };
      },
      async showMessageBox(...args: [Electron.BaseWindow | Electron.MessageBoxOptions, Electron.MessageBoxOptions?]) {
        const options = ofWindow(...args);
        seen.messages.push(options);
        return { response: await person.press() ?? options.cancelId ?? 0, checkboxChecked: false };
      },
      showErrorBox(title, content) {
        seen.errors.push({ title, content });
      },
    },
  };
}

/** The options of a dialog, which belongs to a window that is still there. */
function ofWindow<T extends object>(window: Electron.BaseWindow | T, options?: T): T {
  assert(options, 'the dialog belongs to the window');
  assert(!(window as Electron.BaseWindow).isDestroyed(), 'the window of the dialog is there');
  return options;
}

type Declared<E extends string> = Electron.PowerMonitor extends { on(event: E, listener: () => void): unknown } ? E : never;

/** Emits only events that Electron declares. */
export class StandInPowerMonitor extends EventEmitter {
  override emit(event: Declared<'suspend'> | Declared<'resume'> | Declared<'unlock-screen'>): boolean {
    return super.emit(event);
  }
}

const roles = [
  'undo', 'redo', 'cut', 'copy', 'paste', 'selectall', 'zoomin', 'zoomout', 'resetzoom', 'togglefullscreen', 'toggledevtools', 'quit',
];

function checkItem({ label, role, type, accelerator, submenu }: StandInMenuItem): void {
  assert(label !== undefined || role !== undefined || type === 'separator', 'a menu item has a label or a role, or is a separator');
  if (role !== undefined) assert(roles.includes(role.toLowerCase()), `${role} is a known role`);
  if (accelerator !== undefined) assert.match(accelerator, /^(?:(?:CommandOrControl|Control|Alt|Shift)\+)*(?:[A-Z0-9,=]|F\d{1,2})$/);
  submenu?.forEach(checkItem);
}
