// Configures code signing from environment variables; documented in docs/desktop.md.
//
// Invariants: without any of these variables nothing is signed; with one of them, an unsigned file fails the build.

import type { Configuration } from 'electron-builder';

type Environment = Readonly<Record<string, string | undefined>>;

/** The signing part of electron-builder's configuration. Throws if the variables of a method are incomplete. */
export function signing(env: Environment): { readonly win: NonNullable<Configuration['win']>; readonly forceCodeSigning: boolean } {
  const endpoint = env['AZURE_SIGNING_ENDPOINT'];
  if (endpoint) {
    // electron-builder reads the credentials from AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET itself.
    return {
      forceCodeSigning: true,
      win: {
        azureSignOptions: {
          endpoint,
          codeSigningAccountName: required(env, 'AZURE_SIGNING_ACCOUNT'),
          certificateProfileName: required(env, 'AZURE_SIGNING_PROFILE'),
          publisherName: required(env, 'SIGNING_PUBLISHER'),
        },
      },
    };
  }
  const certificateSha1 = env['SIGNING_CERT_SHA1'];
  if (certificateSha1) return { forceCodeSigning: true, win: { signtoolOptions: { certificateSha1, signingHashAlgorithms: ['sha256'] } } };
  // electron-builder reads the certificate file and its password itself.
  const hasFile = Boolean(env['WIN_CSC_LINK'] ?? env['CSC_LINK']);
  return { forceCodeSigning: hasFile, win: hasFile ? { signtoolOptions: { signingHashAlgorithms: ['sha256'] } } : {} };
}

function required(env: Environment, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`To sign with AZURE_SIGNING_ENDPOINT, set ${name} as well.`);
  return value;
}
