// Where the window stood when it was last closed, in a file of its own: `window.json` in the data folder.
//
// What always holds: the window opens where a person can see and move it, whatever the file says and whichever display
// is gone; what cannot be used is forgotten without a word.

import { readFileSync } from 'node:fs';

import { isObject } from '../../shared/fields.ts';
import { replaceFile, type ReplaceDeps } from '../files/replace-file.ts';

/** In device-independent pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface WindowPlace {
  /** Where it stands when it is not maximized; null: wherever the system puts it. */
  readonly bounds: Box | null;
  readonly isMaximized: boolean;
}

export const minSize = { width: 820, height: 560 } as const;
export const usualSize = { width: 1280, height: 800 } as const;

/** So much of the title bar must be on a display to take hold of it. */
const GRIP = { width: 120, height: 32 } as const;

/** Where to open the window, given what was kept and the displays' work areas. */
export function placeWindow(kept: WindowPlace, workAreas: readonly Box[]): WindowPlace {
  const { bounds, isMaximized } = kept;
  const home = bounds && workAreas.find((area) => isHeldBy(bounds, area));
  if (!home) return { bounds: null, isMaximized };
  const width = Math.min(Math.max(bounds.width, minSize.width), home.width);
  const height = Math.min(Math.max(bounds.height, minSize.height), home.height);
  return { bounds: { x: bounds.x, y: bounds.y, width, height }, isMaximized };
}

function isHeldBy(bounds: Box, area: Box): boolean {
  const seenWidth = Math.min(bounds.x + bounds.width, area.x + area.width) - Math.max(bounds.x, area.x);
  const isTopOn = bounds.y >= area.y && bounds.y + GRIP.height <= area.y + area.height;
  return isTopOn && seenWidth >= GRIP.width;
}

/** What was kept; the usual place where nothing that can be used was. */
export function readPlace(path: string): WindowPlace {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (isObject(value)) return { bounds: parseBox(value['bounds']), isMaximized: value['isMaximized'] === true };
  } catch {
    // The first start, or a file that something damaged: either way there is nothing to restore.
  }
  return { bounds: null, isMaximized: false };
}

export async function keepPlace(path: string, place: WindowPlace, deps: ReplaceDeps): Promise<void> {
  await replaceFile(path, async (file) => void await file.writeFile(`${JSON.stringify(place)}\n`), deps);
}

function parseBox(value: unknown): Box | null {
  if (!isObject(value)) return null;
  const { x, y, width, height } = value;
  const isBox = [x, y, width, height].every((side) => Number.isInteger(side) && Math.abs(side as number) < 100_000);
  return isBox && (width as number) > 0 && (height as number) > 0 ? { x, y, width, height } as Box : null;
}
