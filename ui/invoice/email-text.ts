// The e-mail that accompanies an invoice, in the customer's language. The user's own program attaches the PDF and sends it.

import type { Mail } from '../../shared/window/mail.ts';
import { paperContent, type PaperSource } from './paper-content.ts';

interface Words {
  subject(document: string, seller: string): string;
  text(document: string, date: string, total: string): readonly string[];
  readonly closing: string;
}

const words: Readonly<Record<'en' | 'de', Words>> = {
  en: {
    subject: (document, seller) => `${document} from ${seller}`,
    text: (document, date, total) => ['Hello,', '', `please find attached: ${document} of ${date} for ${total}.`],
    closing: 'Kind regards',
  },
  de: {
    subject: (document, seller) => `${document} von ${seller}`,
    text: (document, date, total) => ['Guten Tag,', '', `im Anhang erhalten Sie unsere ${document} vom ${date} über ${total}.`],
    closing: 'Mit freundlichen Grüßen',
  },
};

/** The most of a name that is quoted, so that the rest of the text has room in a link. */
const MAX_NAME_LENGTH = 100;

export function invoiceMail(source: PaperSource): Mail {
  const { invoice, customer } = source;
  const { format, heading, date, request, seller } = paperContent(source);
  const { subject, text, closing } = words[format.language];
  const sender = seller.slice(0, MAX_NAME_LENGTH);
  return {
    to: customer?.email ?? '',
    subject: subject(heading, sender),
    text: plain([
      ...text(heading, date, format.money(invoice.totalMinor, invoice.currency)), ...request ? [request] : [], '', closing, sender,
    ].join('\n')),
  };
}

/** Without the spaces that keep an amount together: programs show them as they please. */
function plain(text: string): string {
  return text.replace(/[\u00a0\u202f]/g, ' ');
}
