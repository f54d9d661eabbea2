import { canonicalQuantity, Quantity } from '#apimachinery';

/**
 * Normal forms of the scalar types whose JSON form is a string with rules. Each throws a plain Error with the text that
 * the reference's decoder gives.
 */

const canonicalTime = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;
const rfc3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:[.,](\d+))?(Z|[+-]\d{2}:\d{2})$/;

/** meta/v1 Time: UTC, whole seconds. */
export function normalTime(text: string): string {
  if (canonicalTime.test(text)) return text;
  const [instant] = parse(text, '2006-01-02T15:04:05Z07:00');
  return `${instant.toISOString().slice(0, 19)}Z`;
}

/** meta/v1 MicroTime: UTC, six decimals. */
export function normalMicroTime(text: string): string {
  const [instant, fraction] = parse(text, '2006-01-02T15:04:05.000000Z07:00');
  return `${instant.toISOString().slice(0, 19)}.${fraction.padEnd(6, '0').slice(0, 6)}Z`;
}

function parse(text: string, layout: string): [Date, string] {
  const match = rfc3339.exec(text);
  const instant = match === null ? undefined : new Date(`${match[1]}${match[3]}`);
  if (match === null || instant === undefined || Number.isNaN(instant.getTime())) {
    throw new Error(
      `parsing time ${JSON.stringify(text)} as "${layout}": cannot parse ${JSON.stringify(text)} as "2006"`,
    );
  }
  return [instant, match[2] ?? ''];
}

const base64Text = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Standard base64 with padding; line breaks inside are dropped as Go's decoder does. */
export function normalBase64(text: string): string {
  if (base64Text.test(text)) return text;
  const joined = text.replace(/[\r\n]/g, '');
  if (base64Text.test(joined)) return joined;
  const bad = joined.search(/[^A-Za-z0-9+/]/);
  const at = bad < 0 ? joined.length - (joined.length % 4) : bad;
  throw new Error(`illegal base64 data at input byte ${at}`);
}

const seen = new Map<string, string>();
const rememberedQuantities = 10_000;

/** Canonical form of a quantity. Manifests repeat a few of them, so the answers are remembered. */
export function normalQuantity(text: string): string {
  const known = seen.get(text);
  if (known !== undefined) return known;
  const normal = canonicalQuantity(text);
  if (seen.size >= rememberedQuantities) seen.clear();
  seen.set(text, normal);
  return normal;
}

/** Canonical form of a resource amount: as normalQuantity, rounded up to a thousandth. */
export function normalResourceAmount(text: string): string {
  const normal = normalQuantity(text);
  return /[nu]$|\./.test(normal) ? Quantity.parse(normal).roundUp(-3).toString() : normal;
}
