// Asks before the window closes on what was typed and not saved, a write that the server has not answered, or a run over several
// invoices.

import { app, dialog, type BrowserWindow } from 'electron';

import type { Settings } from '../../shared/window/ipc.ts';
import { chooseLanguage } from './menu.ts';

const texts = {
  en: {
    message: 'Close Invoify?',
    detail: 'Something has not been saved yet, or is still being done.',
    buttons: ['Go back', 'Close'],
  },
  de: {
    message: 'Invoify schließen?',
    detail: 'Etwas ist noch nicht gespeichert oder noch in Arbeit.',
    buttons: ['Zurück', 'Schließen'],
  },
};

/** Returns the function that takes what the page reports. A page that crashes has nothing left to save. */
export function guardUnsaved(window: BrowserWindow, language: () => Settings['language']): (isUnsaved: boolean) => void {
  let isUnsaved = false;
  let isAsking = false;

  /** Whether the user discards it. */
  async function ask(): Promise<boolean> {
    const { response } = await dialog.showMessageBox(window, {
      ...texts[chooseLanguage(language(), app.getLocale())], type: 'warning', defaultId: 0, cancelId: 0, noLink: true,
    });
    return response === 1;
  }

  // Whatever closes it: its X, the menu's Quit, the installer of an update.
  window.on('close', (event) => {
    if (!isUnsaved) return;
    event.preventDefault();
    if (isAsking) return;
    isAsking = true;
    void ask().then((isGivenUp) => {
      isAsking = false;
      if (!isGivenUp || window.isDestroyed()) return;
      isUnsaved = false;
      window.close();
    });
  });
  // Windows then names the program as one that keeps the session from ending, and lets the user decide.
  window.on('query-session-end', (event) => {
    if (isUnsaved) event.preventDefault();
  });
  window.webContents.on('render-process-gone', () => {
    isUnsaved = false;
  });
  return (value) => {
    isUnsaved = value;
  };
}
