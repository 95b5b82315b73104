// Exposes the desktop to the page as `window.electron`, and nothing else.
//
// Invariants: the page can use one channel for calls and one per event, never ipcRenderer itself; no token is handed to the
// page. A sandboxed preload must be one CommonJS file, hence the bundle and `require`.

const { contextBridge, ipcRenderer } = require('electron') as typeof import('electron');
const { createWindowApi } =
  require('../../shared/window/ipc.ts') as typeof import('../../shared/window/ipc.ts', { with: { 'resolution-mode': 'import' } });

contextBridge.exposeInMainWorld('electron', createWindowApi({
  call: (channel, request) => ipcRenderer.invoke('call', channel, request),
  listen(event, listener) {
    const handler = (_event: unknown, value: Parameters<typeof listener>[0]): void => listener(value);
    ipcRenderer.on(event, handler);
    return () => void ipcRenderer.off(event, handler);
  },
}));

// Only pages get these events; the main process forwards them to the data process.
for (const state of ['online', 'offline'] as const) {
  (globalThis as unknown as EventTarget).addEventListener(state, () => ipcRenderer.send('network', state));
}
