// An installation of Invoify for the current user: the registry through `reg`, the files through Node for Windows.

import assert from 'node:assert/strict';

import type { Ended, WindowsSession } from './session.ts';

const uninstallKey = 'HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall';
const installKey = 'HKCU\\Software';

export interface InstalledFiles {
  readonly program: boolean;
  readonly archive: boolean;
  readonly uninstaller: boolean;
  readonly startMenu: boolean;
  /** A copy of the installer in %LOCALAPPDATA%. */
  readonly keptSetup: boolean;
}

export class Installation {
  readonly #session: WindowsSession;
  /** The name of its registry keys, once found. */
  #name: string | null = null;
  readonly otherFolder = 'C:\\invoify-test-other';

  constructor(session: WindowsSession) {
    this.#session = session;
  }

  install(setup: string, args: readonly string[]): Promise<Ended> {
    return this.#session.run(setup, ['/S', ...args], 300);
  }

  /**
   * Runs the uninstaller as Windows does, and resolves with the seconds until Invoify is gone from the registry, its last
   * step. The uninstaller continues as a copy of itself after its process has exited, so this must poll.
   */
  async uninstall(args: readonly string[]): Promise<number> {
    const started = performance.now();
    const folder = await this.folder();
    await this.#session.run(`${folder}\\Uninstall Invoify.exe`, ['/currentuser', '/S', ...args], 120);
    while (await this.isInstalled()) {
      if (performance.now() - started > 60_000) throw new Error('Invoify is still in the registry a minute after the uninstaller ran');
    }
    return (performance.now() - started) / 1000;
  }

  /** The registry entry under Uninstall; empty if there is none. */
  async registryEntry(): Promise<string> {
    const { exitCode, output } = await this.#reg('query', uninstallKey, '/s');
    if (exitCode !== 0) return '';
    return output.split(/\r?\n(?=HKEY_)/).find((part) => /DisplayName\s+REG_SZ\s+Invoify /.test(part)) ?? '';
  }

  async isInstalled(): Promise<boolean> {
    return await this.registryEntry() !== '' || await this.folder() !== '';
  }

  /** The installation folder according to the registry; empty if it is not installed. */
  async folder(): Promise<string> {
    const [line = ''] = (await this.registryEntry()).split(/\r?\n/);
    this.#name = /^HKEY_.*\\(.+?)\s*$/.exec(line)?.[1] ?? this.#name;
    if (this.#name === null) return '';
    const { output } = await this.#reg('query', `${installKey}\\${this.#name}`, '/v', 'InstallLocation');
    return /InstallLocation\s+REG_SZ\s+(.+?)\s*$/m.exec(output)?.[1] ?? '';
  }

  async runProgram(args: readonly string[]): Promise<Ended> {
    return this.#session.run(`${await this.folder()}\\Invoify.exe`, args, 60);
  }

  files(): Promise<InstalledFiles> {
    return this.#evaluate(`
      const home = process.env.LOCALAPPDATA + '\\\\Programs\\\\Invoify\\\\';
      const links = process.env.APPDATA + '\\\\Microsoft\\\\Windows\\\\Start Menu\\\\Programs\\\\Invoify.lnk';
      return {
        program: fs.existsSync(home + 'Invoify.exe'), archive: fs.existsSync(home + 'resources\\\\app.asar'),
        uninstaller: fs.existsSync(home + 'Uninstall Invoify.exe'), startMenu: fs.existsSync(links),
        keptSetup: fs.existsSync(process.env.LOCALAPPDATA + '\\\\invoify-updater'),
      };`);
  }

  writeData(): Promise<void> {
    return this.#evaluate('fs.mkdirSync(data + "\\\\database", { recursive: true }); '
      + 'fs.writeFileSync(data + "\\\\database\\\\invoify.sqlite", "");');
  }

  hasData(): Promise<boolean> {
    return this.#evaluate('return fs.existsSync(data);');
  }

  removeData(): Promise<void> {
    return this.#evaluate('fs.rmSync(data, { recursive: true });');
  }

  writeOtherFile(): Promise<void> {
    return this.#evaluate('fs.mkdirSync(other); fs.writeFileSync(other + "\\\\notes.txt", "");');
  }

  hasOtherFile(): Promise<boolean> {
    return this.#evaluate('return fs.existsSync(other + "\\\\notes.txt");');
  }

  removeOtherFile(): Promise<void> {
    return this.#evaluate('fs.rmSync(other, { recursive: true });');
  }

  #reg(...args: readonly string[]): Promise<Ended> {
    return this.#session.run('C:\\windows\\system32\\reg.exe', args, 30);
  }

  /** Runs a function body in Node for Windows and returns its value; `data` and `other` are the two folders. */
  async #evaluate<A>(body: string): Promise<A> {
    const program = `const fs = require('node:fs'); const data = process.env.APPDATA + '\\\\Invoify'; `
      + `const other = ${JSON.stringify(this.otherFolder)}; `
      + `console.log(JSON.stringify((() => { ${body.replaceAll(/\s*\n\s*/g, ' ')} })() ?? null));`;
    const { exitCode, output } = await this.#session.run(this.#session.node, ['-e', program], 90);
    assert.equal(exitCode, 0, output);
    return JSON.parse(output) as A;
  }
}
