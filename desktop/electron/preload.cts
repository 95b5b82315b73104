// What the window's page gets of the desktop: `window.electron`, and nothing else.
//
// What always holds: the page reaches one channel for calls and one for each event, and never ipcRenderer itself; a token
// passes here only where the page brings it. It runs in a sandbox, so it is bundled into one file, and as CommonJS:
// hence `require`.

const { contextBridge, ipcRenderer } = require('electron') as typeof import('electron');
const { createWindowApi } =
  require('../../shared/window/ipc.ts') as typeof import('../../shared/window/ipc.ts', { with: { 'resolution-mode': 'import' } });

contextBridge.exposeInMainWorld('electron', createWindowApi({
  call: (channel, request) => ipcRenderer.invoke('call', channel, request),
  listen(event, listener) {
    const hear = (_event: unknown, value: Parameters<typeof listener>[0]): void => listener(value);
    ipcRenderer.on(event, hear);
    return () => void ipcRenderer.off(event, hear);
  },
}));

// Only a page is told of the network coming and going; the main process passes it on.
for (const state of ['online', 'offline'] as const) {
  (globalThis as unknown as EventTarget).addEventListener(state, () => ipcRenderer.send('network', state));
}
