// An e-mail that the user's own program is asked to open: a `mailto:` link (RFC 6068) from its parts, so that nothing but such a
// link can come of them.

import { AppError } from '../errors.ts';
import { isEmail } from '../fields.ts';
import { problem } from '../problems.ts';

export interface Mail {
  /** An address, or empty if it is not known. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Windows opens no link of more than 2,081 characters. */
const MAX_LINK_LENGTH = 2000;
const MAX_SUBJECT_LENGTH = 200;

/** The link, its text cut where it would become too long. Throws `invalid_request` for a recipient that is not an e-mail address. */
export function mailLink({ to, subject, text }: Mail): string {
  if (to !== '' && !isEmail(to)) {
    throw new AppError('invalid_request', 'The recipient must be an e-mail address.', { fields: { to: problem('email') } });
  }
  const head = `mailto:${encode(to).replaceAll('%40', '@')}?subject=${encode(subject.slice(0, MAX_SUBJECT_LENGTH))}&body=`;
  const body = [...text.slice(0, MAX_LINK_LENGTH).replace(/\r?\n/g, '\r\n').toWellFormed()].map(encode);
  let length = head.length;
  const fits = body.findIndex((character) => (length += character.length) > MAX_LINK_LENGTH);
  return head + (fits === -1 ? body : body.slice(0, fits)).join('');
}

/** Also what `encodeURIComponent` leaves and a shell or another program might read as more than text. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed().replace(/[\u0000-\u0009\u000b\u000c\u000e-\u001f]/g, ' '))
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
