// The application menu and its shortcuts, and the menu of a text. The window handles some entries, sent to it as commands; the rest are
// Electron's roles.

import { app, Menu, type BrowserWindow, type MenuItemConstructorOptions } from 'electron';

import type { Command, Settings } from '../../shared/window/ipc.ts';

const texts = {
  en: {
    file: '&File', new: 'New', print: 'Print…', settings: 'Settings', quit: 'Quit',
    edit: '&Edit', undo: 'Undo', redo: 'Redo', cut: 'Cut', copy: 'Copy', paste: 'Paste', selectAll: 'Select all', search: 'Search',
    view: '&View', refresh: 'Refresh', zoomIn: 'Zoom in', zoomOut: 'Zoom out', resetZoom: 'Actual size', fullScreen: 'Full screen',
    tools: 'Developer tools',
  },
  de: {
    file: '&Datei', new: 'Neu', print: 'Drucken …', settings: 'Einstellungen', quit: 'Beenden',
    edit: '&Bearbeiten', undo: 'Rückgängig', redo: 'Wiederholen', cut: 'Ausschneiden', copy: 'Kopieren', paste: 'Einfügen',
    selectAll: 'Alles auswählen', search: 'Suchen',
    view: '&Ansicht', refresh: 'Synchronisieren', zoomIn: 'Vergrößern', zoomOut: 'Verkleinern', resetZoom: 'Originalgröße',
    fullScreen: 'Vollbild', tools: 'Entwicklerwerkzeuge',
  },
} as const;

/** Sets the menu in the chosen language; `system` means the system's if there is a translation, otherwise English. */
export function setMenu(language: Settings['language'], send: (command: Command) => void): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(chooseLanguage(language, app.getLocale()), send)));
}

/** Opens a menu where a text is entered or selected, by mouse or keyboard; the page has its own for the rows of a list. */
export function offerTextMenu(window: BrowserWindow, language: () => Settings['language']): void {
  window.webContents.on('context-menu', (_event, { x, y, isEditable, selectionText, editFlags, menuSourceType }) => {
    if (!isEditable && selectionText.trim() === '') return;
    const text = texts[chooseLanguage(language(), app.getLocale())];
    const { canCut, canCopy, canPaste, canSelectAll } = editFlags;
    const copy = { role: 'copy', label: text.copy, enabled: canCopy } as const;
    Menu.buildFromTemplate(!isEditable ? [copy] : [
      { role: 'cut', label: text.cut, enabled: canCut }, copy, { role: 'paste', label: text.paste, enabled: canPaste },
      { type: 'separator' }, { role: 'selectAll', label: text.selectAll, enabled: canSelectAll },
    ]).popup({ window, x, y, sourceType: menuSourceType });
  });
}

/** `locale` is the system's. */
export function chooseLanguage(chosen: Settings['language'], locale: string): keyof typeof texts {
  if (chosen !== 'system') return chosen;
  return locale.toLowerCase().split('-')[0] === 'de' ? 'de' : 'en';
}

function menuTemplate(language: keyof typeof texts, send: (command: Command) => void): MenuItemConstructorOptions[] {
  const text = texts[language];
  const command = (name: Command, accelerator: string): MenuItemConstructorOptions =>
    ({ label: text[name], accelerator, click: () => send(name) });
  const separator = { type: 'separator' } as const;
  return [
    {
      label: text.file,
      submenu: [
        command('new', 'CommandOrControl+N'), command('print', 'CommandOrControl+P'), separator,
        command('settings', 'CommandOrControl+,'), separator,
        { role: 'quit', label: text.quit, accelerator: 'CommandOrControl+Q' },
      ],
    },
    {
      label: text.edit,
      submenu: [
        { role: 'undo', label: text.undo }, { role: 'redo', label: text.redo }, separator,
        { role: 'cut', label: text.cut }, { role: 'copy', label: text.copy }, { role: 'paste', label: text.paste },
        { role: 'selectAll', label: text.selectAll }, separator,
        command('search', 'CommandOrControl+F'),
      ],
    },
    {
      label: text.view,
      submenu: [
        command('refresh', 'F5'), separator,
        { role: 'zoomIn', label: text.zoomIn }, { role: 'zoomOut', label: text.zoomOut },
        // The role's own accelerator needs Shift with this key, even on a German keyboard, where + is on it without.
        { role: 'zoomIn', label: text.zoomIn, accelerator: 'CommandOrControl+=', visible: false },
        { role: 'resetZoom', label: text.resetZoom }, separator,
        { role: 'togglefullscreen', label: text.fullScreen },
        // Only during development.
        ...(app.isPackaged ? [] : [{ role: 'toggleDevTools', label: text.tools } as const]),
      ],
    },
  ];
}
