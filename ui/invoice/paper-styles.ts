// The look of the printed invoice: a letter by DIN 5008, form B, on A4. Lengths are on paper. What a window envelope shows is
// 45 mm from the top and 20 mm from the left, 85 mm by 45 mm, its text another 5 mm in; the lower 27.3 mm are for the address.

import { css } from 'lit';

export const paperStyles = css`
  .unbroken, .kept, .unfitted .word { white-space: nowrap; }
  *, ::before, ::after { box-sizing: border-box; }

  :host {
    display: block;
    inline-size: 210mm;
    color-scheme: light;
    forced-color-adjust: none;
    print-color-adjust: exact;
    direction: ltr;
    color: var(--color-text);
    font-family: var(--font);
    font-size: 9.5pt;
    line-height: 1.4;
    /* Lines break where they do in print, whatever the screen's resolution is. */
    text-rendering: geometricPrecision;
  }

  h1, p, address, dl, dd { margin: 0; }
  address { font-style: normal; }

  .sheet { position: relative; inline-size: 210mm; block-size: 297mm; padding-inline: 25mm 20mm; overflow: clip;
    background: var(--color-surface); break-inside: avoid; }
  .sheet + .sheet { break-before: page; }
  .sheet.galley { block-size: auto; }

  .mark { position: absolute; inset-inline-start: 4mm; inline-size: 4mm; border-block-start: 0.2mm solid var(--color-muted); }
  .mark.upper { inset-block-start: 105mm; }
  .mark.hole { inset-block-start: 148.5mm; inline-size: 6mm; }
  .mark.lower { inset-block-start: 210mm; }
  .stamp { position: absolute; inset-inline: 0; inset-block-start: 128mm; color: color-mix(in srgb, var(--color-text) 10%, transparent);
    font-size: 80pt; font-weight: var(--weight-strong); line-height: 1; text-align: center; rotate: -32deg; }

  .letterhead { position: absolute; inset-block-start: 10mm; inset-inline: 25mm 20mm; block-size: 30mm; display: flex;
    align-items: center; justify-content: flex-end; }
  .letterhead img { max-inline-size: 90mm; max-block-size: 30mm; object-fit: contain; }
  .letterhead p { font-size: 15pt; font-weight: var(--weight-strong); line-height: var(--line-tight); text-align: end;
    overflow-wrap: anywhere; max-block-size: 100%; overflow: hidden; }

  .window { position: absolute; inset-block-start: 45mm; inset-inline-start: 20mm; display: flex; flex-direction: column;
    inline-size: 85mm; block-size: 45mm; padding-inline-start: 5mm; overflow: hidden; }
  .sender { display: flex; align-items: flex-end; flex: 0 1 17.7mm; min-block-size: min-content; padding-block-end: 1.2mm; }
  .sender span { max-block-size: 8mm; border-block-end: 0.15mm solid var(--color-muted); color: var(--color-muted); font-size: 6.5pt;
    line-height: 1.25; overflow: hidden; overflow-wrap: anywhere; }
  .window address { flex: none; font-size: 10pt; line-height: 1.25; overflow-wrap: anywhere; }
  .window.small address { font-size: 8pt; }
  .window.smallest address { font-size: 6pt; line-height: 1.15; }

  .opening { min-block-size: 98.46mm; padding-block: 50mm 7mm; }
  .facts { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0.6mm 3mm; font-size: 8.5pt; line-height: 1.3; }
  .opening .facts { inline-size: 65mm; margin-inline-start: 100mm; }
  .facts dt { color: var(--color-muted); }
  .facts dd { overflow-wrap: anywhere; }

  h1 { font-size: 14pt; font-weight: var(--weight-strong); line-height: var(--line-tight); overflow-wrap: anywhere; }
  .corrects { margin-block-start: 1mm; }
  .heading { padding-block-end: 6mm; }
  .again { display: flex; justify-content: space-between; gap: 10mm; block-size: 32mm; padding-block-start: 18mm;
    color: var(--color-muted); font-size: 8.5pt; line-height: 1.3; }
  .again span { max-block-size: 10mm; overflow: hidden; overflow-wrap: anywhere; }
  .again span + span { text-align: end; }

  table { inline-size: 100%; border-collapse: collapse; table-layout: fixed; font-size: calc(9pt * var(--scale, 1)); }
  .position { inline-size: 9mm; }
  .quantity { inline-size: var(--quantity); }
  .price { inline-size: var(--price); }
  .tax { inline-size: var(--tax); }
  .amount { inline-size: var(--amount); }
  .untaxed :is(td, th).tax { padding: 0; }
  th { padding: 0 0 1.4mm; border-block-end: 0.3mm solid var(--color-text); font-size: 8pt; font-weight: var(--weight-strong);
    text-align: start; vertical-align: bottom; }
  td { padding: 1.6mm 0 0; vertical-align: top; }
  :is(td, th):not(:first-child) { padding-inline-start: 2.5mm; }
  :is(td, th):nth-child(2) { padding-inline-start: 0; }
  tr.end td { padding-block-end: 1.6mm; border-block-end: 0.15mm solid var(--color-line); }
  tr.part td { padding-block-start: 0; }
  td.description { white-space: pre-line; overflow-wrap: anywhere; }
  td.position { color: var(--color-muted); }
  :is(td, th):is(.quantity, .price, .tax, .amount) { text-align: end; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
  tr.carried td { padding-block: 1.6mm; font-weight: var(--weight-strong); }
  tr.carried.in td { border-block-end: 0.15mm solid var(--color-line); }

  .sums { display: grid; grid-template-columns: minmax(min-content, 1fr) auto; gap: 1.2mm 6mm; inline-size: min-content;
    min-inline-size: 105mm; max-inline-size: 100%; margin-inline-start: auto; padding-block-start: 1.2mm; }
  .sums.totals { padding-block-start: 3.5mm; }
  .sums dd { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
  .sums dt { overflow-wrap: anywhere; }
  .sums .strong { padding-block-start: 1.2mm; border-block-start: 0.3mm solid var(--color-text); font-size: 11pt;
    font-weight: var(--weight-strong); }
  /* The rule above a sum runs through the gap between its label and its amount. */
  .sums dt.strong { margin-inline-end: -6mm; }
  .sums .quiet { color: var(--color-muted); }
  /* What has happened since stands apart from the invoice as it was issued. */
  .since { inline-size: 105mm; margin: 0; margin-inline-start: auto; padding-block-start: 7mm; font-weight: var(--weight-strong); }

  .text { padding-block-start: 5mm; overflow-wrap: anywhere; }
  .text .facts { margin-block-start: 2.5mm; }
  .note { white-space: pre-line; overflow-wrap: anywhere; min-block-size: 1lh; }
  .note.first, .closing.first { padding-block-start: 5mm; }
  .closing { color: var(--color-muted); font-size: 8pt; line-height: 1.35; white-space: pre-line; overflow-wrap: anywhere;
    min-block-size: 1lh; }

  footer { position: absolute; inset-block-end: 9mm; inset-inline: 25mm 20mm; color: var(--color-muted); font-size: 6.5pt;
    line-height: 1.35; }
  .page-number { padding-block-end: 1.5mm; font-size: 8pt; text-align: end; }
  .columns { display: flex; justify-content: space-between; gap: 5mm; padding-block-start: 1.8mm;
    border-block-start: 0.15mm solid var(--color-muted); }
  .columns > p { max-inline-size: 48mm; overflow-wrap: break-word; }
  .imprint { max-block-size: 60mm; padding-block-start: 1.5mm; white-space: pre-line; overflow: hidden; overflow-wrap: anywhere; }
  .imprint.columned { columns: 2; column-gap: 5mm; }
`;
