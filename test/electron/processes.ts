// Lists the processes of a running Electron program with their memory, as the system sees them: this needs no access to the
// program, so it works for a packaged one too.

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

export interface ProcessInfo {
  readonly pid: number;
  /** Chromium's name for it, `main` for the main process and `data` for the desktop's own utility process. */
  readonly kind: string;
  /** Resident, and so counting memory that it shares with the others. */
  readonly memoryBytes: number;
  readonly commandLine: string;
}

interface SystemProcess extends Omit<ProcessInfo, 'kind'> {
  readonly parentPid: number;
}

/** The process and all that descend from it, without shells and consoles around them. Only on Linux and Windows. */
export async function listProcesses(pid: number): Promise<readonly ProcessInfo[]> {
  const all = process.platform === 'win32' ? await listOnWindows() : listOnLinux();
  const family = new Set([pid]);
  // A child can precede its parent in the list.
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const { pid: child, parentPid } of all) if (family.has(parentPid)) family.add(child);
  }
  return all.filter((one) => family.has(one.pid) && one.commandLine !== '' && !/^\S*(cmd|conhost|powershell)\.exe/i.test(one.commandLine))
    .map(({ parentPid: _parent, ...info }) => ({ ...info, kind: kindOf(info.commandLine) }));
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function kindOf(commandLine: string): string {
  if (commandLine.includes('--utility-sub-type=node.mojom.NodeService')) return 'data';
  const type = /--type=([\w-]+)/.exec(commandLine)?.[1];
  return /--utility-sub-type=([\w.]+)/.exec(commandLine)?.[1] ?? type ?? 'main';
}

function listOnLinux(): readonly SystemProcess[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      const field = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
      if (/^State:\s+Z/m.test(status)) return [];
      const commandLine = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      return [{ pid: Number(name), parentPid: field('PPid'), memoryBytes: field('VmRSS') * 1024, commandLine }];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}

async function listOnWindows(): Promise<readonly SystemProcess[]> {
  const query = 'Get-CimInstance Win32_Process | Select-Object ProcessId, ParentProcessId, WorkingSetSize, CommandLine | ConvertTo-Json';
  const { stdout } = await promisify(execFile)('powershell.exe', ['-NoProfile', '-Command', query], { maxBuffer: 64 * 1024 * 1024 });
  const rows = JSON.parse(stdout) as readonly {
    readonly ProcessId: number; readonly ParentProcessId: number; readonly WorkingSetSize: number; readonly CommandLine: string | null;
  }[];
  return rows.map(({ ProcessId, ParentProcessId, WorkingSetSize, CommandLine }) =>
    ({ pid: ProcessId, parentPid: ParentProcessId, memoryBytes: WorkingSetSize, commandLine: CommandLine ?? '' }));
}
