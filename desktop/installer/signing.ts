// How the program and its installer are signed, as the environment says. docs/desktop.md explains it to people.
//
// What always holds: without any of these variables nothing is signed; with one of them an unsigned file fails the build.

import type { Configuration } from 'electron-builder';

type Environment = Readonly<Record<string, string | undefined>>;

/** The part of electron-builder's configuration that signs. Throws where the variables of one way are incomplete. */
export function signing(env: Environment): { readonly win: NonNullable<Configuration['win']>; readonly forceCodeSigning: boolean } {
  const endpoint = env['AZURE_SIGNING_ENDPOINT'];
  if (endpoint) {
    // electron-builder reads who signs in from AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET itself.
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
  // electron-builder reads the certificate's file and its password itself.
  const hasFile = Boolean(env['WIN_CSC_LINK'] ?? env['CSC_LINK']);
  return { forceCodeSigning: hasFile, win: hasFile ? { signtoolOptions: { signingHashAlgorithms: ['sha256'] } } : {} };
}

function required(env: Environment, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`To sign with AZURE_SIGNING_ENDPOINT, set ${name} as well.`);
  return value;
}
