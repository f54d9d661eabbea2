import {
  checkNamePrefix,
  type FormatCheck,
  isDNS1035Label,
  isDNS1123Label,
  isDNS1123Subdomain,
  isLabelValue,
  isQualifiedName,
} from '#apimachinery';
import type { Functions } from '../check/declarations.js';
import { cel } from '../type.js';
import { parseDate, parseTimestamp } from '../values/times.js';
import { ArrayList, EvaluationError, Optional, type Value } from '../values/value.js';
import { FORMAT, FormatValue } from './format-value.js';
import { uriProblem } from './urls.js';

/** Named formats of Kubernetes: k8s.io/apiserver/pkg/cel/library/format.go. The sizes of patterns are the reference's. */

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const UUID_PATTERN_SIZE = 70;
const DATE_TIME_PATTERN_SIZE = 71;

function unless(holds: (text: string) => boolean, message: string): FormatCheck {
  return (text) => (holds(text) ? [] : [message]);
}

function prefix(check: FormatCheck): FormatCheck {
  return (text) => checkNamePrefix(check, text);
}

/** A time that is out of range is no time. */
function isTime(parse: (text: string) => unknown, text: string): boolean {
  try {
    return parse(text) !== undefined;
  } catch (error) {
    if (error instanceof EvaluationError) return false;
    throw error;
  }
}

const FORMATS: readonly (readonly [string, string, FormatCheck, number])[] = [
  ['dns1123Label', 'DNS1123Label', isDNS1123Label, 30],
  ['dns1123Subdomain', 'DNS1123Subdomain', isDNS1123Subdomain, 60],
  ['dns1035Label', 'DNS1035Label', isDNS1035Label, 30],
  ['qualifiedName', 'QualifiedName', isQualifiedName, 60],
  ['dns1123LabelPrefix', 'DNS1123LabelPrefix', prefix(isDNS1123Label), 30],
  ['dns1123SubdomainPrefix', 'DNS1123SubdomainPrefix', prefix(isDNS1123Subdomain), 60],
  ['dns1035LabelPrefix', 'DNS1035LabelPrefix', prefix(isDNS1035Label), 30],
  ['labelValue', 'LabelValue', isLabelValue, 40],
  ['uri', 'URI', (text) => [uriProblem(text)].filter((problem) => problem !== undefined), 1103],
  ['uuid', 'uuid', unless((text) => UUID.test(text), 'does not match the UUID format'), UUID_PATTERN_SIZE],
  ['byte', 'byte', unless((text) => BASE64.test(text), 'invalid base64'), 84],
  ['date', 'date', unless((text) => isTime(parseDate, text), 'invalid date'), DATE_TIME_PATTERN_SIZE],
  ['datetime', 'datetime', unless((text) => isTime(parseTimestamp, text), 'invalid datetime'), DATE_TIME_PATTERN_SIZE],
];

export function declareFormats(functions: Functions): void {
  const formats = new Map<string, FormatValue>();
  for (const [name, title, check, patternSize] of FORMATS) {
    const format = new FormatValue(title, check, patternSize);
    formats.set(name, format);
    functions.global(`format.${name}`, `format.${name}`, [], FORMAT, () => format);
  }
  functions.global('format.named', 'format-named', [cel.string], cel.optional(FORMAT), (name): Value => {
    const format = formats.get(name as string);
    return format === undefined ? Optional.none : Optional.of(format);
  });
  const problems = cel.optional(cel.list(cel.string));
  functions.member('validate', 'format-validate', [FORMAT, cel.string], problems, (format, text) => {
    const found = (format as FormatValue).validate(text as string);
    return found.length === 0 ? Optional.none : Optional.of(new ArrayList(found));
  });
}
