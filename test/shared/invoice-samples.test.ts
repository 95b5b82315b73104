// The totals of 25 public sample invoices: the figures of examples of EN 16931 (CEN/TC 434), Peppol BIS Billing 3 and XRechnung, entered
// anew; allowances and charges are lines here. What the samples state must come out to the cent, and in the e-invoice, too.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Invoice, TaxCategory } from '../../shared/collections.ts';
import { toMajorUnits } from '../../shared/currency.ts';
import { writeEInvoice } from '../../shared/e-invoice.ts';
import { computeTotals, lineNetMinor } from '../../shared/invoice.ts';
import { credited, creditNote, input, line } from './e-invoices.ts';

interface Sample {
  readonly kind: Invoice['kind'];
  readonly currency: string;
  readonly lines: readonly (readonly [
    quantityMilli: number, unitPriceMinor: number, priceQuantity: number, category: TaxCategory, rateBp: number, netMinor: number,
  ])[];
  readonly taxes: readonly (readonly [category: TaxCategory, rateBp: number, netMinor: number, taxMinor: number])[];
  readonly subtotal: number;
  readonly total: number;
}

const samples: readonly Sample[] = [
  {
    kind: 'invoice', currency: 'DKK',
    lines: [
      [1000, 62_574_354, 1, 'S', 2500, 62_574_354],
    ],
    taxes: [['S', 2500, 62_574_354, 15_643_589]],
    subtotal: 62_574_354, total: 78_217_943,
  },
  {
    kind: 'invoice', currency: 'SEK',
    lines: [
      [1000, 10_000, 1, 'S', 600, 10_000], [1000, 5000, 1, 'S', 1200, 5000], [1000, 15_000, 1, 'S', 1200, 15_000],
      [1000, 40_000, 1, 'S', 2500, 40_000], [-1000, 0, 1, 'S', 600, 0], [-1000, 100, 1, 'E', 0, -100],
      [1000, 100, 1, 'E', 0, 100], [1000, 0, 1, 'E', 0, 0],
    ],
    taxes: [['E', 0, 0, 0], ['S', 600, 10_000, 600], ['S', 1200, 20_000, 2400], ['S', 2500, 40_000, 10_000]],
    subtotal: 70_000, total: 83_000,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [100_000, 1212, 100, 'S', 2500, 1212],
    ],
    taxes: [['S', 2500, 1212, 303]],
    subtotal: 1212, total: 1515,
  },
  {
    kind: 'credit_note', currency: 'EUR',
    lines: [
      [1000, 10_011, 1, 'E', 0, 10_011],
    ],
    taxes: [['E', 0, 10_011, 0]],
    subtotal: 10_011, total: 10_011,
  },
  {
    kind: 'invoice', currency: 'DKK',
    lines: [
      [1_000_000, 100, 1, 'S', 2500, 100_000], [100_000, 500, 1, 'S', 2500, 50_000], [500_000, 500, 1, 'S', 1200, 250_000],
    ],
    taxes: [['S', 1200, 250_000, 30_000], ['S', 2500, 150_000, 37_500]],
    subtotal: 400_000, total: 467_500,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [1000, 85_000, 1, 'S', 1900, 85_000], [1000, 298_600, 1, 'S', 1900, 298_600], [1000, 234_400, 1, 'S', 1900, 234_400],
      [1000, 280_000, 1, 'S', 1900, 280_000],
    ],
    taxes: [['S', 1900, 898_000, 170_620]],
    subtotal: 898_000, total: 1_068_620,
  },
  {
    kind: 'invoice', currency: 'SEK',
    lines: [
      [1000, 250_000, 1, 'O', 0, 250_000], [1000, 70_000, 1, 'O', 0, 70_000],
    ],
    taxes: [['O', 0, 320_000, 0]],
    subtotal: 320_000, total: 320_000,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [16_000_000, 88, 100, 'S', 2100, 14_080], [16_000_000, 101, 1000, 'S', 2100, 1616],
      [132_000, 1524, 12, 'S', 2100, 16_764], [58_000, 153, 1, 'S', 2100, 8874], [1000, 44_100, 12, 'S', 2100, 3675],
      [1000, 67_800, 12, 'S', 2100, 5650], [1000, 8334, 1, 'S', 2100, 8334], [1000, 19_031, 1, 'S', 2100, 19_031],
      [1000, 6421, 1, 'S', 2100, 6421], [1000, 6446, 1, 'S', 2100, 6446],
    ],
    taxes: [['S', 2100, 90_891, 19_087]],
    subtotal: 90_891, total: 109_978,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [3000, 4900, 1, 'S', 2100, 14_700],
    ],
    taxes: [['S', 2100, 14_700, 3087]],
    subtotal: 14_700, total: 17_787,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [10_000, 40_000, 1, 'S', 2500, 400_000], [10_000, 20_000, 1, 'S', 1500, 200_000], [10_000, 9000, 1, 'S', 2500, 90_000],
      [1000, 20_000, 1, 'S', 2500, 20_000], [-1000, 10_000, 1, 'S', 2500, -10_000],
    ],
    taxes: [['S', 1500, 200_000, 30_000], ['S', 2500, 500_000, 125_000]],
    subtotal: 700_000, total: 855_000,
  },
  {
    kind: 'credit_note', currency: 'EUR',
    lines: [
      [7000, 40_000, 1, 'S', 2500, 280_000], [-3000, 50_000, 1, 'S', 2500, -150_000], [1000, 2500, 1, 'S', 2500, 2500],
    ],
    taxes: [['S', 2500, 132_500, 33_125]],
    subtotal: 132_500, total: 165_625,
  },
  {
    kind: 'invoice', currency: 'GBP',
    lines: [
      [10_000, 12_000, 1, 'E', 0, 120_000],
    ],
    taxes: [['E', 0, 120_000, 0]],
    subtotal: 120_000, total: 120_000,
  },
  {
    kind: 'invoice', currency: 'SEK',
    lines: [
      [1000, 320_000, 1, 'O', 0, 320_000],
    ],
    taxes: [['O', 0, 320_000, 0]],
    subtotal: 320_000, total: 320_000,
  },
  {
    kind: 'invoice', currency: 'GBP',
    lines: [
      [10_000, 12_000, 1, 'Z', 0, 120_000],
    ],
    taxes: [['Z', 0, 120_000, 0]],
    subtotal: 120_000, total: 120_000,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [1000, 12_000, 1, 'O', 0, 12_000],
    ],
    taxes: [['O', 0, 12_000, 0]],
    subtotal: 12_000, total: 12_000,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [1000, 1724, 1, 'S', 1900, 1724], [1000, 1_670_407, 1, 'S', 1900, 1_670_407], [1000, 521, 1, 'S', 1900, 521],
      [1000, 28_236, 1, 'S', 1900, 28_236], [1000, 38_668, 1, 'S', 1900, 38_668], [1000, 53_511, 1, 'S', 1900, 53_511],
      [1000, 30_605, 1, 'S', 1900, 30_605],
    ],
    taxes: [['S', 1900, 1_823_672, 346_498]],
    subtotal: 1_823_672, total: 2_170_170,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [1000, 1252, 1, 'S', 1900, 1252], [2000, 6345, 1, 'S', 1900, 12_690], [2000, 4782, 1, 'S', 1900, 9564],
      [1000, 1175, 1, 'S', 1900, 1175], [1000, 980, 1, 'S', 1900, 980],
    ],
    taxes: [['S', 1900, 25_661, 4876]],
    subtotal: 25_661, total: 30_537,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [1000, 40_000, 1, 'S', 1900, 40_000], [1000, 24_000, 1, 'S', 1900, 24_000], [1000, 12_000, 1, 'S', 1900, 12_000],
      [1000, 7000, 1, 'S', 1900, 7000], [1000, 14_000, 1, 'S', 1900, 14_000], [1000, 40_000, 1, 'S', 1900, 40_000],
      [1000, 28_000, 1, 'S', 1900, 28_000], [1000, 48_000, 1, 'S', 1900, 48_000], [1000, 160_000, 1, 'S', 1900, 160_000],
      [1000, 40_000, 1, 'S', 1900, 40_000], [1000, 120_000, 1, 'S', 1900, 120_000],
    ],
    taxes: [['S', 1900, 533_000, 101_270]],
    subtotal: 533_000, total: 634_270,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [1000, 28_879, 1, 'S', 700, 28_879], [1000, 2607, 1, 'S', 700, 2607],
    ],
    taxes: [['S', 700, 31_486, 2204]],
    subtotal: 31_486, total: 33_690,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [4000, 5200, 1, 'AE', 0, 20_800], [1000, 2500, 1, 'AE', 0, 2500],
    ],
    taxes: [['AE', 0, 23_300, 0]],
    subtotal: 23_300, total: 23_300,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [33_000, 14_375, 1, 'S', 1900, 474_375], [42_000, 14_375, 1, 'S', 1900, 603_750], [1000, 0, 1, 'E', 0, 0],
      [-1000, 0, 1, 'E', 0, 0],
    ],
    taxes: [['E', 0, 0, 0], ['S', 1900, 1_078_125, 204_844]],
    subtotal: 1_078_125, total: 1_282_969,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [33_000, 14_375, 1, 'E', 0, 474_375], [42_000, 14_375, 1, 'E', 0, 603_750], [1000, 0, 1, 'E', 0, 0],
      [-1000, 0, 1, 'E', 0, 0],
    ],
    taxes: [['E', 0, 1_078_125, 0]],
    subtotal: 1_078_125, total: 1_078_125,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [1000, 2995, 1, 'S', 1900, 2995], [7000, 1995, 1, 'S', 1900, 13_965], [1000, 1600, 1, 'S', 1900, 1600],
      [10_000, 3295, 1, 'S', 1900, 32_950], [1000, 2295, 1, 'S', 1900, 2295], [1000, 1295, 1, 'S', 1900, 1295],
      [1000, 6995, 1, 'S', 1900, 6995], [3000, 4295, 1, 'S', 1900, 12_885], [6000, 415_645, 100, 'S', 1900, 24_939],
      [1000, 1500, 1, 'S', 1900, 1500], [1000, 1000, 1, 'S', 1900, 1000], [1000, 96_774, 100, 'S', 1900, 968],
      [1000, 375, 1, 'S', 1900, 375], [1000, 700, 1, 'S', 1900, 700], [24_000, 0, 1, 'S', 1900, 0], [6000, 0, 1, 'S', 1900, 0],
      [1000, 4564, 10, 'S', 1900, 456], [1000, 200_542, 100, 'S', 1900, 2005], [1000, 345, 1, 'S', 1900, 345],
      [1000, 4_176_011, 100, 'S', 1900, 41_760], [1000, 19_496, 100, 'S', 1900, 195], [1000, 0, 1, 'E', 0, 0],
      [1000, 0, 1, 'E', 0, 0], [1000, 92_000, 1, 'E', 0, 92_000], [-1000, 10_029, 1, 'S', 1900, -10_029],
    ],
    taxes: [['E', 0, 92_000, 0], ['S', 1900, 139_194, 26_447]],
    subtotal: 231_194, total: 257_641,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [1000, 2995, 1, 'S', 1900, 2995], [-19_000, 100, 1, 'S', 1900, -1900],
    ],
    taxes: [['S', 1900, 1095, 208]],
    subtotal: 1095, total: 1303,
  },
  {
    kind: 'invoice', currency: 'EUR',
    lines: [
      [1000, 100_000, 1, 'S', 1900, 100_000], [1000, 10_000, 1, 'S', 1900, 10_000], [-1000, 10_000, 1, 'Z', 0, -10_000],
      [1000, 50_000, 1, 'S', 1900, 50_000],
    ],
    taxes: [['Z', 0, -10_000, 0], ['S', 1900, 160_000, 30_400]],
    subtotal: 150_000, total: 180_400,
  },
];

