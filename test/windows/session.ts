// Runs Windows programs: directly on Windows, on Linux through wine. The wine session has its own namespaces, so all its
// processes and mounts end with it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, win32 } from 'node:path';
import { createInterface } from 'node:readline';

import { fetchWindowsNode, root, toolFolder } from '../installer/tools.ts';

export interface Ended {
  readonly exitCode: number;
  readonly output: string;
  readonly seconds: number;
}

export interface WindowsSession {
  readonly isWine: boolean;
  /** The Windows path of a file in this repository. */
  readonly toWindows: (path: string) => string;
  /** Runs a program, given by its Windows path, in the repository's folder; never rejects because of its exit code. */
  readonly run: (program: string, args: readonly string[], timeoutS: number) => Promise<Ended>;
  /** Node for Windows, in the version that runs this process. */
  readonly node: string;
  readonly close: () => Promise<void>;
}

const wineRoot = process.env['WINE_ROOT'] ?? join(homedir(), '.cache', 'invoify', 'wine');

/** Why a session is impossible here and what to do about it; null if it is possible. */
export function missingSession(): string | null {
  if (process.platform === 'win32') return null;
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'Run this on Windows, or as root on Linux.';
  return existsSync(join(wineRoot, 'usr', 'bin', 'wine-stable')) ? null
    : `No wine in ${wineRoot}: \`bash test/windows/wine.sh\` installs it (3 GB, as root), or set WINE_ROOT to a Debian 13 that has it.`;
}

/** Programs inherit this environment with `variables`, but without what the test runner and CI set. */
export async function openSession(variables: Readonly<Record<string, string>>): Promise<WindowsSession> {
  const { NODE_TEST_CONTEXT: _runner, NODE_OPTIONS: _options, CI: _ci, ...inherited } = process.env;
  const env = { ...inherited, ...variables };
  return process.platform === 'win32' ? openOnWindows(env) : openWine(env);
}

function openOnWindows(env: NodeJS.ProcessEnv): WindowsSession {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-output-'));
  const output = join(folder, 'output');
  return {
    isWine: false,
    node: process.execPath,
    toWindows: (path) => path,
    async run(program, args, timeoutS) {
      const started = performance.now();
      const file = openSync(output, 'w');
      const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', file, file], timeout: timeoutS * 1000 });
      const [code] = await once(child, 'exit') as [number | null];
      return { exitCode: code ?? 124, output: readFileSync(output, 'utf8'), seconds: (performance.now() - started) / 1000 };
    },
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function openWine(env: NodeJS.ProcessEnv): Promise<WindowsSession> {
  const node = await fetchWindowsNode();
  const output = join(toolFolder, 'wine-output');
  mkdirSync(join(wineRoot, 'invoify'), { recursive: true });
  const inside = `
    mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && mount --bind "$1" "$0/invoify" &&
    exec chroot "$0" bash /invoify/test/windows/wine-session.sh`;
  const shell = spawn('unshare', ['--mount', '--pid', '--fork', '--kill-child', 'bash', '-c', inside, wineRoot, root],
    { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
  const readAnswer = async (word: string): Promise<number> => {
    const { value } = await lines.next() as { value?: string };
    const code = value?.startsWith(`${word} `) ? Number(value.slice(word.length)) : NaN;
    if (Number.isNaN(code)) throw new Error(`the wine session has ended: ${value ?? ''}`);
    return code;
  };
  if (await readAnswer('booted') !== 0) throw new Error('wine cannot start');
  const toWindows = (path: string): string => win32.join('Z:\\invoify', path.slice(root.length).replaceAll('/', '\\'));
  return {
    isWine: true,
    node: toWindows(node),
    toWindows,
    async run(program, args, timeoutS) {
      const started = performance.now();
      const command = [program, ...args].map((part) => `'${part.replaceAll('\'', '\'\\\'\'')}'`).join(' ');
      shell.stdin.write(`/invoify${output.slice(root.length)} ${timeoutS} ${command}\n`);
      const exitCode = await readAnswer('ended');
      return { exitCode, output: readFileSync(output, 'utf8'), seconds: (performance.now() - started) / 1000 };
    },
    async close() {
      const ended = once(shell, 'exit');
      shell.stdin.end();
      await ended;
      rmSync(output, { force: true });
    },
  };
}
