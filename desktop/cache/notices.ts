// Why the copy is being, or was, built anew: a code for what draws it, and the sentence that says the most.

import type { CacheNotice, RebuildReason } from '../../shared/window/views.ts';

const rebuildSentences: Readonly<Record<RebuildReason, string>> = {
  cursor_ended: 'The server no longer knew what this copy had seen, so it was downloaded again.',
  scope_changed: 'What you may see has changed, so the copy was downloaded again.',
  copy_differed: 'The copy differed from the server, so it was downloaded again.',
  rows_damaged: 'The copy on this disk was damaged, so it was downloaded again.',
};

/** The notice of a rebuild for a reason as it was kept; one that a version before this knew is of a copy that differed. */
export function rebuildNotice(reason: string): CacheNotice & { readonly code: RebuildReason } {
  const code = isRebuildReason(reason) ? reason : 'copy_differed';
  return { code, message: rebuildSentences[code] };
}

/** A copy was found damaged, and one will come in its place. `reason` is a sentence. */
export function damagedNotice(reason: string): CacheNotice {
  return { code: 'damaged', message: `${reason} It is downloaded again.` };
}

/** A copy was moved aside, and one will come, or has come, in its place. `reason` is a sentence. */
export function setAsideNotice(reason: string, hasCome: boolean): CacheNotice {
  return hasCome ? { code: 'replaced', message: `${reason} It was set aside and downloaded again.` }
    : { code: 'set_aside', message: `${reason} It was set aside and is downloaded again.` };
}

function isRebuildReason(text: string): text is RebuildReason {
  return Object.hasOwn(rebuildSentences, text);
}