describe('the totals of a sample invoice', () => {
  samples.forEach(({ kind, currency, lines, taxes, subtotal, total }, index) => {
    const categories = taxes.map(([category, rateBp]) => `${category} ${rateBp / 100} %`).join(', ');
    const invoiceLines = lines.map(([quantityMilli, unitPriceMinor, priceQuantity, taxCategory, taxRateBp]) =>
      line({ quantityMilli, unitPriceMinor, priceQuantity, taxCategory, taxRateBp }));

    test(`are right: ${index + 1}, ${kind} over ${lines.length} lines in ${currency}, ${categories}`, () => {
      assert.deepEqual(invoiceLines.map(lineNetMinor), lines.map(([, , , , , netMinor]) => netMinor));
      assert.deepEqual(computeTotals(invoiceLines), {
        subtotalMinor: subtotal, totalMinor: total,
        taxes: taxes.map(([category, rateBp, netMinor, taxMinor]) => ({ category, rateBp, netMinor, taxMinor })),
      });
      const xml = writeEInvoice({
        ...input({ currency, servicePeriod: { from: '2026-01-01' }, ...(kind === 'credit_note' ? creditNote : {}) }, invoiceLines),
        ...(kind === 'credit_note' ? { credited } : {}),
      });
      for (const [name, amountMinor] of [
        ['TaxExclusiveAmount', subtotal], ['TaxInclusiveAmount', total], ['PayableAmount', total],
        ...taxes.flatMap(([, , netMinor, taxMinor]) => [['TaxableAmount', netMinor], ['TaxAmount', taxMinor]] as const),
      ] as const) {
        const written = `<cbc:${name} currencyID="${currency}">${toMajorUnits(amountMinor, currency)}</cbc:${name}>`;
        assert(xml.includes(written), written);
      }
    });
  });
});
