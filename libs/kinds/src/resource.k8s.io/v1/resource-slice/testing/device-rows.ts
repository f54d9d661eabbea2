import type { CreateRow, RuleTable, UpdateRow } from '../../../../testing/rule-table.js';
import { words } from '../../../../testing/spec-support.js';

const cIdentifier =
  "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";
const members = '`int`, `bool`, `string`, `version`, `ints`, `bools`, `strings`, `versions`';
const semver = 'must be a string compatible with semver.org spec 2.0.0';
const perDevice = '`perDeviceNodeSelection` is set to true in the ResourceSlice spec';
const oneOf = `exactly one of \`nodeName\`, \`nodeSelector\`, or \`allNodes\` is required when ${perDevice}`;

/** A device without fault. */
export const device = () => ({
  name: 'gpu-0',
  allowMultipleAllocations: true,
  attributes: {
    numa: { int: 0 },
    fast: { bool: false },
    'example.com/model': { string: 'A' },
    'example.com/driver': { version: '1.2.3-rc.1+build.5' },
  },
  capacity: {
    memory: { value: '10Gi', requestPolicy: { default: '1Gi', validRange: { min: '1Gi', max: '9Gi', step: '1Gi' } } },
    'example.com/cores': { value: '8', requestPolicy: { default: '2', validValues: ['1', '2', '4'] } },
    lanes: { value: '4' },
  },
  taints: [{ key: 'example.com/old', value: 'yes', effect: 'NoSchedule' }],
  consumesCounters: [{ counterSet: 'set', counters: { memory: { value: '1Gi' } } }],
  bindingConditions: ['example.com/ready'],
  bindingFailureConditions: ['example.com/broken'],
});

/** Each error is of the device. */
function row(change: (device: any, spec: any) => void, ...errors: string[]): CreateRow {
  const create = ({ spec }: any) => change(spec.devices[0], spec);
  return {
    create: Object.assign(create, { toString: () => change.toString() }),
    errors: errors.map((text) => `spec.devices[0]${text}`),
  };
}

function policyRow(policy: object, ...errors: string[]): CreateRow {
  return row(
    ({ capacity }) => (capacity.lanes.requestPolicy = policy),
    ...errors.map((text) => `.capacity[lanes].requestPolicy${text}`),
  );
}

/** Of a device that has it already. */
function storedRow(change: (device: any) => void): UpdateRow {
  const stored = ({ spec }: any) => change(spec.devices[0]);
  return {
    stored: Object.assign(stored, { toString: () => change.toString() }),
    update: ({ spec }) => (spec.devices[0].attributes.numa.int = 1),
    errors: [],
  };
}

const named = (count: number, value: unknown) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, value]));
const names = (count: number) => Array.from({ length: count }, (_, index) => `a${index}`);

