// Notices that tell people why the cache was replaced: a code for the window, and a full sentence.

import type { CacheNotice, RebuildReason } from '../../shared/window/views.ts';

const rebuildSentences: Readonly<Record<RebuildReason, string>> = {
  cursor_ended: 'The server no longer recognized the state of the data on this computer, so it was downloaded again.',
  scope_changed: 'What you may see has changed, so the data was downloaded again.',
  cache_differed: 'The data on this computer differed from the server, so it was downloaded again.',
  rows_damaged: 'The data on this computer was damaged, so it was downloaded again.',
};

/** The notice for a stored rebuild reason. Reasons of other versions fall back to `cache_differed`. */
export function rebuildNotice(reason: string): CacheNotice & { readonly code: RebuildReason } {
  const code = isRebuildReason(reason) ? reason : 'cache_differed';
  return { code, message: rebuildSentences[code] };
}

/** The cache is damaged and will be downloaded again. `reason` is a sentence. */
export function damagedNotice(reason: string): CacheNotice {
  return { code: 'damaged', message: `${reason} It will be downloaded again.` };
}

/** A cache was set aside; `isReplaced` once it has been downloaded again. `reason` is a sentence. */
export function setAsideNotice(reason: string, isReplaced: boolean): CacheNotice {
  return isReplaced ? { code: 'replaced', message: `${reason} It was set aside and downloaded again.` }
    : { code: 'set_aside', message: `${reason} It was set aside and will be downloaded again.` };
}

function isRebuildReason(text: string): text is RebuildReason {
  return Object.hasOwn(rebuildSentences, text);
}
