// Identifiers with check digits: the electronic addresses whose form Peppol's fatal rules check (PEPPOL-COMMON-*), and Leitweg-IDs.

/** Fatal checks by scheme; a scheme without one is free. The rules for Italian schemes are warnings. */
const checks: Readonly<Record<string, (value: string) => boolean>> = {
  // R049: Swedish organisation numbers, by Luhn.
  '0007': (value) => /^\d{10}$/.test(value) && luhnSum(value) % 10 === 0,
  // R040: GLN of GS1.
  '0088': (value) => /^\d+$/.test(value) && weighted(value, (place) => (place % 2 === 0 ? 1 : 3)) % 10 === 0,
  // R050: Australian Business Numbers.
  '0151': (value) => /^\d{11}$/.test(value) && (weighted(value, (place) => (place === 10 ? 10 : 19 - 2 * place)) - 10) % 89 === 0,
  // R042: Danish CVR numbers.
  '0184': (value) => /^(?:DK)?\d{8}$/.test(value),
  // R041: Norwegian organisation numbers.
  '0192': (value) => /^\d{9}$/.test(value) && Number(value) > 0
    && weighted(value, (place) => (place === 0 ? 1 : (place - 1) % 6 + 2)) % 11 === 0,
  // R043: Belgian enterprise numbers.
  '0208': (value) => /^\d{10}$/.test(value) && Number(value.slice(8)) === 97 - Number(value.slice(0, 8)) % 97,
};

/** Whether Peppol's rules accept an address of this scheme, as it is written. */
export function isAddressValue(scheme: string, value: string): boolean {
  return checks[scheme]?.(value) ?? true;
}

/**
 * Whether a reference is a Leitweg-ID, the address of a German authority: 2 to 12 digits, up to 30 letters and digits, and two check
 * digits (ISO 7064, MOD 97-10), by KoSIT's specification of its format.
 */
export function isLeitwegId(reference: string): boolean {
  if (!/^\d{2,12}(?:-[A-Z\d]{1,30})?-\d{2}$/i.test(reference)) return false;
  const digits = reference.toUpperCase().replaceAll('-', '').replace(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55));
  return BigInt(digits) % 97n === 1n;
}

/** The digits times their weights, by place from the right. */
function weighted(digits: string, weight: (place: number) => number): number {
  return [...digits].reduce((sum, digit, index) => sum + Number(digit) * weight(digits.length - 1 - index), 0);
}

function luhnSum(digits: string): number {
  return [...digits].reduce((sum, digit, index) => {
    const product = Number(digit) * ((digits.length - 1 - index) % 2 === 0 ? 1 : 2);
    return sum + Math.floor(product / 10) + product % 10;
  }, 0);
}