export const deviceRows: RuleTable['rows'] = {
  'attributes: at most 32 with the capacities, under a C identifier with or without a domain, each with one int, bool, string or version (semver) of at most 64 bytes':
    [
      row(
        (device) => (device.attributes = named(49, { int: 1 })),
        ': Invalid value: 52: the total number of attributes and capacities must not exceed 32',
        ': Invalid value: 49: the total number of attribute values must not exceed 48',
      ),
      row((device) => (device.attributes = { '1': { int: 1 } }), `.attributes: Invalid value: "1": ${cIdentifier}`),
      row(
        (device) => (device.attributes = { '/': { int: 1 } }),
        '.attributes: Invalid value: "": the domain must not be empty',
        '.attributes: Invalid value: "": the name must not be empty',
      ),
      row(
        (device) => (device.attributes = { [`a_/${'b'.repeat(33)}`]: { int: 1 } }),
        `.attributes: Invalid value: "a_": ${words.subdomain}`,
        '.attributes: Too long: may not be more than 32 bytes',
      ),
      row(
        (device) =>
          (device.attributes = {
            ['a'.repeat(97)]: { string: 'x'.repeat(65) },
            version: { version: '1.2' },
            long: { version: `1.2.3-${'a'.repeat(60)}` },
          }),
        '.attributes: Too long: may not be more than 32 bytes',
        `.attributes[${'a'.repeat(47)}...${'a'.repeat(46)}].string: Too long: may not be more than 64 bytes`,
        `.attributes[version].version: Invalid value: "1.2": ${semver}`,
        '.attributes[long].version: Too long: may not be more than 64 bytes',
      ),
      row(
        (device) => (device.attributes = { none: {}, two: { bool: true, int: 1 } }),
        `.attributes[none]: Invalid value: "": must specify one of: ${members}`,
        `.attributes[two]: Invalid value: "{int, bool}": must specify exactly one of: ${members}`,
      ),
    ],
  'capacity: a policy for requests only with allowMultipleAllocations, of sorted values or of a range with steps, with a default that it allows':
    [
      row((device) => (device.capacity = { '1': { value: '1' } }), `.capacity: Invalid value: "1": ${cIdentifier}`),
      row(
        (device) => (device.allowMultipleAllocations = false),
        '.capacity[memory].requestPolicy: Forbidden: allowMultipleAllocations must be true',
        '.capacity[example.com/cores].requestPolicy: Forbidden: allowMultipleAllocations must be true',
      ),
      storedRow((device) => (device.capacity.lanes.requestPolicy = { validValues: ['9'] })),
      policyRow({}),
      policyRow(
        { default: '1', validValues: ['1'], validRange: { min: '1' } },
        ': Forbidden: exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time',
      ),
      policyRow({ validValues: ['1'] }, '.default: Required value: required when validValues is defined'),
      policyRow({ validRange: { min: '1' } }, '.default: Required value: required when validRange is defined'),
      policyRow(
        { default: '3', validValues: ['2', '1', '1500m', '5'] },
        '.validValues[1]: Invalid value: "1": values must be sorted in ascending order',
        '.validValues[3]: Invalid value: "5": option is larger than capacity value: 4',
        '.validValues[2]: Duplicate value: "2"',
        '.validValues: Invalid value: "3": default value is not valid according to the requestPolicy',
      ),
      policyRow(
        { default: '1', validValues: Array.from({ length: 11 }, () => '1') },
        '.validValues: Too many: 11: must have at most 10 items',
        '.validValues: Invalid value: "1": default value is not valid according to the requestPolicy',
      ),
      policyRow(
        { default: '1', validRange: {} },
        '.validRange.min: Required value: required when validRange is defined',
      ),
      policyRow(
        { default: '4', validRange: { min: '5', max: '6' } },
        '.validRange.min: Invalid value: "5": min is larger than capacity value: 4',
        '.validRange.default: Invalid value: "4": default is less than min: 5',
        '.validRange.max: Invalid value: "6": max is larger than capacity value: 4',
      ),
      policyRow(
        { default: '3', validRange: { min: '2', max: '1' } },
        '.validRange.max: Invalid value: "2": min is larger than max: 1',
        '.validRange.default: Invalid value: "3": default is more than max: 1',
      ),
      policyRow(
        { default: '1', validRange: { min: '1', step: '0' } },
        '.validRange.step: Invalid value: "0": must be greater than zero',
      ),
      policyRow(
        { default: '2', validRange: { min: '1', max: '3', step: '4' } },
        '.validRange.step: Invalid value: "4": one step 5 is larger than capacity value: 4',
        '.validRange.step: Invalid value: "2": value is not a multiple of a given step (4) from (1)',
        '.validRange.step: Invalid value: "3": value is not a multiple of a given step (4) from (1)',
      ),
      policyRow(
        { default: '1', validRange: { min: '-1', step: '1' } },
        '.validRange.min: Invalid value: "-1": must be greater than or equal to 0',
      ),
      row(
        ({ capacity }) =>
          (capacity.lanes = {
            value: '100E',
            requestPolicy: { default: '1', validRange: { min: '1', step: '18446744073709551616' } },
          }),
        '.capacity[lanes].requestPolicy.validRange.step: Invalid value: "18446744073709551616": must not be larger than 9223372036854775807',
      ),
    ],
  'taints: at most 16; key is a label key, value a label value, effect is required, one of NoExecute, NoSchedule, None':
    [
      row(
        (device) =>
          (device.taints = [
            { key: '-', value: '-' },
            { key: 'a', effect: 'Odd' },
          ]),
        `.taints[0].key: Invalid value: "-": ${words.namePart}`,
        `.taints[0].value: Invalid value: "-": ${words.labelValue}`,
        '.taints[0].effect: Required value',
        '.taints[1].effect: Unsupported value: "Odd": supported values: "NoExecute", "NoSchedule", "None"',
      ),
      row(
        (device) => (device.taints = Array.from({ length: 17 }, () => ({ key: 'a', effect: 'None' }))),
        '.taints: Too many: 17: must have at most 16 items',
      ),
      storedRow((device) => (device.taints = [{ key: '-', effect: 'None', timeAdded: '2026-01-01T00:00:00Z' }])),
    ],
  'counters: at most 32 in a set, under DNS labels; a device takes from at most 2 sets': [
    row(
      (device) =>
        (device.consumesCounters = [
          { counterSet: 'set', counters: { A: { value: '1' } } },
          { counterSet: 'set', counters: named(33, { value: '1' }) },
        ]),
      '.consumesCounters[1].counters: Too many: 33: must have at most 32 items',
      `.consumesCounters[0].counters: Invalid value: "A": ${words.label}`,
      `.consumesCounters[1]: Duplicate value: ${JSON.stringify({
        counterSet: 'set',
        counters: Object.fromEntries(
          names(33)
            .sort()
            .map((name) => [name, { value: '1' }]),
        ),
      })}`,
    ),
    row(
      (device) =>
        (device.consumesCounters = [{ counterSet: '' }, { counterSet: 'A', counters: { a: { value: '1' } } }]),
      '.consumesCounters[0].counterSet: Required value',
      '.consumesCounters[0].counters: Required value',
      `.consumesCounters[1].counterSet: Invalid value: "A": ${words.label}`,
    ),
    row(
      (device) => (device.consumesCounters[0].counterSet = 'x'.repeat(64)),
      `.consumesCounters[0].counterSet: Invalid value: "${'x'.repeat(64)}": must be no more than 63 bytes`,
    ),
    row(
      (device) => (device.consumesCounters = [{}, {}, {}]),
      '.consumesCounters: Too many: 3: must have at most 2 items',
    ),
    {
      create: ({ spec }) => {
        delete spec.devices;
        const counters = { a: { value: '1' } };
        spec.sharedCounters = [
          { name: 'set', counters },
          { name: 'set', counters },
          { name: 'A', counters: {} },
        ];
      },
      errors: [
        'spec.sharedCounters[1]: Duplicate value: {"name":"set","counters":{"a":{"value":"1"}}}',
        `spec.sharedCounters[2].name: Invalid value: "A": ${words.label}`,
        'spec.sharedCounters[2].counters: Required value',
      ],
    },
  ],
  'nodes of a device: exactly one of nodeName, nodeSelector, allNodes with perDeviceNodeSelection, otherwise none': [
    row(
      (device) => (device.nodeName = 'n'),
      `: Invalid value: null: \`nodeName\`, \`nodeSelector\` and \`allNodes\` can only be set if ${perDevice}`,
    ),
    row((_, spec) => {
      delete spec.nodeName;
      spec.perDeviceNodeSelection = true;
    }, `: Required value: ${oneOf}`),
    row(
      (device, spec) => {
        delete spec.nodeName;
        spec.perDeviceNodeSelection = true;
        Object.assign(device, { nodeName: 'N', allNodes: true });
      },
      `.nodeName: Invalid value: "N": ${words.subdomain}`,
      `: Invalid value: "{\`nodeName\`, \`allNodes\`}": ${oneOf}`,
    ),
    row(
      (device, spec) => {
        delete spec.nodeName;
        spec.perDeviceNodeSelection = true;
        Object.assign(device, { nodeName: '', allNodes: false, nodeSelector: { nodeSelectorTerms: [] } });
      },
      '.nodeName: Invalid value: "": must not be empty',
      '.nodeSelector.nodeSelectorTerms: Required value: must have at least one node selector term',
      '.allNodes: Invalid value: false: must be either unset or set to true',
    ),
  ],
  'binding conditions: at most 4 label keys that must hold and 4 others that must not; both or neither': [
    row(
      (device) =>
        Object.assign(device, { bindingConditions: ['-', 'a', 'a'], bindingFailureConditions: ['b', 'b', 'a'] }),
      `.bindingConditions[0]: Invalid value: "-": ${words.namePart}`,
      '.bindingConditions[2]: Duplicate value: "a"',
      '.bindingFailureConditions[1]: Duplicate value: "b"',
      '.bindingFailureConditions[2]: Invalid value: "a": bindingFailureConditions must not overlap with bindingConditions',
    ),
    row(
      (device) => (device.bindingConditions = names(5)),
      '.bindingConditions: Too many: 5: must have at most 4 items',
    ),
    row(
      (device) => delete device.bindingConditions,
      '.bindingConditions: Invalid value: null: bindingConditions are required to use bindingFailureConditions',
    ),
    row(
      (device) => delete device.bindingFailureConditions,
      '.bindingFailureConditions: Invalid value: null: bindingFailureConditions are required to use bindingConditions',
    ),
  ],
};
