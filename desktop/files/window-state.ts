// Where the window was when it was closed, and how large it and its content were, in `window.json` in the data folder.
//
// Invariants: whatever the file says and whichever displays are gone, the window can be seen and moved; unusable content is ignored.

import { readFileSync, writeFileSync } from 'node:fs';

import { isObject } from '../../shared/fields.ts';

/** In device-independent pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface WindowState {
  /** Without maximizing; null lets the system choose. */
  readonly bounds: Box | null;
  readonly isMaximized: boolean;
  /** As Chromium counts: 0 is the actual size, and each step is a fifth larger. */
  readonly zoomLevel: number;
}

/** In device-independent pixels. */
export const minSize = { width: 820, height: 560 } as const;
/** How much of the title bar must be on a display, so that the window can be dragged. */
const minVisible = { width: 120, height: 32 } as const;

/** The saved state, or the default if there is none or it is unusable. */
export function readWindowState(path: string): WindowState {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (isObject(value)) {
      const { bounds, isMaximized, zoomLevel } = value;
      return { bounds: parseBox(bounds), isMaximized: isMaximized === true, zoomLevel: isZoomLevel(zoomLevel) ? zoomLevel : 0 };
    }
  } catch {
    // The first start, or a damaged file: there is nothing to restore.
  }
  return { bounds: null, isMaximized: false, zoomLevel: 0 };
}

/** Synchronous, for when the system shuts down. Throws if it cannot be written; a crash may leave an unusable file. */
export function saveWindowState(path: string, state: WindowState): void {
  writeFileSync(path, `${JSON.stringify(state)}\n`, { mode: 0o600 });
}

function parseBox(value: unknown): Box | null {
  if (!isObject(value)) return null;
  const { x, y, width, height } = value;
  const isBox = [x, y, width, height].every((side) => Number.isInteger(side) && Math.abs(side as number) < 100_000);
  return isBox && (width as number) > 0 && (height as number) > 0 ? { x, y, width, height } as Box : null;
}

/** Chromium zooms from a quarter to five times the actual size. */
function isZoomLevel(value: unknown): value is number {
  return typeof value === 'number' && value > -8 && value < 9;
}

/** Keeps the saved bounds if their title bar is on a display, limited to that display's work area. */
export function fitToDisplays({ bounds, ...others }: WindowState, workAreas: readonly Box[]): WindowState {
  const display = bounds && workAreas.find((area) => canBeDragged(bounds, area));
  if (!display) return { bounds: null, ...others };
  const width = Math.min(Math.max(bounds.width, minSize.width), display.width);
  const height = Math.min(Math.max(bounds.height, minSize.height), display.height);
  return { bounds: { x: bounds.x, y: bounds.y, width, height }, ...others };
}

function canBeDragged(bounds: Box, area: Box): boolean {
  const visibleWidth = Math.min(bounds.x + bounds.width, area.x + area.width) - Math.max(bounds.x, area.x);
  const isTopVisible = bounds.y >= area.y && bounds.y + minVisible.height <= area.y + area.height;
  return isTopVisible && visibleWidth >= minVisible.width;
}
