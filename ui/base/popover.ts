// Places a popover at its button's start edge, below it or, if there is more room, above, and keeps it inside the window.
// Popovers are in the browser's top layer, so no ancestor clips them. When one closes, the focus goes from within it to its button.

const gapPx = 4;

export function placePopover(popover: HTMLElement, button: HTMLElement): void {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = popover;
  const isAbove = at.bottom + gapPx + height > window.innerHeight && at.top > window.innerHeight - at.bottom;
  const isRightToLeft = getComputedStyle(button).direction === 'rtl';
  const left = isRightToLeft ? at.right - width : at.left;
  const top = isAbove ? at.top - gapPx - height : at.bottom + gapPx;
  popover.style.left = `${clamp(left, window.innerWidth - width)}px`;
  popover.style.top = `${clamp(top, window.innerHeight - height)}px`;
  popover.onbeforetoggle = () => {
    if (popover.matches(':focus-within')) button.focus();
  };
}

function clamp(px: number, max: number): number {
  return Math.max(gapPx, Math.min(px, max - gapPx));
}
