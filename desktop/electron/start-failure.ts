// What the user sees when the program cannot start. Without it Electron would go on without a window and keep the lock that
// makes every later start end at once: neither an unhandled rejection nor an uncaught exception ends its main process.
//
// Invariants: works before Electron is ready, and in the system's language, since there may be no settings to read.

import { app, dialog } from 'electron';

import { chooseLanguage } from './menu.ts';

/** `folder`: the data folder cannot be used. `locked`: it is in use elsewhere, perhaps. `unexpected`: anything else; the log says more. */
export type StartFailure = 'folder' | 'locked' | 'unexpected';

const texts = {
  en: {
    title: 'Invoify cannot start',
    folder: (path: string) => `Invoify cannot use the folder for its data:\n${path}\n\nCheck that its drive is connected and not full, `
      + 'and that you may create files there. Or use another folder: set the environment variable INVOIFY_DATA to its full path. '
      + 'Then start Invoify again.',
    locked: (path: string) => 'Invoify is already open on another computer or in another session, or its folder cannot be used:\n'
      + `${path}\n\nClose Invoify there, or sign out of that session. Or use another folder: set the environment variable INVOIFY_DATA `
      + 'to its full path. Then start Invoify again.',
    unexpected: (path: string) => 'Something went wrong, but nothing is lost. Start Invoify again. If it still does not start, '
      + `restart the computer; if that does not help either, send the logs to your administrator:\n${path}`,
  },
  de: {
    title: 'Invoify kann nicht starten',
    folder: (path: string) => `Invoify kann den Ordner für seine Daten nicht verwenden:\n${path}\n\nPrüfen Sie, ob das Laufwerk `
      + 'verbunden und nicht voll ist und ob Sie dort Dateien anlegen dürfen. Oder verwenden Sie einen anderen Ordner: Tragen Sie '
      + 'seinen vollständigen Pfad in die Umgebungsvariable INVOIFY_DATA ein. Starten Sie Invoify danach neu.',
    locked: (path: string) => 'Invoify ist bereits auf einem anderen Computer oder in einer anderen Sitzung geöffnet, oder sein Ordner '
      + `kann nicht verwendet werden:\n${path}\n\nSchließen Sie Invoify dort, oder melden Sie sich dort ab. Oder verwenden Sie einen `
      + 'anderen Ordner: Tragen Sie seinen vollständigen Pfad in die Umgebungsvariable INVOIFY_DATA ein. Starten Sie Invoify danach neu.',
    unexpected: (path: string) => 'Etwas ist schiefgegangen, aber nichts ist verloren. Starten Sie Invoify noch einmal. Wenn es wieder '
      + 'nicht startet, starten Sie den Computer neu; wenn auch das nicht hilft, senden Sie die Protokolle an Ihren Administrator:'
      + `\n${path}`,
  },
} as const;

/** Says what failed, and what to do, about the folder `path`; then ends the program with exit code 1. */
export function failStart(failure: StartFailure, path: string, error: unknown): void {
  try {
    const text = texts[chooseLanguage('system', app.getPreferredSystemLanguages()[0] ?? '')];
    const reason = error instanceof Error ? error.message : String(error);
    dialog.showErrorBox(text.title, `${text[failure](path)}\n\n(${reason})`);
  } finally {
    app.exit(1);
  }
}
