import type { Device, DeviceAttribute } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { checkQualifiedName } from '../device-names.validation.js';
import { eachNamed } from '../limited-lists.validation.js';

/** Lists as values belong to a feature that is off: none of them gets here. */

const MAX_NAMES = 32;
const MAX_VALUES = 48;
const MAX_VALUE_BYTES = 64;

/** The members that hold the value, in the order in which an error names them. */
const scalars = ['int', 'bool', 'string', 'version'] as const;
const members = '`int`, `bool`, `string`, `version`, `ints`, `bools`, `strings`, `versions`';

const NUMBER = String.raw`(?:0|[1-9]\d*)`;
const PRE_RELEASE = String.raw`(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*)`;
const BUILD = '[\\dA-Za-z-]+';
const VERSION = new RegExp(
  `^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${PRE_RELEASE}(?:\\.${PRE_RELEASE})*)?(?:\\+${BUILD}(?:\\.${BUILD})*)?$`,
);

/** With the cursor at the device. */
export function checkDeviceAttributes(at: FieldCursor, { attributes = {}, capacity = {} }: Device): void {
  const values = Object.keys(attributes).length;
  const names = values + Object.keys(capacity).length;
  if (names > MAX_NAMES) {
    at.invalid('', names, `the total number of attributes and capacities must not exceed ${MAX_NAMES}`);
  }
  if (values > MAX_VALUES) {
    at.invalid('', values, `the total number of attribute values must not exceed ${MAX_VALUES}`);
  }
  eachNamed(
    at,
    'attributes',
    attributes,
    (key) => checkQualifiedName(at, '', key),
    (attribute) => checkAttribute(at, attribute ?? {}),
  );
}

function checkAttribute(at: FieldCursor, attribute: DeviceAttribute): void {
  const { string, version } = attribute;
  if (string !== undefined) checkLength(at, 'string', string);
  if (version !== undefined) {
    if (!VERSION.test(version)) {
      at.invalid('version', version, 'must be a string compatible with semver.org spec 2.0.0');
    }
    checkLength(at, 'version', version);
  }
  const given = scalars.filter((name) => attribute[name] !== undefined);
  if (given.length === 0) at.declared(() => at.invalid('', '', `must specify one of: ${members}`));
  else if (given.length > 1) {
    at.declared(() => at.invalid('', `{${given.join(', ')}}`, `must specify exactly one of: ${members}`));
  }
}

function checkLength(at: FieldCursor, name: string, value: string): void {
  if (Buffer.byteLength(value) > MAX_VALUE_BYTES) at.tooLong(name, MAX_VALUE_BYTES);
}
