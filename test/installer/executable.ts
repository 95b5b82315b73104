// Reads and edits Windows executables, with the same library as electron-builder.

import { NtExecutable, NtExecutableResource, Resource } from 'resedit';

/** Windows resource types. */
const versionType = 16;
const manifestType = 24;

export interface Executable {
  readonly resources: NtExecutableResource;
  readonly toBytes: () => Buffer;
}

/** Parses an executable and drops its signature, which editing would invalidate. */
export function readExecutable(bytes: Uint8Array): Executable {
  const executable = NtExecutable.from(bytes, { ignoreCert: true });
  const resources = NtExecutableResource.from(executable);
  return {
    resources,
    toBytes() {
      resources.outputResource(executable);
      return Buffer.from(executable.generate());
    },
  };
}

/** The version strings that Windows shows in an executable's properties. */
export function versionStrings({ resources }: Executable): Readonly<Record<string, string>> {
  const [version] = Resource.VersionInfo.fromEntries(resources.entries);
  const [language] = version?.getAllLanguagesForStringValues() ?? [];
  return version && language ? version.getStringValues(language) : {};
}

/** The requested execution level: `asInvoker`, `requireAdministrator`. */
export function executionLevel(executable: Executable): string | undefined {
  const manifest = textResource(executable, manifestType);
  return /requestedExecutionLevel[^>]*level="(\w+)"/.exec(manifest ?? '')?.[1];
}

/** The first resource of this type, as text. */
export function textResource({ resources }: Executable, type: string | number): string | undefined {
  const entry = resources.entries.find((candidate) => candidate.type === type);
  return entry && Buffer.from(entry.bin).toString('utf8');
}

/** Adds a resource with the language of the version information. */
export function addResource({ resources }: Executable, type: string, bytes: Buffer): void {
  const version = resources.entries.find((entry) => entry.type === versionType);
  if (!version) throw new Error('the executable has no version information');
  const { buffer, byteOffset, length } = Uint8Array.from(bytes);
  const { lang, codepage } = version;
  resources.entries.push({ type, id: 'STANDIN', bin: buffer.slice(byteOffset, byteOffset + length), lang, codepage });
}
