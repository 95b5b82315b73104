// The system's dialogs for files, of which one is open at a time.

import { AppError } from '../../shared/errors.ts';

/** A function that opens a dialog of a window. Throws `conflict` while another one is open. */
export function oneDialogAtATime<W>(window: () => W): <T>(open: (window: W) => Promise<T>) => Promise<T> {
  let isOpen = false;
  return async (open) => {
    const fields = { dialog: { code: 'invalid', message: 'is open' } } as const;
    if (isOpen) throw new AppError('conflict', 'Another save dialog is open. Close it first.', { fields });
    const current = window();
    isOpen = true;
    return open(current).finally(() => { isOpen = false; });
  };
}
